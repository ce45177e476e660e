# SPDX-License-Identifier: Apache-2.0
"""Outputs are checked before the work and appear at once after it."""

from __future__ import annotations

import filecmp
import glob
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


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
        remedy = "remove it" if overwrite is None else "pass --overwrite"
        raise FileExistsError(f"The output must not exist yet, got {path}; choose another name or {remedy}.")
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
def replacing(path: Path, *, alone: bool = False) -> Iterator[Path]:
    """Give a temporary name to write to, and rename it to `path` if the block ends without an error.

    What a killed process has left of the same output is removed.

    Args:
        path: The output.
        alone: No other process can be writing it. Then the folder is not searched for leftovers, which for many files takes long.
    """
    if alone:
        temporary = path.with_name(f".{path.name}.tmp")
    else:
        _remove_leftovers(path)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def unwound_by_sigterm() -> Iterator[None]:
    """A block that SIGTERM, the signal of `kill` and of job schedulers, leaves as an error would, so that half an output is removed.

    The process then ends with the exit code 143. A handler that somebody else has set stays, such as that of a training, and children
    that are forked in the block die as before.
    """
    owner = os.getpid()

    def leave(number: int, frame: FrameType | None) -> None:
        if os.getpid() == owner:
            raise SystemExit(128 + number)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    # Handlers can be set in the main thread alone.
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def replacing_same(path: Path) -> Iterator[Path]:
    """As `replacing`, for an output that a run may have written before it was stopped: then it must be what is written now.

    Raises:
        FileExistsError: It is something else.
    """
    with replacing(path) as temporary:
        yield temporary
        if path.exists() and not filecmp.cmp(temporary, path, shallow=False):
            raise FileExistsError(
                f"The output must not exist yet, {path} holds something else; choose another name or remove it."
            )


def is_temporary(path: Path) -> bool:
    """Whether a file has a name that `replacing` gives, and so is half of an output."""
    return path.name.startswith(".") and path.suffix == ".tmp"


def _remove_leftovers(path: Path) -> None:
    """Remove what processes that were killed left of the same output; those of running ones stay."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        number = leftover.name.rsplit(".", 2)[-2]
        if number.isdigit() and not _is_running(int(number)):
            leftover.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    if os.name == "nt":
        return True  # There, asking by a signal would end the process.
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


__all__ = ["check_new_file", "check_writable", "is_temporary", "replacing", "replacing_same", "unwound_by_sigterm"]
