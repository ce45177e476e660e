# SPDX-License-Identifier: Apache-2.0
"""Writing the crops of one face; they appear under their name only when complete."""

from __future__ import annotations

import shutil
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np


JPEG_QUALITY = 95
CRF = 15


class OutputError(OSError):
    """Crops cannot be written: the disk is full, or the folder may not be written to. Ends the run, which then can go on."""


class CropWriter(Protocol):
    """Takes the crops of one face in order."""

    path: Path
    media: str

    def write(self, crop: np.ndarray) -> None:
        """Append a crop, uint8 RGB (size, size, 3)."""
        ...

    def finish(self) -> None:
        """Give the crops their name, replacing what an earlier run left there."""
        ...

    def discard(self) -> None:
        """Remove what was written, if it was not finished."""
        ...


class FrameFolder:
    """A folder of JPEG files 000001.jpg, 000002.jpg, ..."""

    media = "frames"

    def __init__(self, path: Path):
        self.path = path
        self._temporary = _temporary(path)
        self._count = 0
        discard(self._temporary)
        self._temporary.mkdir(parents=True)

    def write(self, crop: np.ndarray) -> None:
        """Append a crop, uint8 RGB (size, size, 3)."""
        self._count += 1
        save_jpeg(self._temporary / f"{self._count:06}.jpg", crop)

    def finish(self) -> None:
        """Give the crops their name, replacing what an earlier run left there."""
        discard(self.path)
        self._temporary.rename(self.path)

    def discard(self) -> None:
        """Remove what was written, if it was not finished."""
        discard(self._temporary)


class StillImage:
    """One JPEG file, for a clip that is a still image."""

    media = "image"

    def __init__(self, path: Path):
        self.path = path.with_name(f"{path.name}.jpg")
        self._temporary = _temporary(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, crop: np.ndarray) -> None:
        """Write the crop, uint8 RGB (size, size, 3)."""
        save_jpeg(self._temporary, crop)

    def finish(self) -> None:
        """Give the crop its name, replacing what an earlier run left there."""
        self._temporary.replace(self.path)

    def discard(self) -> None:
        """Remove what was written, if it was not finished."""
        discard(self._temporary)


class VideoFile:
    """An H.264 file of constant frame rate, encoded as the crops come."""

    media = "video"

    def __init__(self, path: Path, size: int, fps: float):
        import av

        self.path = path.with_name(f"{path.name}.mp4")
        self._temporary = _temporary(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._container: Any = av.open(str(self._temporary), "w", format="mp4")
        # One thread: the bytes must not depend on the number of cores, and there is a process for each core already.
        options = {"crf": str(CRF), "preset": "veryfast", "threads": "1"}
        self._stream = self._container.add_stream(
            "libx264", rate=Fraction(fps).limit_denominator(1001), options=options
        )
        self._stream.width, self._stream.height, self._stream.pix_fmt = size, size, "yuv420p"

    def write(self, crop: np.ndarray) -> None:
        """Append a crop, uint8 RGB (size, size, 3)."""
        import av

        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(crop, format="rgb24")))

    def finish(self) -> None:
        """Give the file its name, replacing what an earlier run left there."""
        self._container.mux(self._stream.encode())
        self._container.close()
        self._temporary.replace(self.path)

    def discard(self) -> None:
        """Remove what was written, if it was not finished."""
        # Closing writes the rest, which fails again on a full disk.
        with suppress(OSError, ValueError):
            self._container.close()
        discard(self._temporary)


def make_writer(path: Path, media: str, *, format_name: str, size: int, fps: float) -> CropWriter:
    """Return the writer for a clip: stills stay stills, other clips become folders or videos."""
    if media == "image":
        return StillImage(path)
    return VideoFile(path, size, fps) if format_name == "video" else FrameFolder(path)


def save_jpeg(path: Path, picture: np.ndarray) -> None:
    """Write a picture, uint8 RGB."""
    from PIL import Image

    Image.fromarray(picture).save(path, format="JPEG", quality=JPEG_QUALITY)


def discard(path: Path) -> None:
    """Remove a file or a folder of frames, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    # Without the process's number: what a killed run left is found and replaced by the next one.
    return path.with_name(f".{path.name}.tmp")


__all__ = ["CropWriter", "FrameFolder", "OutputError", "StillImage", "VideoFile", "discard", "make_writer"]
