# SPDX-License-Identifier: Apache-2.0
"""The command `emoclip metric-space`: one of our metrics as a Space of the Hub, written to a folder and pushed on request."""

from __future__ import annotations

import argparse
from pathlib import Path

from emoclip.console import write_line


EXAMPLES = """examples:
  emoclip metric-space                                      lists the metrics
  emoclip metric-space uar --output outputs/metrics         writes outputs/metrics/uar, a complete Space
  emoclip metric-space uar --output outputs/metrics --push me/uar

Log in first: hf auth login. The Space is then loaded by evaluate.load("me/uar")."""


def main(argv: list[str] | None = None) -> int:
    """Runs `emoclip metric-space` and returns the exit code."""
    arguments = build_parser().parse_args(argv)
    from emoclip.metrics.loading import module_names

    if arguments.name is None:
        for name in module_names():
            write_line(name)
        return 0
    from emoclip.metrics.space import write_metric_space

    owner, repo = _owner(arguments.push, arguments.name)
    folder = write_metric_space(arguments.name, arguments.output, owner=owner)
    write_line(f"Written: {folder}")
    if repo is not None:
        write_line(f"Published: {_push(folder, repo, private=arguments.private)}")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    parser = argparse.ArgumentParser(
        prog="emoclip metric-space",
        description="Write one of our metrics as a Space that evaluate.load loads from the Hub, and push it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", metavar="METRIC", help="name of the metric; without it they are listed")
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", default=Path("metrics"), help="parent folder (metrics)"
    )
    parser.add_argument("--push", metavar="USER/NAME", help="also put it on the Hub, under this name")
    parser.add_argument("--private", action="store_true", help="only you can see it there")
    return parser


def _owner(repo: str | None, name: str) -> tuple[str, str | None]:
    """User and repository; the repository must have the metric's name, by which the library looks for the module."""
    if repo is None:
        return "your-name", None
    owner, slash, last = repo.partition("/")
    if not slash or last != name or not owner:
        raise ValueError(f"`--push` must be USER/{name}, because the library looks for {name}.py, got {repo!r}.")
    return owner, repo


def _push(folder: Path, repo: str, *, private: bool) -> str:
    from huggingface_hub import HfApi

    api = HfApi()
    api.create_repo(repo, repo_type="space", space_sdk="gradio", private=private, exist_ok=True)
    commit = api.upload_folder(
        folder_path=folder, repo_id=repo, repo_type="space", commit_message=f"Metric {folder.name}"
    )
    return commit.commit_url


__all__ = ["build_parser", "main"]
