# SPDX-License-Identifier: Apache-2.0
"""Damaged video files: what is known of the damage, and how a file that was cut off is told from a whole one."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from .video_sources_emoclip import MediaSource, VideoDecodeError


UNKNOWN_FRAME_RATE = 25.0
# Bytes a packet of a transport stream may have: plain, with a time stamp, with error correction.
TRANSPORT_PACKET_SIZES = (188, 192, 204)


@dataclass(frozen=True)
class Damage:
    """Where a file stops decoding: after how many good frames, at which time in seconds, and why."""

    num_good: int
    seconds: float | None
    reason: str

    def to_error(self, name: str) -> VideoDecodeError:
        """Return the error that tells the file, the position and the remedy."""
        position = "at its start" if self.num_good == 0 else f"after frame {self.num_good - 1}"
        if self.num_good and self.seconds is not None:
            position += f" ({self.seconds:.2f} s)"
        remedy = "copy or export the file again"
        if self.num_good:
            remedy += f", or pass on_error='truncate' (--on-error truncate) to use the {self.num_good} good frames"
        return VideoDecodeError(
            f"A video must decode to its end, {name} does not: {self.reason} {position}; {remedy}."
        )


@dataclass(frozen=True)
class Header:
    """What the header of a file claims; `None` where it claims nothing. `start` is its first second on the file's own clock."""

    num_frames: int | None
    fps: float | None
    duration: float | None
    time_base: Fraction
    start: Fraction = Fraction(0)

    def seconds(self, time: int) -> float:
        """Return a time of the file in seconds after its start."""
        base, start = self.time_base, self.start
        # Whole numbers, divided once: a film of two hours has 200,000 frames, and the quotient is the nearest float.
        ticks = time * base.numerator * start.denominator - start.numerator * base.denominator
        return ticks / (base.denominator * start.denominator)

    @property
    def interval(self) -> float:
        """Seconds from frame to frame, on average."""
        return 1 / (self.fps or UNKNOWN_FRAME_RATE)


def cut_reason(source: MediaSource, name: str, header: Header, num_frames: int, end: float | None, index: Any) -> str:
    """Return why a file that was read to its end is cut, or an empty text.

    FFmpeg reports the end of a cut file as an ordinary end; only the lengths the file declares give it away.

    Args:
        source: The file.
        name: Name of its format.
        header: What its header claims.
        num_frames: Number of frames that were found.
        end: Time of the last one in seconds, `None` where it is not known.
        index: Entries with `pos` and `size` in bytes.
    """
    size = source.size
    if size is None:
        return ""
    cut = False
    if name.startswith("mov"):
        cut = any(entry.pos + entry.size > size for entry in index)
    elif name == "avi":
        cut = declared_size(source) > size and num_frames < (header.num_frames or 0)
    elif name.startswith("matroska"):
        complete = header.duration is not None and end is not None and header.duration - end <= 1.5 * header.interval
        cut = declared_size(source) > size and not complete
    elif name == "mpegts":
        cut = all(size % length for length in TRANSPORT_PACKET_SIZES)
    return "the file is cut" if cut else ""


def declared_size(source: MediaSource) -> int:
    """Return the length in bytes that a RIFF or EBML header claims, 0 where it claims none."""
    head = _read_head(source, 64)
    if head[:4] == b"RIFF":
        return 8 + int.from_bytes(head[4:8], "little")
    if head[:4] != b"\x1a\x45\xdf\xa3" or len(head) < 32:
        return 0
    header_size, start = _ebml_size(head, 4)
    place = start + header_size + 4  # behind the EBML header and the identifier of the segment
    if place + 8 > len(head):
        return 0
    segment_size, start = _ebml_size(head, place)
    return start + segment_size


def _ebml_size(data: bytes, place: int) -> tuple[int, int]:
    """Read a size of variable length; return it (0 for "unknown") and the place behind it."""
    length = 9 - data[place].bit_length()
    value = int.from_bytes(data[place : place + length], "big") & ((1 << 7 * length) - 1)
    return (0 if value == (1 << 7 * length) - 1 else value), place + length


def _read_head(source: MediaSource, size: int) -> bytes:
    if source.opener:
        return source.opener().read(size)
    with Path(source.name).open("rb") as file:
        return file.read(size)


__all__ = ["UNKNOWN_FRAME_RATE", "Damage", "Header", "cut_reason", "declared_size"]
