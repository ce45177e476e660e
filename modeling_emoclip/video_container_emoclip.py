# SPDX-License-Identifier: Apache-2.0
"""Reading video files with PyAV: opening, the table of frames, seeking, orientation, damage.

The table of frames comes from a pass over the packets, which costs no decoding: packets that an edit list drops are
flagged, so it counts what decodes and not what the header claims. Where decoding contradicts the table (broken files,
rare codecs), the frames are counted by decoding once, without holding them.
"""

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .video_damage_emoclip import Damage, Header, cut_reason
from .video_sources_emoclip import MediaSource, VideoDecodeError


try:
    import av
    from av.error import FFmpegError
    from av.stream import Discard, Disposition
    from av.video.reformatter import VideoReformatter
except ImportError:
    av = None  # type: ignore[assignment]

# Restarting the decoder at a key frame costs about as much as decoding this many frames.
SEEK_GAIN = 12
# Tables of frames that are remembered; that of a film of two hours takes 10 MB.
NUM_TABLES = 4
# Containers whose index leads to a key frame exactly; elsewhere FFmpeg searches by guessing.
SEEKABLE_FORMATS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi")
# Playlists (hls, dash, concat) are left out: such a file could make the decoder open other files and addresses.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,ogg,gif,apng,h264,hevc,av1,obu,"
    "ivf,m4v,mjpeg,mxf,nut,rm,dv,yuv4mpegpipe,swf,wtv,mp3,wav,flac,aac"
)


@dataclass(frozen=True)
class FrameTable:
    """The frames of a file in presentation order.

    Args:
        header (`Header`): What the header claims.
        seconds (`list[float]`): Presentation times.
        times (`list[int]`): The same in the units of the file, empty where the file gives none.
        keyframes (`list[int]`): Frame numbers at which decoding can start.
        damage (`Damage`, *optional*): Where the file stops being readable.
    """

    header: Header
    seconds: list[float]
    times: list[int] = field(default_factory=list)
    keyframes: list[int] = field(default_factory=list)
    damage: Damage | None = None

    def __len__(self) -> int:
        return len(self.seconds)


class DamagedVideo(Exception):
    """Ends a stream of frames at damage; carries what is known of it."""

    def __init__(self, damage: Damage):
        super().__init__(damage.reason)
        self.damage = damage


@contextmanager
def open_video(source: MediaSource, threads: str = "AUTO") -> Iterator[tuple[Any, Any]]:
    """Open a file and its first video stream, and close it in every case.

    Raises:
        VideoDecodeError: If the file is no video or holds no pictures.
        ImportError: If PyAV is not installed.
    """
    if av is None:
        raise ImportError(f"`av` is not installed, so {source.name} cannot be decoded; run: pip install av")
    target = source.opener() if source.opener else source.location
    try:
        container = av.open(target, "r", container_options={"format_whitelist": FORMATS})
    except (FFmpegError, OSError, ValueError) as error:
        raise VideoDecodeError(
            f"A video must have a readable header, {source.name} fails at its start ({_reason(error)}): it is no video "
            "or is incomplete; copy or export it again."
        ) from error
    with container:
        yield container, _video_stream(container, source, threads)


def clock_start(container: Any) -> Fraction:
    """Return the second on a file's own clock at which it starts: the zero of its pictures, its sound and its text.

    Transport streams and recordings begin at any time; players count from the first picture or sound, as subtitles do.
    """
    if container.start_time is None:
        return Fraction(0)
    start = Fraction(container.start_time, av.time_base)
    if start < 0:
        # A lead-in of the sound's encoder, which is not heard; pictures before 0 are seen.
        return min([Fraction(0), *(_stream_start(stream) for stream in container.streams.video)])
    # The container's start is rounded to microseconds, a stream's is not: its first frame stands at 0 exactly.
    exact = (_stream_start(stream) for stream in container.streams if stream.start_time is not None)
    return next((one for one in exact if abs(one - start) < Fraction(1, av.time_base)), start)


def read_header(source: MediaSource) -> Header:
    """Return what the header of a file claims, without decoding."""
    with open_video(source) as (container, stream):
        return _header(container, stream)


def stream_frames(source: MediaSource) -> Generator[Any, None, None]:
    """Yield every good frame in presentation order, holding none.

    Raises:
        DamagedVideo: After the last good frame, if the file is cut or damaged there.
    """
    num_good, last, reason = 0, None, ""
    for threads in ("AUTO", "NONE"):
        with open_video(source, threads) as (container, stream):
            header = _header(container, stream)
            try:
                for number, frame in enumerate(_decode(container, stream, final=threads == "NONE")):
                    if number >= num_good:
                        num_good, last = number + 1, frame
                        yield frame
                end = _seconds(header, last)
                reason = cut_reason(source, container.format.name, header, num_good, end, stream.index_entries)
            except _Stop as stop:
                reason = str(stop)
            except FFmpegError:
                # Several threads lose the good frames in flight with the damaged one; a single one finds the place.
                continue
        break
    if reason:
        raise DamagedVideo(Damage(num_good, _seconds(header, last), reason))


def scan_packets(source: MediaSource) -> FrameTable | None:
    """Return the table of frames without decoding any, `None` where the packets do not tell.

    Packets that an edit list drops and packets without a picture of their own are left out. The tables of the last files
    on disk are remembered: a film is used in thousands of stretches, and every scan reads all of it.
    """
    if source.location is None or not source.location.startswith("file:"):
        return _scan(source)
    status = Path(source.location.removeprefix("file:")).stat()
    return _remembered_scan(source, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=NUM_TABLES)
def _remembered_scan(source: MediaSource, size: int, changed: int) -> FrameTable | None:
    return _scan(source)


def _scan(source: MediaSource) -> FrameTable | None:
    times: list[int] = []
    keyframes: list[int] = []
    with open_video(source) as (container, stream):
        header, reason = _header(container, stream), ""
        try:
            for packet in container.demux(stream):
                if packet.is_corrupt:
                    reason = "a packet is incomplete"
                    break
                if packet.size == 0 or packet.is_discard or _is_hidden(stream, packet):
                    continue
                if packet.pts is None:
                    return None
                times.append(packet.pts)
                if packet.is_keyframe:
                    keyframes.append(packet.pts)
        except FFmpegError as error:
            reason = _reason(error)
        times.sort()
        seconds = [header.seconds(time) for time in times]
        name, end = container.format.name, seconds[-1] if seconds else None
        reason = reason or cut_reason(source, name, header, len(times), end, stream.index_entries)
    if not times or len(set(times)) < len(times):
        return None
    numbers = sorted(bisect_left(times, time) for time in keyframes) if name in SEEKABLE_FORMATS else []
    damage = Damage(len(times), end, reason) if reason else None
    return FrameTable(header, seconds, times, numbers, damage)


def count_frames(source: MediaSource) -> FrameTable:
    """Return the table of frames by decoding the file once, holding none of them.

    Raises:
        VideoDecodeError: If not one frame decodes.
    """
    header, damage = read_header(source), None
    seconds: list[float] = []
    try:
        for number, frame in enumerate(stream_frames(source)):
            seconds.append(frame_seconds(header, frame, number))
    except DamagedVideo as stop:
        damage = stop.damage
    require_frames(source, len(seconds), damage)
    return FrameTable(header, seconds, damage=damage)


def frame_seconds(header: Header, frame: Any, number: int) -> float:
    """Return the presentation time of a frame; one without a time gets its place at the average rate."""
    return header.seconds(frame.pts) if frame.pts is not None else number * header.interval


def require_frames(source: MediaSource, num_frames: int, damage: Damage | None) -> None:
    """Raise `VideoDecodeError` for a file without a single good frame."""
    if num_frames == 0:
        if damage:
            raise damage.to_error(source.name)
        raise VideoDecodeError(
            f"A video must have at least 1 frame, {source.name} has 0: it is empty or incomplete; copy or export it again."
        )


def read_selected(
    source: MediaSource, table: FrameTable, wanted: Sequence[int], convert: "FrameConverter"
) -> dict[int, np.ndarray] | None:
    """Decode the wanted frames, seeking where that saves work.

    Args:
        source: The file.
        table: Its frames by `scan_packets`.
        wanted: Frame numbers, ascending, each once.
        convert: Makes the arrays.

    Returns:
        The frame by its number, `None` where decoding contradicts the table or meets damage.
    """
    found: dict[int, np.ndarray] = {}
    with open_video(source) as (container, stream):
        for keyframe, numbers in plan_segments(wanted, table.keyframes):
            targets = {table.times[number]: number for number in numbers}
            last = table.times[numbers[-1]]
            try:
                if keyframe is not None:
                    container.seek(table.times[keyframe], stream=stream)
                for frame in _decode(container, stream):
                    if frame.pts in targets:
                        found[targets[frame.pts]] = convert(frame)
                    if frame.pts is None or frame.pts >= last:
                        break
            except (FFmpegError, _Stop):
                return None
    return found if len(found) == len(wanted) else None


def plan_segments(wanted: Sequence[int], keyframes: Sequence[int]) -> list[tuple[int | None, list[int]]]:
    """Group wanted frame numbers into runs to decode: the key frame to seek to, `None` to go on, and the numbers."""
    segments: list[tuple[int | None, list[int]]] = []
    position = 0
    for number in wanted:
        place = bisect_right(keyframes, number) - 1
        if place >= 0 and keyframes[place] - position > SEEK_GAIN:
            segments.append((keyframes[place], [number]))
        elif segments:
            segments[-1][1].append(number)
        else:
            segments.append((None, [number]))
        position = number
    return segments


class FrameConverter:
    """Turns decoded frames into upright RGB arrays that all have the first frame's size.

    A stream may change its resolution on the way, as calls recorded in a browser do.
    """

    def __init__(self) -> None:
        self.size: tuple[int, int] | None = None  # width, height as coded
        self.shape: tuple[int, ...] = ()  # height, width as displayed
        self.rotation = 0
        self.reformatter = VideoReformatter()  # one for all frames: it keeps its tables

    def __call__(self, frame: Any) -> np.ndarray:
        """Return uint8 (height, width, 3) in display orientation; alpha is dropped, grey repeated, 10 bits scaled."""
        if self.size is None:
            self.size, self.rotation = (frame.width, frame.height), round(frame.rotation) % 360
        pixels = self.reformatter.reformat(frame, *self.size, format="rgb24").to_ndarray()
        transposed, flip_x, flip_y = orientation(frame)
        if transposed:
            pixels = pixels.transpose(1, 0, 2)
        if flip_x:
            pixels = pixels[:, ::-1]
        if flip_y:
            pixels = pixels[::-1]
        self.shape = self.shape or pixels.shape[:2]
        return pixels


def orientation(frame: Any) -> tuple[bool, bool, bool]:
    """Return whether display needs the axes swapped, then a flip along x, then a flip along y."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False, False, False
    # Row-major 3x3, fixed point: x' = a x + c y, y' = b x + d y; the sign is all that a right angle needs.
    a, b, _, c, d = struct.unpack("<5i", bytes(matrix)[:20])
    if abs(b) + abs(c) > abs(a) + abs(d):
        return True, c < 0, b < 0
    return False, a < 0, d < 0


class _Stop(Exception):
    """Ends `_decode` at damage; the text is the reason."""


def _decode(container: Any, stream: Any, *, final: bool = False) -> Iterator[Any]:
    """Yield frames from the current position; `final` also yields the good frames still waiting behind damage."""
    for packet in container.demux(stream):
        if packet.is_corrupt:
            yield from _drain(stream)
            raise _Stop("a packet is incomplete")
        try:
            frames = stream.decode(packet)
        except FFmpegError as error:
            if not final:
                raise
            if packet.pts is not None:
                yield from (frame for frame in _drain(stream) if frame.pts is not None and frame.pts < packet.pts)
            raise _Stop(_reason(error)) from error
        for frame in frames:
            # Decoders paint over what they cannot read and only flag it.
            if frame.is_corrupt:
                raise _Stop("a frame is damaged")
            yield frame


def _drain(stream: Any) -> list[Any]:
    try:
        return [frame for frame in stream.codec_context.decode(None) if not frame.is_corrupt]
    except FFmpegError:
        return []


def _stream_start(stream: Any) -> Fraction:
    return Fraction(stream.start_time or 0) * (stream.time_base or 0)


def _seconds(header: Header, frame: Any) -> float | None:
    return header.seconds(frame.pts) if frame is not None and frame.pts is not None else None


def _is_hidden(stream: Any, packet: Any) -> bool:
    # VP8 sends reference pictures that are never shown; bit 4 of the frame tag (RFC 6386, 9.1) tells them apart.
    return stream.codec_context.name == "vp8" and not memoryview(packet)[0] & 0x10


def _video_stream(container: Any, source: MediaSource, threads: str) -> Any:
    pictures = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not pictures:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        raise VideoDecodeError(
            f"A video must have a video stream, {source.name} has only {kinds}; give a file with moving pictures."
        )
    for stream in container.streams:
        if stream is not pictures[0]:
            stream.discard = Discard.all
    pictures[0].thread_type = threads
    # As many threads as PyTorch has: one in the worker of a data loader, or workers would stand in each other's way.
    pictures[0].codec_context.thread_count = torch.get_num_threads()
    if pictures[0].codec_context.name == "hevc":
        # FFmpeg's HEVC decoder drops damaged frames without a flag unless it is told to be strict.
        pictures[0].codec_context.options = {"err_detect": "explode"}
    return pictures[0]


def _header(container: Any, stream: Any) -> Header:
    rate = stream.average_rate or stream.guessed_rate
    start, duration = clock_start(container), None
    if stream.duration is not None:
        duration = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        duration = container.duration / av.time_base
        # FFmpeg writes into a Matroska file where it ends, not how long it is.
        if container.format.name.startswith("matroska") and duration > start:
            duration -= float(start)
    return Header(stream.frames or None, float(rate) if rate else None, duration, stream.time_base, start)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".").lower()
