# SPDX-License-Identifier: Apache-2.0
"""The command `emoclip data`: which data sets there are, from a download to a manifest, and from there to the Hub.

emoclip data list
emoclip data prepare --dataset mafw --root /data/MAFW --output data/mafw.parquet
emoclip data push --manifest data/ravdess.parquet --repo me/ravdess
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from emoclip.console import run_command, write_line
from emoclip.data.push_cli import PUSH_EPILOG, add_push_arguments, run_push

from .faces.cli import CROP_EPILOG, add_crop_arguments, run_crop
from .output import check_new_file, check_writable, replacing_same
from .shard_cli import add_shard_arguments, run_shard


if TYPE_CHECKING:
    from .readers.reader import Counts, Reader

PREPARE_EPILOG = """examples:
  --dataset mafw --root /data/MAFW --output data/mafw.parquet
  --dataset mafw --task compound --root /data/MAFW --output data/mafw_compound.parquet
  --dataset folder --root my_clips --output my_clips/manifest.parquet
  --dataset hub --root user/name --output data/name.parquet

Layouts, licences and counts: docs/data.md."""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def _main(argv: list[str] | None) -> None:
    args = build_parser().parse_args(argv)
    runs = {
        "list": lambda _: list_datasets(),
        "prepare": run_prepare,
        "check-media": run_check,
        "shard": run_shard,
        "crop-faces": run_crop,
        "push": run_push,
    }
    runs[args.command](args)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip data` with its commands."""
    parser = argparse.ArgumentParser(
        prog="emoclip data", description="Data sets: which there are, and their manifests."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="the data sets that can be prepared")
    add_prepare_arguments(
        commands.add_parser(
            "prepare",
            help="from an official download to a checked manifest",
            epilog=PREPARE_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    add_check_arguments(commands.add_parser("check-media", help="decode every clip and list what fails"))
    add_shard_arguments(commands.add_parser("shard", help="a manifest and its media as a few large files"))
    add_crop_arguments(
        commands.add_parser(
            "crop-faces",
            help="detect, track and crop the faces of every clip",
            epilog=CROP_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    add_push_arguments(
        commands.add_parser(
            "push",
            help="put what the licence allows on the Hub, with a card",
            epilog=PUSH_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    return parser


def add_prepare_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `prepare`."""
    add = parser.add_argument
    add("--dataset", required=True, metavar="NAME", help="name, see `emoclip data list`; folder is your own clips")
    add(
        "--root",
        required=True,
        metavar="DIR",
        help="folder of the download; for hub a repository user/name or a folder",
    )
    add("--output", required=True, type=Path, metavar="FILE", help="manifest to write, .parquet")
    add("--task", metavar="T", help="one of the data set's tasks (the first); for hub a configuration")
    add("--revision", metavar="REV", help="for hub: commit, branch or tag (the newest)")
    add("--exclude-ids", type=Path, metavar="FILE", help="text file with clip ids to leave out, one a line")
    add(
        "--allow-missing",
        action="store_true",
        help="go on without missing clips and with other counts, and record both",
    )
    add("--overwrite", action="store_true", help="replace the manifest if it exists")


def prepare_main(argv: list[str] | None = None) -> None:
    """Parse the arguments of `prepare` and run it."""
    parser = argparse.ArgumentParser(
        description="From an official download to a checked manifest.",
        epilog=PREPARE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_prepare_arguments(parser)
    run_prepare(parser.parse_args(argv))


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `check-media`."""
    add = parser.add_argument
    add("--manifest", required=True, type=Path, metavar="FILE", help="the manifest")
    add("--output", required=True, type=Path, metavar="FILE", help="table to write, .parquet: frames and errors")
    add("--exclude", type=Path, metavar="FILE", help="also write the ids that failed, for prepare --exclude-ids")
    add("--good", type=Path, metavar="FILE", help="also write a manifest of the clips that decode")
    add(
        "--quarantine", type=Path, metavar="DIR", help="also move the files that fail out of the way, into this folder"
    )
    add(
        "--root",
        type=Path,
        metavar="DIR",
        help="folder of the media, below which --quarantine may move files (that of the manifest)",
    )
    add("--workers", type=int, default=1, metavar="N", help="processes that decode (1)")


def check_media_main(argv: list[str] | None = None) -> None:
    """Parse the arguments of `check-media` and run it."""
    parser = argparse.ArgumentParser(description="Decode every clip of a manifest and list what fails.")
    add_check_arguments(parser)
    run_check(parser.parse_args(argv))


def run_check(args: argparse.Namespace) -> None:
    """Decode every clip, write the table and say what failed."""
    from tqdm import tqdm

    from emoclip.data.media_check import check_media, is_checked
    from emoclip.data.quarantine import move_failed, write_good

    finished = is_checked(args.manifest, args.output)
    _check_outputs(args, finished)

    def with_bar(results: Iterable, total: int) -> Iterable:
        return tqdm(results, total=total, desc="clips", unit="clip", disable=None)

    failed = check_media(args.manifest, args.output, workers=args.workers, progress=with_bar)
    if finished:
        write_line(f"Decoded before: {args.output}; remove it to decode again")
    for one in failed[:20]:
        write_line(f"{one.clip_id}: {one.error}")
    write_line(f"{len(failed)} clips failed")
    if args.exclude is not None:
        with replacing_same(args.exclude) as temporary:
            temporary.write_text("".join(f"{one.clip_id}\n" for one in failed), encoding="utf-8")
        write_line(f"Written: {args.exclude}")
    if args.good is not None:
        write_good(args.manifest, args.good, failed)
        write_line(f"Written: {args.good}")
    if args.quarantine is not None:
        moved = move_failed(args.manifest, args.quarantine, failed, args.root)
        write_line(f"Moved: {len(moved)} files to {args.quarantine}")
    write_line(f"Written: {args.output}")


def _check_outputs(args: argparse.Namespace, finished: bool) -> None:
    """All of the outputs before the night of decoding; after it, a run that was killed may have written some of them."""
    from emoclip.data.quarantine import check_below

    if args.workers < 1:
        raise ValueError(f"`--workers` must be at least 1, got {args.workers}.")
    written = True if finished else None
    if args.exclude is not None:
        check_new_file(args.exclude, overwrite=written)
    if args.good is not None:
        check_new_file(args.good, suffix=".parquet", overwrite=written)
    if args.quarantine is not None:
        check_below(args.manifest, args.root)
        check_writable(args.quarantine)


def list_datasets() -> None:
    """Print a line for every data set."""
    from emoclip.data.readers import READERS

    for reader in READERS.values():
        tasks = ", ".join(f"{task} ({len(names)})" if names else task for task, names in reader.tasks.items())
        write_line(f"{reader.name:12} {reader.title:19} {tasks:27} {reader.licence}")
        write_line(f"{'':12} {reader.access}")


def run_prepare(args: argparse.Namespace) -> None:
    """Write the manifest and print its counts beside the official ones."""
    from emoclip.data.prepare import prepare, read_ids

    exclude_ids = read_ids(args.exclude_ids) if args.exclude_ids else set()
    prepared = prepare(
        args.dataset,
        args.root,
        args.output,
        task=args.task,
        revision=args.revision,
        allow_missing=args.allow_missing,
        exclude_ids=exclude_ids,
        overwrite=args.overwrite,
        progress=_with_bar,
        show=_show_counts,
    )
    if prepared.missing:
        write_line(f"Missing: {len(prepared.missing)} clips, first {prepared.missing[0]}")
    if exclude_ids:
        write_line(f"Left out on request: {prepared.excluded} clips, of {len(exclude_ids)} ids in {args.exclude_ids}")
    for note in (*prepared.reader.notes, *prepared.doubts):
        write_line(f"Note: {note}")
    write_line(f"Written: {prepared.output}")


def _show_counts(counts: Counts, reader: Reader, task: str) -> None:
    from emoclip.data.counts import table_lines

    for line in table_lines(counts, reader, task):
        write_line(line)


def _with_bar(rows: Iterable[dict]) -> Iterable[dict]:
    from tqdm import tqdm

    return tqdm(rows, desc="clips", unit="clip", disable=None)


if __name__ == "__main__":
    raise SystemExit(main())
