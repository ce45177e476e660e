# SPDX-License-Identifier: Apache-2.0
"""Whether a file may be analysed here: by its content, its size and its length, and never by what it says of itself alone.

Sides are read from the header before a frame is decoded; the length is counted packet by packet, which decodes nothing and stops at
the limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from av.error import FFmpegError
from PIL import Image, UnidentifiedImageError

from modeling_emoclip.video_container_emoclip import open_video
from modeling_emoclip.video_sources_emoclip import MediaSource, VideoDecodeError, resolve_source

from . import wording
from .limits import AT_HOME, Limits


def check_media(path: str | None, limits: Limits) -> None:
    """Refuse a file that is too large, too long, or no video and no picture by its content.

    Raises:
        ValueError: It is, or there is none.
        VideoDecodeError: It cannot be read.
    """
    if not path:
        raise ValueError(wording.NO_MEDIA)
    if not Path(path).is_file():
        raise ValueError(wording.FILE_GONE)
    size = Path(path).stat().st_size / 2**20
    if size > limits.megabytes:
        raise ValueError(f"A file may weigh at most {limits.megabytes:g} MB here, got {size:.0f} MB; {AT_HOME}.")
    picture = _picture_sides(path, limits)
    if picture is not None:
        _check_sides(*picture, limits)
        return
    try:
        _check_video(path, limits)
    except VideoDecodeError as error:
        raise VideoDecodeError(f"A file must be a video or a picture. {error}") from error


def is_picture(path: str) -> bool:
    """Return whether a file is a still picture by its content."""
    return _picture_sides(path, Limits()) is not None


def _picture_sides(path: str, limits: Limits) -> tuple[int, int] | None:
    try:
        # Only the header is read.
        with Image.open(path) as picture:
            return None if getattr(picture, "is_animated", False) else picture.size
    except (UnidentifiedImageError, OSError):
        return None
    except Image.DecompressionBombError as error:
        raise ValueError(
            f"A picture may have at most {limits.megapixels:g} megapixels here, got far more; make it smaller first."
        ) from error


def _check_sides(width: int, height: int, limits: Limits) -> None:
    megapixels = width * height / 1e6
    if megapixels > limits.megapixels:
        raise ValueError(
            f"A picture may have at most {limits.megapixels:g} megapixels here, got {megapixels:.1f} ({width} x {height}); make "
            "it smaller first."
        )


def _check_video(path: str, limits: Limits) -> None:
    media = resolve_source(path)
    if not isinstance(media, MediaSource):
        raise VideoDecodeError(f"{Path(path).name} is neither.")
    with open_video(media) as (container, stream):
        _check_sides(stream.codec_context.width, stream.codec_context.height, limits)
        if stream.duration is not None:
            _check_length(float(stream.duration * stream.time_base), limits)
        # A stream may hold larger frames than its header says: FFmpeg then refuses them before it makes room for one.
        stream.codec_context.options |= {"max_pixels": str(int(limits.megapixels * 1e6))}
        try:
            _count(container, stream, limits)
        except FFmpegError as error:
            reason = str(error.strerror or error).lower()
            raise VideoDecodeError(f"{Path(path).name} has no frame that can be decoded ({reason}).") from error


def _count(container: Any, stream: Any, limits: Limits) -> None:
    """Decode one frame, then go through the packets alone until the end or a limit."""
    first: float | None = None
    decoded = False
    for number, packet in enumerate(_packets(container, stream), start=1):
        if number > limits.frames:
            raise ValueError(
                f"A video may have at most {limits.frames:,} frames here, got more; cut it, or {AT_HOME}."
            )
        time = packet.pts if packet.pts is not None else packet.dts
        if time is not None:
            seconds = float(time * stream.time_base)
            first = seconds if first is None else min(first, seconds)
            _check_length(seconds - first, limits)
        decoded = decoded or any(True for _ in stream.decode(packet))
    if not decoded and not stream.codec_context.decode(None):
        raise VideoDecodeError("It has no frame that can be decoded; copy or export it again.")


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """Packets with something in them; a damaged end is the decoder's to tell."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except FFmpegError:
        return


def _check_length(seconds: float, limits: Limits) -> None:
    if seconds > limits.seconds:
        raise ValueError(
            f"A video may be at most {limits.seconds:g} s long here, got {seconds:.1f} s or more; cut it, or {AT_HOME}."
        )


__all__ = ["check_media", "is_picture"]
