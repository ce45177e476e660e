# SPDX-License-Identifier: Apache-2.0
"""A key for the content of each clip: the same clip in another fold, split or manifest is found again, a changed one is not."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emoclip.data.media_columns import MEDIA_COLUMNS, MEDIA_VALUES


if TYPE_CHECKING:
    import datasets

KEY_BYTES = 16
_ROWS_AT_ONCE = 1000


def clip_keys(rows: datasets.Dataset, *, boxes: bool = False) -> tuple[np.ndarray, dict[int, str]]:
    """Return the key of each row, bytes (rows,) of 16, and a sentence for each row whose file is not there.

    A key is made of the column `sha256` and the file's size; where there is no checksum, of the path, size and time of change of the
    file, or of each file in a folder of frames. Media inside a table are hashed themselves.

    Args:
        rows: As `emoclip.data.load` gives them.
        boxes: Whether the boxes of the subject belong to the content.
    """
    keys = np.zeros(len(rows), dtype=f"S{KEY_BYTES}")
    missing: dict[int, str] = {}
    for index, row in enumerate(_rows(rows, boxes)):
        try:
            content = json.dumps([_media(row), *_part(row), row.get("boxes") if boxes else None])
        except OSError as error:
            missing[index] = f"The file of a clip must be readable, {row.get('file')} is not ({error.strerror})."
            continue
        keys[index] = key_of(content)
    return keys, missing


def key_of(content: str) -> bytes:
    """Return a key without zero bytes, which NumPy would take for the end of a text."""
    return hashlib.sha256(content.encode()).hexdigest()[:KEY_BYTES].encode()


def _rows(rows: datasets.Dataset, boxes: bool) -> Iterator[dict[str, Any]]:
    known = "sha256" in rows.column_names and rows.data.column("sha256").null_count == 0
    # Media are left in the table where a checksum stands for them.
    wanted = [name for name in MEDIA_COLUMNS if not (known and name in MEDIA_VALUES)]
    wanted += ["sha256", *(["boxes"] if boxes else [])]
    chosen = rows.select_columns([name for name in wanted if name in rows.column_names]).with_format("arrow")
    for table in chosen.iter(batch_size=_ROWS_AT_ONCE):
        yield from table.to_pylist()


def _part(row: Mapping[str, Any]) -> list[Any]:
    return [row.get(name) for name in ("media", "start_frame", "end_frame", "frame_name")]


def _media(row: Mapping[str, Any]) -> list[Any]:
    for name in MEDIA_VALUES:
        if row.get(name) is not None:
            return [row.get("sha256") or _embedded(row[name])]
    if row.get("file") is None:
        return [row.get("sha256")]  # of a shard whose media were left in the table
    path, named = Path(row["file"]), row.get("frame_name") is not None
    if row.get("sha256"):
        # The checksum is the manifest's; a file that was replaced since has another size.
        return [row["sha256"], path.stat().st_size if path.is_file() else None]
    return [str(path.resolve()), *_stamps(path, listed=not named)]


def _stamps(path: Path, *, listed: bool) -> list[Any]:
    found = path.stat()
    if not stat.S_ISDIR(found.st_mode) or not listed:
        return [found.st_size, found.st_mtime_ns]
    with os.scandir(path) as entries:
        stamps = [(entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in entries]
    return sorted(stamps)


def _embedded(value: Any) -> Any:
    """A digest of `{"bytes", "path"}`, or of a list of them."""
    if isinstance(value, list):
        return [_embedded(item) for item in value]
    if value.get("bytes") is None:
        path = Path(value["path"])
        return [str(path), *_stamps(path, listed=False)]
    return hashlib.sha256(value["bytes"]).hexdigest()


__all__ = ["KEY_BYTES", "clip_keys", "key_of"]
