# SPDX-License-Identifier: Apache-2.0
"""Outputs are checked before the work and appear at once after it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_new_file(path: Path, *, suffix: str | None = None, overwrite: bool | None = None) -> None:
    """Refuse an output that could not be written in the end, before hours of work; its folder is made.

    Args:
        path: The file to write.
        suffix: What its name must end in.
        overwrite: Whether it may be there already; `None` for what cannot be overwritten.

    Raises:
        FileExistsError: It is there, or a part of its path is a file.
        PermissionError: The folder cannot be written to.
        ValueError: The name ends in something else.
    """
    if suffix is not None and path.suffix != suffix:
        raise ValueError(f"`--output` must end in {suffix}, got {path}.")
    if path.exists() and not overwrite:
        remedy = " or remove it" if overwrite is None else " or pass --overwrite"
        raise FileExistsError(
            f"The output must not exist yet, got {path}; choose another name or remove it ({remedy})"
        )
    check_writable(path.parent)


def check_writable(folder: Path) -> None:
    """Make a folder and write a file in it.

    Raises:
        FileExistsError: A part of the path is a file.
        PermissionError: The folder cannot be made or written to.
    """
    probe = folder / f".write.{os.getpid()}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink(missing_ok=True)  # another process of this number, on another machine, may have been quicker
    except (FileExistsError, NotADirectoryError) as error:
        raise FileExistsError(
            f"The output must lie in a folder, a part of {folder} is a file; choose another."
        ) from error
    except OSError as error:
        raise PermissionError(
            f"The output must lie in a folder that can be written to, {folder} cannot ({error.strerror}); choose another."
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to, and rename it to `path` if the block ends without an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


__all__ = ["check_new_file", "check_writable", "replacing"]
