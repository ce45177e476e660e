# SPDX-License-Identifier: Apache-2.0
"""Media out of tables into files, one at a time; what an earlier run has written is kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from emoclip.data.output import is_temporary, replacing

from .layout import PICTURES, VIDEOS


RECORD = "source.json"
# What files begin with, at which place, and the ending that goes with it.
_BEGINNINGS = (
    (4, b"ftypqt", ".mov"),
    (4, b"ftyp", ".mp4"),
    (8, b"AVI ", ".avi"),
    (0, b"\x1a\x45\xdf\xa3", ".mkv"),
    (0, b"FLV", ".flv"),
    (0, b"\x89PNG", ".png"),
    (0, b"\xff\xd8\xff", ".jpg"),
    (0, b"BM", ".bmp"),
)


class Unpacker:
    """Gives every medium of a data set a file.

    Args:
        folder: Where files are written, `<split>/<number><ending>`, or folders of frames.
        identity: Text that stands for the data set and its version; kept in the folder.
        local: Files in this folder are the user's own and are named where they lie.
        caches: Files in these folders were downloaded and are linked. Files anywhere else are not looked at, whatever a table
            says: a stranger's must not reach for the user's files.

    Raises:
        FileExistsError: The folder holds the media of another data set or version.
    """

    def __init__(self, folder: Path, identity: str, *, local: Path | None = None, caches: Sequence[Path] = ()) -> None:
        self.folder = folder
        self.local = local
        self.caches = caches
        self._identity = identity
        record = folder / RECORD
        if folder.is_dir() and not all(is_temporary(entry) for entry in folder.iterdir()):
            found = record.read_text(encoding="utf-8") if record.is_file() else None
            if found != identity:
                raise FileExistsError(
                    f"{folder} must be new or hold media of the same version of the same data set, {record} says otherwise; remove "
                    "the folder or choose another --output."
                )

    def unpack(self, medium: Any, kind: str, split: str, number: int) -> tuple[Path, str]:
        """Return the file, or folder of frames, of a medium, and a name for the clip.

        Args:
            medium: `{"bytes": ..., "path": ...}`, a list of them for `frames`, or `None` where a row has none.
            kind: `video`, `image` or `frames`.
            split, number: Place in the data set.
        """
        name = f"{split}/{number:06}"
        if kind == "frames":
            return self._frames(medium or [], name), name
        if not self._is_open(medium):
            return self.folder / f"{name}{'.mp4' if kind == 'video' else '.png'}", name
        path = Path(medium.get("path") or "")
        if not medium.get("bytes") and self.local is not None and path.is_relative_to(self.local):
            return path, path.relative_to(self.local).as_posix()
        target = self.folder / f"{name}{_ending(medium, kind)}"
        self._put(medium, target)
        return target, name

    def _is_open(self, medium: Any) -> bool:
        """Whether there is a medium, as bytes or as a file that may be used."""
        if not medium:
            return False
        path = os.path.normpath(medium.get("path") or "")
        places = [*self.caches, *([] if self.local is None else [self.local])]
        return bool(medium.get("bytes")) or (
            any(Path(path).is_relative_to(place) for place in places) and Path(path).is_file()
        )

    def _frames(self, pictures: Sequence[Any], name: str) -> Path:
        folder = self.folder / name
        for position, picture in enumerate(pictures):
            if self._is_open(picture):
                self._put(picture, folder / f"{position:06}{_ending(picture, 'image')}")
        return folder

    def _put(self, medium: dict[str, Any], target: Path) -> None:
        """The file under its name only when complete; one of the right size is of an earlier run."""
        content, path = medium.get("bytes"), medium.get("path")
        size = len(content) if content else Path(path or "").stat().st_size
        if target.is_file() and target.stat().st_size == size:
            return
        record = self.folder / RECORD
        if not record.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(record, alone=True) as temporary:
                temporary.write_text(self._identity, encoding="utf-8")
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, alone=True) as temporary:
            if content:
                temporary.write_bytes(content)
            else:
                _link_or_copy(Path(path or ""), temporary)


def _link_or_copy(source: Path, target: Path) -> None:
    """Files of the download cache have a second name here, so that they outlive the cache and take no further room."""
    target.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _ending(medium: dict[str, Any], kind: str) -> str:
    """Of the file's own name if it is a known one, never more of it: the name comes from a stranger."""
    known = (*VIDEOS, *PICTURES)
    ending = PurePosixPath(medium.get("path") or "").suffix.lower()
    if ending in known:
        return ending
    content = medium.get("bytes") or b""
    if not content and medium.get("path"):
        with Path(medium["path"]).open("rb") as file:
            content = file.read(16)
    found = (ending for place, start, ending in _BEGINNINGS if content[place : place + len(start)] == start)
    return next(found, ".mp4" if kind == "video" else ".png")


__all__ = ["Unpacker"]
