# SPDX-License-Identifier: Apache-2.0
"""Media of a row as bytes, for writing into shards, and back."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modeling_emoclip.video_sources_emoclip import IMAGE_SUFFIXES

from .media import clip_source, iter_clip
from .readers.layout import natural_order
from .shards import media_value


# Frames cut out of a film are compressed once more; at this quality the loss is far below that of the film itself.
JPEG_QUALITY = 95
# An estimate for planning only: a frame of a film at 720 lines.
BYTES_PER_CUT_FRAME = 100_000

# As `datasets` stores a file inside a table.
Blob = dict[str, Any]


def media_size(row: Mapping[str, Any]) -> int:
    """Return about how many bytes the media of a row take; 0 where the file is not there."""
    try:
        if media_value(row) != "frames":
            return Path(row["file"]).stat().st_size
        source, stretch = clip_source(row)
        if stretch is not None:
            return BYTES_PER_CUT_FRAME * ((stretch[1] or stretch[0] + 1) - stretch[0])
        return sum(Path(path).stat().st_size for path in _frame_files(source))
    except OSError:
        return 0


def read_media(row: Mapping[str, Any]) -> Blob | list[Blob]:
    """Return the media of a row as `{"bytes", "path"}`, a list of them for frames.

    Raises:
        OSError: A file is missing or cannot be read.
        VideoDecodeError: A film that a stretch is cut from cannot be decoded.
    """
    if media_value(row) != "frames":
        return _blob(Path(row["file"]))
    source, stretch = clip_source(row)
    if stretch is None:
        return [_blob(Path(path)) for path in _frame_files(source)]
    return [_encoded(frame, number) for number, frame in enumerate(iter_clip(row))]


def zip_frames(frames: list[Blob]) -> bytes:
    """Return frames as one file, stored without compression, for formats that have one file a column."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for frame in frames:
            archive.writestr(frame["path"], frame["bytes"])
    return buffer.getvalue()


def unzip_frames(data: bytes) -> list[Blob]:
    """Return the frames of `zip_frames`."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [{"path": name, "bytes": archive.read(name)} for name in archive.namelist()]


def _frame_files(source: Any) -> list[Path]:
    if isinstance(source, list):
        return source
    files = [path for path in Path(source).iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != "."]
    return sorted(files, key=natural_order)


def _blob(path: Path) -> Blob:
    return {"bytes": path.read_bytes(), "path": path.name}


def _encoded(frame: Any, number: int) -> Blob:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(frame.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return {"bytes": buffer.getvalue(), "path": f"{number:06}.jpg"}


__all__ = ["media_size", "read_media", "unzip_frames", "zip_frames"]
