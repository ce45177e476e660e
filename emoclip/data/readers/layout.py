# SPDX-License-Identifier: Apache-2.0
"""Finding the files of an official download, whose names differ between copies, and what its words and numbers mean."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path


PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".flv", ".mpg", ".mpeg", ".wmv")

_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)

# Adjectives in folder and file names -> the noun that names the class.
NOUNS = {
    "happy": "happiness",
    "sad": "sadness",
    "angry": "anger",
    "fearful": "fear",
    "surprised": "surprise",
    "disgusted": "disgust",
    "contemptuous": "contempt",
}


def find(root: Path, *patterns: str, name: str | None = None) -> Path:
    """Return the path under `root` whose parts match the patterns, one for each level, whatever their case.

    Args:
        root: Folder of the data set.
        patterns: Regular expressions.
        name: What the first of them looks for, in words that a message can show; else the pattern is shown.

    Raises:
        FileNotFoundError: A level has no match; says what was there instead.
    """
    place = root
    if not root.is_dir():
        raise FileNotFoundError(f"`--root` must be the folder of the data set, got {root}.")
    for pattern in patterns:
        entries = sorted(place.iterdir()) if place.is_dir() else []
        found = [entry for entry in entries if re.fullmatch(pattern, entry.name, re.IGNORECASE)]
        if not found:
            there = ", ".join(entry.name for entry in entries[:8]) or "nothing"
            wanted = name if name and place == root else f"{pattern!r} (a pattern)"
            raise FileNotFoundError(f"{place} must hold {wanted}, found {there}; is this the right root?")
        place = found[0]
    return place


def find_or_none(root: Path, *patterns: str) -> Path | None:
    """As `find`, but `None` where there is no match."""
    try:
        return find(root, *patterns)
    except FileNotFoundError:
        return None


def entries(folder: Path) -> list[Path]:
    """Return what lies in a folder in natural order, without hidden files, such as the `._0001.avi` that macOS puts into archives.

    Raises:
        ValueError: An entry is a symbolic link in a circle.
    """
    found = sorted((entry for entry in folder.iterdir() if not entry.name.startswith(".")), key=natural_order)
    for entry in found:
        refuse_loop(entry)
    return found


def refuse_loop(path: Path) -> None:
    """Raise ValueError for a symbolic link that leads to itself or to a folder it lies in, which has no end."""
    if not path.is_symlink():
        return
    try:
        os.stat(path)  # noqa: PTH116, `Path.stat` and `Path.resolve` report a loop differently in each Python
    except OSError as error:
        if error.errno != errno.ELOOP:
            return  # Nothing there: told with the other missing clips.
        target = path.readlink()
    else:
        target = path.resolve()
        if target not in path.parent.resolve().parents and target != path.parent.resolve():
            return
    raise ValueError(f"{path} must lead to clips, it is a symbolic link in a circle, to {target}; remove it.")


def listed(path: Path, number: int) -> str:
    """Return where a row stands, for messages: the list, by its folder and name, and the line."""
    return f"{path.parent.name}/{path.name}:{number}"


def class_id(word: str, names: tuple[str, ...], place: str) -> int:
    """Return the id of a class word, adjectives and capitals included.

    Raises:
        ValueError: It is no class; names the file and row.
    """
    noun = word.strip().casefold()
    noun = noun if noun in names else NOUNS.get(noun, noun)
    if noun not in names:
        raise ValueError(f"{place}: the label must be one of {', '.join(names)}, got {word!r}.")
    return names.index(noun)


def numbered_id(text: str, order: Mapping[int, str], names: tuple[str, ...], place: str) -> int:
    """Return the id in `names` of a number that the data set's own coding `order` has.

    Raises:
        ValueError: It is no such number; names the file and row.
    """
    try:
        return names.index(order[int(text)])
    except (KeyError, ValueError):
        raise ValueError(f"{place}: the label must be one of {', '.join(map(str, order))}, got {text!r}.") from None


def natural_order(path: Path) -> list[tuple[int, int, str]]:
    """Sorting key by which 2.jpg stands before 10.jpg."""
    pieces = re.split(r"(\d+)", path.name)
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces]


def media_of(path: Path) -> dict[str, object]:
    """Return `path`, `media` and, for folders of frames, `num_frames`, of what lies at a path or would lie there."""
    if path.suffix.lower() in VIDEOS:
        return {"path": path, "media": "video"}
    if path.suffix.lower() in PICTURES:
        return {"path": path, "media": "image", "num_frames": 1}
    return frames_of(path)


def frames_of(folder: Path) -> dict[str, object]:
    """As `media_of` for a folder of frames, whatever its name."""
    count = sum(is_picture(entry) for entry in folder.iterdir()) if _has_mode(folder, stat.S_ISDIR) else None
    return {"path": folder, "media": "frames", "num_frames": count}


def is_file(path: Path) -> bool:
    """Whether a file is there; a name that is longer than the system takes is none, and told with the other missing clips."""
    return _has_mode(path, stat.S_ISREG)


def _has_mode(path: Path, has: Callable[[int], bool]) -> bool:
    # `Path.is_file` and `Path.is_dir` raise for long names in some versions of Python.
    try:
        return has(path.stat().st_mode)
    except OSError as error:
        if error.errno in _ABSENT:
            return False
        raise


def is_picture(path: Path) -> bool:
    """Whether a file is a still or a frame, by its name."""
    return path.suffix.lower() in PICTURES and not path.name.startswith(".")


__all__ = [
    "NOUNS",
    "PICTURES",
    "VIDEOS",
    "class_id",
    "entries",
    "find",
    "find_or_none",
    "frames_of",
    "is_file",
    "is_picture",
    "listed",
    "media_of",
    "natural_order",
    "numbered_id",
    "refuse_loop",
]
