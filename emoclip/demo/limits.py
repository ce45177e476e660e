# SPDX-License-Identifier: Apache-2.0
"""What a visitor may ask for, checked before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from emoclip.analysis import parse_emotions
from modeling_emoclip.video_container_emoclip import scan_packets
from modeling_emoclip.video_decoding_emoclip import probe_video
from modeling_emoclip.video_sources_emoclip import MediaSource, VideoDecodeError, resolve_source

from . import wording


@dataclass(frozen=True)
class Limits:
    """Bounds of one request.

    Args:
        seconds: Of a video.
        megabytes: Of a file.
        megapixels: Of a frame.
        words: Of one list.
        letters: Of one word.
    """

    seconds: float = 300.0
    megabytes: float = 200.0
    megapixels: float = 9.0
    words: int = 64
    letters: int = 300


AT_HOME = "run `emoclip analyze` on your own computer, which knows no limit"


def check_media(path: str | None, limits: Limits) -> None:
    """Refuse a file that is too large, too long, or no video and no picture by its content.

    Raises:
        ValueError: It is, or there is none.
        VideoDecodeError: It cannot be read.
    """
    if not path:
        raise ValueError(wording.NO_MEDIA)
    size = Path(path).stat().st_size / 2**20
    if size > limits.megabytes:
        raise ValueError(f"A file may weigh at most {limits.megabytes:g} MB here, got {size:.0f} MB; {AT_HOME}.")
    picture = _picture_sides(path)
    if picture is not None:
        _check_sides(*picture, limits)
        return
    try:
        info = probe_video(path)
    except VideoDecodeError as error:
        raise VideoDecodeError(f"A file must be a video or a picture. {error}") from error
    _check_sides(info.width, info.height, limits)
    duration = info.duration if info.duration is not None else _scanned_duration(path)
    if duration is not None and duration > limits.seconds:
        raise ValueError(
            f"A video may be at most {limits.seconds:g} s long here, got {duration:.0f} s; cut it, or {AT_HOME}."
        )


def check_words(text: str | None, limits: Limits) -> list[str]:
    """Return the visitor's words.

    Raises:
        ValueError: There are none, too many, too long ones, or two that are equal.
    """
    text = text or ""
    # Before they are told apart: ten thousand words are refused without looking at each.
    if len(text) > limits.words * limits.letters:
        raise ValueError(
            f"Words may have {limits.words * limits.letters:,} letters together, got {len(text):,}; shorten the list."
        )
    words = parse_emotions(text)
    if len(words) > limits.words:
        raise ValueError(f"A list may hold at most {limits.words} words here, got {len(words)}; {AT_HOME}.")
    for word in words:
        if len(word) > limits.letters:
            raise ValueError(f"A word may have at most {limits.letters} letters, got {len(word)} in {word[:40]!r}.")
    return words


def is_picture(path: str) -> bool:
    """Return whether a file is a still picture by its content."""
    return _picture_sides(path) is not None


def _picture_sides(path: str) -> tuple[int, int] | None:
    try:
        # Only the header is read.
        with Image.open(path) as picture:
            return None if getattr(picture, "is_animated", False) else picture.size
    except (UnidentifiedImageError, OSError):
        return None
    except Image.DecompressionBombError as error:
        raise ValueError(f"A picture may have 9 megapixels here, got far more ({error}).") from error


def _check_sides(width: int, height: int, limits: Limits) -> None:
    megapixels = width * height / 1e6
    if megapixels > limits.megapixels:
        raise ValueError(
            f"A picture may have at most {limits.megapixels:g} megapixels here, got {megapixels:.1f} ({width} x {height}); make "
            "it smaller first."
        )


def _scanned_duration(path: str) -> float | None:
    """Length of a file whose header does not tell it, such as a browser's recording, without decoding."""
    media = resolve_source(path)
    table = scan_packets(media) if isinstance(media, MediaSource) else None
    return table.seconds[-1] - table.seconds[0] if table is not None else None


__all__ = ["Limits", "check_media", "check_words", "is_picture"]
