# SPDX-License-Identifier: Apache-2.0
"""Folders that are there as a whole or not at all: filled under a dotted name, brought to the disk, renamed; removed the same way."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from emoclip.data.worker_notes import is_worker_death


# PyTorch and safetensors tell a full disk as errors of their own.
WRITE_ERRORS = (OSError, RuntimeError, SafetensorError)


@contextmanager
def whole_folder(folder: Path, what: str) -> Iterator[Path]:
    """Give an empty folder to fill, and put it in the place of `folder` if the block ends without an error.

    Args:
        folder: where it goes; an older one is replaced.
        what: is written, for the message.

    Raises:
        OSError: it could not be written; an older folder is as it was.
    """
    partial = partial_of(folder)
    with telling_full_disk(what, folder.parent):
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            yield partial
            flush(partial)
            put_in_place(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def telling_full_disk(what: str, where: Path, remedy: str = "go on with --resume") -> Iterator[None]:
    """A block that writes; what fails in it is told as one sentence, except for the death of a worker that PyTorch tells there.

    Raises:
        OSError: `what` could not be written.
    """
    try:
        yield
    except WRITE_ERRORS as error:
        if is_worker_death(error):
            raise
        raise OSError(f"{what} could not be written to {where} ({error}); make room there and {remedy}.") from error


def partial_of(folder: Path) -> Path:
    """Where a folder is filled before it is renamed."""
    return folder.with_name(f".{folder.name}.partial")


def flush(folder: Path) -> None:
    """Wait until the files are on the disk: a rename that outlives a power cut must not name empty files."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def put_in_place(partial: Path, folder: Path) -> None:
    """Rename a filled folder; one that is there already goes."""
    aside = folder.with_name(f".{folder.name}.replaced")
    if folder.exists():
        folder.rename(aside)
    partial.rename(folder)
    shutil.rmtree(aside, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder so that a kill leaves no half of it under its name."""
    aside = folder.with_name(f".{folder.name}.removed")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def clear_leftovers(parent: Path) -> None:
    """Remove what kills have left behind, so that it does not fill the disk."""
    for name in (".*.partial", ".*.replaced", ".*.removed"):
        for path in parent.glob(name):
            shutil.rmtree(path, ignore_errors=True)


__all__ = [
    "WRITE_ERRORS",
    "clear_leftovers",
    "flush",
    "partial_of",
    "put_in_place",
    "remove_folder",
    "telling_full_disk",
    "whole_folder",
]
