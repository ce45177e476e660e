# SPDX-License-Identifier: Apache-2.0
"""A complete Space: the files of `space/`, and the package itself as a wheel, so that it builds without a release."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.utils import validate_repo_id


FILES = ("README.md", "app.py", "requirements.txt")
REQUIREMENT = "emoclip[demo]"


def assemble_space(
    source: str | Path, output: str | Path, build: Callable[[Path, Path], Path] | None = None
) -> list[Path]:
    """Write the Space's folder anew and return its files.

    Args:
        source: The folder `space/` of a clone.
        output: The folder to write; one that was written so before is replaced.
        build: From the clone and a folder to the wheel written there; by pip if absent.

    Raises:
        FileNotFoundError: The source is no such folder of a clone.
        FileExistsError: The output holds something else.
        ValueError: The package cannot be built, or the requirements do not name it.
    """
    source, output = Path(source), Path(output)
    missing = [name for name in FILES if not (source / name).is_file()]
    if missing or not (source.resolve().parent / "pyproject.toml").is_file():
        raise FileNotFoundError(
            f"A Space is made of the folder `space` of a clone, {source} has no {missing[0] if missing else 'pyproject.toml beside it'}."
        )
    _empty(output)
    wheel = (build or _build_wheel)(source.resolve().parent, output)
    for name in FILES:
        shutil.copyfile(source / name, output / name)
    requirements = output / "requirements.txt"
    lines = requirements.read_text(encoding="utf-8").splitlines()
    if REQUIREMENT not in lines:
        raise ValueError(f"{source / 'requirements.txt'} must have the line {REQUIREMENT}, it has {', '.join(lines)}.")
    named = [f"./{wheel.name}[demo]" if line == REQUIREMENT else line for line in lines]
    requirements.write_text("\n".join(named) + "\n", encoding="utf-8")
    return sorted(output.iterdir())


def push_space(folder: str | Path, repo: str, *, private: bool = True) -> str:
    """Put an assembled folder on the Hub as a Gradio Space, in one commit, and return its address.

    Raises:
        ValueError: The name is none.
        OSError: The Hub cannot be reached or refuses.
    """
    validate_repo_id(repo)
    api = HfApi()
    api.create_repo(repo, repo_type="space", space_sdk="gradio", private=private, exist_ok=True)
    info = api.upload_folder(
        repo_id=repo,
        repo_type="space",
        folder_path=folder,
        commit_message="The page, with its package",
        delete_patterns=["*.whl"],
    )
    return str(info.commit_url)


def _empty(output: Path) -> None:
    if output.exists():
        others = [path for path in output.iterdir() if path.name not in FILES and path.suffix != ".whl"]
        if others:
            raise FileExistsError(
                f"The Space's folder must be new or hold a Space only, {output} holds {others[0].name}."
            )
        shutil.rmtree(output)
    output.mkdir(parents=True)


def _build_wheel(root: Path, output: Path) -> Path:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(output), str(root)]
    told = subprocess.run(command, capture_output=True, text=True)
    if told.returncode:
        raise ValueError(
            f"The package must build by `pip wheel --no-deps {root}`, it does not: {told.stderr.strip()[-300:]}"
        )
    return next(output.glob("emoclip-*.whl"))


__all__ = ["assemble_space", "push_space"]
