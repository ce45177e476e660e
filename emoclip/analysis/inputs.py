# SPDX-License-Identifier: Apache-2.0
"""What a user may mean by videos: one, a list, a pattern, a folder of them."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modeling_emoclip.video_processing_emoclip import as_video_list
from modeling_emoclip.video_sources_emoclip import IMAGE_SUFFIXES


# Endings by which files of a folder are taken for videos; a file that is named is tried whatever its ending.
VIDEO_SUFFIXES = (
    ".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts",
    ".webm", ".wmv",
)  # fmt: skip


def list_videos(video: Any) -> list[Any]:
    """Return the videos that are meant, each in a form the decoder takes.

    Args:
        video: One video; a list of videos (a list of pictures is one video); a path with `*`, `?` or `[...]` that is no
            file itself; or a folder that holds videos, which are taken in the order of their names, those of folders
            within left out. A folder of pictures is one video.

    Raises:
        FileNotFoundError: A pattern fits no file.
        ValueError: The list is empty, a folder holds videos beside pictures, or a number is meant for a camera.
    """
    if isinstance(video, int):
        raise ValueError(
            f"A video must have an end, got the number {video}, which names a camera; run `emoclip webcam --source {video}`, "
            "or in Python `emoclip.live.watching.watch` with `seconds`."
        )
    return [one for entry in as_video_list(video) for one in _expanded(entry)]


def _expanded(entry: Any) -> list[Any]:
    if not isinstance(entry, str | Path):
        return [entry]
    path = Path(entry)
    if path.is_dir():
        return _of_folder(path)
    if not path.exists() and glob.has_magic(str(entry)) and "://" not in str(entry):
        found = sorted(glob.glob(str(entry), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
        if not found:
            raise FileNotFoundError(f"A pattern must fit at least one file, {entry} fits none; check the path.")
        return list(found)
    return [entry]


def _of_folder(folder: Path) -> list[Any]:
    files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    videos = [file for file in files if file.suffix.lower() in VIDEO_SUFFIXES]
    pictures = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    if videos and pictures:
        raise ValueError(
            f"A folder must hold videos or the frames of one video, {folder} holds {len(videos)} videos and "
            f"{len(pictures)} pictures; give a pattern such as {folder / '*.mp4'}."
        )
    return list(videos) or [folder]


def different_names(names: Sequence[str], numbered: Callable[[str, int], str] = "{} ({})".format) -> list[str]:
    """Return the names, no two equal: of equal ones all but the first get a number that makes a name which none has.

    Args:
        names: Of videos; arrays of one shape are called alike, and so are files of several folders.
        numbered: Makes a name with a number of another.
    """
    given, taken = set(names), set[str]()
    tried: dict[str, int] = {}
    different = []
    for name in names:
        own, number = name, tried.get(name, 1)
        while own in taken or (number > 1 and own in given):
            number += 1
            own = numbered(name, number)
        tried[name] = number
        taken.add(own)
        different.append(own)
    return different


__all__ = ["VIDEO_SUFFIXES", "different_names", "list_videos"]
