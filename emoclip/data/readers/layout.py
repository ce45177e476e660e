# SPDX-License-Identifier: Apache-2.0
"""Finding and reading the files of an official download, whose names differ between copies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path


PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".flv", ".mpg", ".mpeg", ".wmv")

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


def find(root: Path, *patterns: str) -> Path:
    """Return the path under `root` whose parts match the patterns, one for each level, whatever their case.

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
            raise FileNotFoundError(
                f"{place} must hold {pattern!r} (a pattern), found {there}; is this the right root?"
            )
        place = found[0]
    return place


def find_or_none(root: Path, *patterns: str) -> Path | None:
    """As `find`, but `None` where there is no match."""
    try:
        return find(root, *patterns)
    except FileNotFoundError:
        return None


def read_lines(path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """Yield number, from 1, and text of every line that is not blank.

    Raises:
        ValueError: The file is written in another encoding.
    """
    try:
        text = path.read_text(encoding=encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} must be written in {encoding}, byte {error.start} is not; was it converted or taken from another copy?"
        ) from error
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, line.strip("\r\n")


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
    return [(0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in pieces]


def media_of(path: Path) -> dict[str, object]:
    """Return `path`, `media` and, for folders of frames, `num_frames`, of what lies at a path or would lie there."""
    if path.suffix.lower() in VIDEOS:
        return {"path": path, "media": "video"}
    if path.suffix.lower() in PICTURES:
        return {"path": path, "media": "image", "num_frames": 1}
    count = sum(entry.suffix.lower() in PICTURES for entry in path.iterdir()) if path.is_dir() else None
    return {"path": path, "media": "frames", "num_frames": count}


__all__ = [
    "NOUNS",
    "PICTURES",
    "VIDEOS",
    "class_id",
    "find",
    "find_or_none",
    "listed",
    "media_of",
    "natural_order",
    "numbered_id",
    "read_lines",
]
