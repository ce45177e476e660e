# SPDX-License-Identifier: Apache-2.0
"""What a video can be given as: turns every accepted source into a file to decode or a sequence of frames to load.

Knows nothing of PyAV. Pillow is used for pictures where it is installed.
"""

import io
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch


try:
    from PIL import Image, ImageOps
except ImportError:
    Image = ImageOps = None  # type: ignore[assignment]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
CHANNEL_COUNTS = (1, 3, 4)
# A pipe that cannot be rewound is copied; up to this many bytes stay in memory, the rest goes to a temporary file.
SPOOL_BYTES = 64 * 1024 * 1024


class VideoDecodeError(ValueError):
    """A video that cannot be decoded, or not to its end; the message names the file, the position and the remedy."""


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video; sizes are those after rotation.

    Args:
        name (`str`): File name, or a description of the source.
        num_frames (`int` or `None`): Number of frames; after decoding the true one, `None` where it is not known.
        fps (`float` or `None`): Average frame rate.
        duration (`float` or `None`): Length in seconds.
        height (`int`): Height in pixels.
        width (`int`): Width in pixels.
        rotation (`int`): Counter-clockwise rotation in degrees that the file asks for and that has been applied.
    """

    name: str
    num_frames: int | None
    fps: float | None
    duration: float | None
    height: int
    width: int
    rotation: int = 0


@dataclass(frozen=True)
class MediaSource:
    """A file to decode: a path, a URL, or an opener for bytes and file objects."""

    name: str
    location: str | None = None
    opener: Callable[[], BinaryIO] | None = None
    size: int | None = None


@dataclass(frozen=True)
class FrameSequence:
    """Frames that can be loaded one by one; `still` marks a single picture, which is a clip of one frame."""

    name: str
    items: Sequence[Any]
    still: bool = False

    def __len__(self) -> int:
        return len(self.items)

    def load(self, index: int) -> torch.Tensor:
        """Load one frame: uint8 (height, width, 3)."""
        return load_image(self.items[index], f"{self.name}, frame {index}")


def resolve_source(source: Any, *, allow_urls: bool = False) -> MediaSource | FrameSequence:
    """Return the file to decode or the frames to load behind any accepted source.

    Raises:
        FileNotFoundError: If a path does not exist.
        ValueError: If the source is of no accepted kind, is empty, or is a URL that was not asked for.
    """
    source = getattr(source, "_hf_encoded", source)  # a decoder object of `datasets` carries what it decodes
    if isinstance(source, Mapping):
        source = _unwrap_mapping(source)
    if isinstance(source, str | os.PathLike):
        return _resolve_path(os.fspath(source), allow_urls)
    if isinstance(source, bytes | bytearray | memoryview):
        return _resolve_bytes(bytes(source), "bytes")
    if hasattr(source, "read"):
        return _resolve_file_object(source)
    if isinstance(source, list | tuple):
        return _resolve_list(source)
    if _is_picture(source) or isinstance(source, np.ndarray | torch.Tensor):
        return _resolve_array(source)
    raise ValueError(
        "A video must be a path, bytes, a binary file object, a folder or list of images, an array or a tensor, got "
        f"{type(source).__name__}; pass one of these."
    )


def is_image_like(source: Any) -> bool:
    """Return whether a source is one picture, so that a list of such sources is one clip."""
    if isinstance(source, Mapping):
        source = source.get("bytes") if source.get("bytes") is not None else source.get("path")
    if isinstance(source, str | os.PathLike):
        return os.fspath(source).lower().endswith(IMAGE_SUFFIXES)
    if isinstance(source, bytes):
        return _looks_like_image(source)
    return _is_picture(source) or (isinstance(source, np.ndarray | torch.Tensor) and source.ndim in (2, 3))


def is_still_image(source: Any) -> bool:
    """Return whether a source is one picture and no video, to be used as a clip of one frame."""
    source = getattr(source, "_hf_encoded", source)
    if isinstance(source, Mapping) and source.get("bytes") is not None:
        source = source["bytes"]
    return is_image_like(source)


def load_image(item: Any, name: str) -> torch.Tensor:
    """Load one picture from a path, bytes, a `datasets` value, a Pillow image, an array or a tensor.

    Returns:
        uint8 (height, width, 3), in display orientation; transparency is dropped, grey is repeated.

    Raises:
        FileNotFoundError: If the path does not exist.
        VideoDecodeError: If the file is no picture.
        ValueError: If the array has no picture's shape or type.
    """
    if isinstance(item, Mapping):
        item = _unwrap_mapping(item)
    if isinstance(item, np.ndarray | torch.Tensor):
        frames = _as_frames(item[None], name)
        return frames[0]
    if isinstance(item, str | os.PathLike):
        path = Path(item)
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist; check the path of {name}.")
        name, item = str(path), path.read_bytes()
    return _decode_picture(item, name)


def _decode_picture(item: Any, name: str) -> torch.Tensor:
    if Image is None:
        raise VideoDecodeError(f"`pillow` is not installed, so {name} cannot be read; run: pip install pillow")
    try:
        picture = item if _is_picture(item) else Image.open(io.BytesIO(item))
        # A phone's picture is stored as the sensor saw it; the EXIF tag tells how it was held.
        upright = ImageOps.exif_transpose(picture)
        return torch.from_numpy(np.array(_to_eight_bit(upright).convert("RGB")))
    except (OSError, SyntaxError, TypeError, ValueError, Image.DecompressionBombError) as error:
        raise VideoDecodeError(
            f"A frame must be a picture that Pillow reads, {name} is not ({error}); copy or export it again."
        ) from error


def _to_eight_bit(picture: Any) -> Any:
    # Pillow clips 16-bit grey to 255 on conversion, which turns a dark picture white.
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    return picture


def _is_picture(source: Any) -> bool:
    return Image is not None and isinstance(source, Image.Image)


def _unwrap_mapping(source: Mapping[str, Any]) -> Any:
    if source.get("bytes") is not None:
        return source["bytes"]
    if source.get("path") is not None:
        return source["path"]
    raise ValueError(f"A video given as a dictionary must hold `path` or `bytes`, got the keys {sorted(source)}.")


def _resolve_path(path: str, allow_urls: bool) -> MediaSource | FrameSequence:
    if re.match(r"https?://", path):
        if not allow_urls:
            raise ValueError(f"URLs are read only on request, got {path}; pass allow_urls=True or download the file.")
        return MediaSource(name=path, location=path)
    if Path(path).is_dir():
        return _resolve_folder(Path(path))
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} does not exist; check the path.")
    size = Path(path).stat().st_size
    if size == 0:
        raise VideoDecodeError(f"A video file must hold data, {path} has 0 bytes; copy or export it again.")
    if path.lower().endswith(IMAGE_SUFFIXES):
        return FrameSequence(path, [path], still=True)
    # The prefix keeps FFmpeg from reading a name such as `concat:a.mp4` as one of its protocols.
    return MediaSource(name=path, location=f"file:{path}", size=size)


def _resolve_folder(folder: Path) -> FrameSequence:
    files = [file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES and file.name[0] != "."]
    if not files:
        raise ValueError(
            f"A folder of frames must hold images ({', '.join(IMAGE_SUFFIXES)}), {folder} has none; give another folder."
        )
    return FrameSequence(str(folder), sorted(files, key=_natural_key))


def _natural_key(file: Path) -> list[tuple[int, int, str]]:
    # 10.jpg comes after 9.jpg; names padded with zeros keep their plain order.
    parts = re.split(r"(\d+)", file.name)
    return [(0, int(part), part) if part.isdigit() else (1, 0, part) for part in parts if part]


def _resolve_bytes(data: bytes, name: str) -> MediaSource | FrameSequence:
    if not data:
        raise VideoDecodeError("A video must hold data, got 0 bytes; read the file again.")
    if _looks_like_image(data):
        return FrameSequence(name, [data], still=True)
    return MediaSource(name=name, opener=lambda: io.BytesIO(data), size=len(data))


def _resolve_file_object(file: BinaryIO) -> MediaSource | FrameSequence:
    name = str(getattr(file, "name", None) or type(file).__name__)
    if not (hasattr(file, "seekable") and file.seekable()):
        file = _spooled_copy(file)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(16)
    if not isinstance(head, bytes):
        raise ValueError(f"A file object must be opened in binary mode, {name} is not; open it with mode 'rb'.")
    if not size:
        raise VideoDecodeError(f"A video file must hold data, {name} has 0 bytes; copy or export it again.")
    file.seek(0)
    if _looks_like_image(head):
        return FrameSequence(name, [file.read()], still=True)

    def rewind() -> BinaryIO:
        file.seek(0)
        return file

    return MediaSource(name=name, opener=rewind, size=size)


def _spooled_copy(file: BinaryIO) -> BinaryIO:
    copy = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - closed with the last reference to it
    while chunk := file.read(1024 * 1024):
        copy.write(chunk)
    return copy  # type: ignore[return-value]


def _resolve_list(items: Sequence[Any]) -> FrameSequence:
    if not items:
        raise ValueError("A list of frames must hold at least 1 image, got 0.")
    for index, item in enumerate(items):
        if not isinstance(item, bytes | str | os.PathLike | Mapping) and not is_image_like(item):
            raise ValueError(
                f"A list of frames must hold images, entry {index} is {type(item).__name__}; pass several videos to "
                "the processor, not to the decoder."
            )
    return FrameSequence(f"list of {len(items)} images", list(items))


def _resolve_array(source: Any) -> FrameSequence:
    if _is_picture(source):
        return FrameSequence("image", [source], still=True)
    name = f"{type(source).__name__} of shape {tuple(source.shape)}"
    if source.ndim in (2, 3):
        return FrameSequence(name, [source], still=True)
    frames = _as_frames(source, name)
    if len(frames) == 0:
        raise ValueError(f"A video must have at least 1 frame, got a {name}.")
    return FrameSequence(name, frames)  # type: ignore[arg-type]  # a tensor is indexed and counted as a list is


def _as_frames(array: Any, name: str) -> torch.Tensor:
    """View an array (T,H,W), (T,H,W,C) or (T,C,H,W) as uint8 (T,H,W,3)."""
    prefers_channels_first = isinstance(array, torch.Tensor)
    frames = torch.as_tensor(array)
    if frames.dtype != torch.uint8:
        raise ValueError(f"Frames must be uint8 in [0, 255], {name} is {frames.dtype}; scale and convert it first.")
    if frames.ndim == 3:
        return frames[..., None].expand(*frames.shape, 3)
    if frames.ndim != 4:
        raise ValueError(f"Frames must have the shape (T, H, W, 3) or (T, 3, H, W), got {name}.")
    first, last = frames.shape[1] in CHANNEL_COUNTS, frames.shape[-1] in CHANNEL_COUNTS
    if not first and not last:
        raise ValueError(f"Frames must have 1, 3 or 4 channels in the second or last axis, got {name}.")
    if first and (prefers_channels_first or not last):
        frames = frames.movedim(1, -1)
    return frames.expand(*frames.shape[:-1], 3) if frames.shape[-1] == 1 else frames[..., :3]


def _looks_like_image(data: bytes) -> bool:
    if data[:4] == b"RIFF":
        return data[8:12] == b"WEBP"
    return data.startswith((b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\x00", b"MM\x00*"))


__all__ = [
    "FrameSequence",
    "MediaSource",
    "VideoDecodeError",
    "VideoInfo",
    "is_image_like",
    "is_still_image",
    "load_image",
    "resolve_source",
]
