# SPDX-License-Identifier: Apache-2.0
"""What made a result: command, commit, versions, checksums."""

import hashlib
import importlib.metadata
import platform
import shlex
import subprocess
import sys
from pathlib import Path


_PACKAGES = ("emoclip", "torch", "transformers", "accelerate", "datasets", "numpy", "av")


def git_commit(folder: str | Path | None = None) -> str | None:
    """Commit of the checkout that holds this package, with `+changes` where tracked files differ; None outside of one.

    Args:
        folder: Another folder to ask about.
    """
    folder = Path(__file__).parent if folder is None else Path(folder)
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}+changes" if changed else commit


def command_line() -> str:
    """The command of this process as one would type it, the program without its folder."""
    name = Path(sys.argv[0]).name
    return shlex.join([*(["python"] if name.endswith(".py") else []), name, *sys.argv[1:]])


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on; a package that is not installed is left out."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file in hexadecimal, read in blocks.

    Raises:
        FileNotFoundError: If the file does not exist.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _git(folder: Path, *arguments: str) -> str | None:
    """Output of one git command, None if git is missing or the folder is in no checkout."""
    try:
        result = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return result.stdout.strip() if result.returncode == 0 else None
