# SPDX-License-Identifier: Apache-2.0
"""One decoding contract for every source: upright uint8 RGB frames with their real presentation times.

Holds for variable frame rate, files without a frame count, edit lists, odd sizes, transparency, grey and 10 bits.
Only the frames asked for are held. A file that is cut or damaged gives its good frames first and then a
`VideoDecodeError`. Which frames are asked for is not decided here.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .video_container_emoclip import (
    DamagedVideo,
    FrameConverter,
    FrameTable,
    count_frames,
    frame_seconds,
    read_header,
    read_selected,
    require_frames,
    scan_packets,
    stream_frames,
)
from .video_damage_emoclip import UNKNOWN_FRAME_RATE, Damage, Header
from .video_sources_emoclip import FrameSequence, MediaSource, VideoDecodeError, VideoInfo, resolve_source


FrameIndices = Sequence[int] | Callable[[int], Sequence[int]]


@dataclass(frozen=True)
class DecodedVideo:
    """Frames of a video.

    Args:
        frames (`torch.Tensor`): uint8 (T, 3, height, width), upright RGB, channels last in memory.
        timestamps (`torch.Tensor`): float64 (T,), presentation times in seconds.
        info (`VideoInfo`): The video; `num_frames` is the true number.
        error (`VideoDecodeError`, *optional*): What ended the video early, with `on_error="truncate"`.
    """

    frames: torch.Tensor
    timestamps: torch.Tensor
    info: VideoInfo
    error: VideoDecodeError | None = None


def probe_video(source: Any, *, allow_urls: bool = False) -> VideoInfo:
    """Return size, rotation, rate and length from the header and the first frame.

    `num_frames` and `duration` are what the header says, `None` where it says nothing.

    Raises:
        FileNotFoundError: If a path does not exist.
        VideoDecodeError: If the file is no video or has no frame.
        ValueError: If the source is of no accepted kind.
    """
    media = resolve_source(source, allow_urls=allow_urls)
    if isinstance(media, FrameSequence):
        return _sequence_info(media, len(media), media.load(0), None)
    header, convert = read_header(media), FrameConverter()
    try:
        found = _read_in_order(media, {0}, convert)
    except DamagedVideo as stop:
        raise stop.damage.to_error(media.name) from stop
    require_frames(media, len(found), None)
    height, width = convert.shape
    return VideoInfo(media.name, header.num_frames, header.fps, header.duration, height, width, convert.rotation)


def iter_frames(
    source: Any, *, stride: int = 1, on_error: str = "raise", allow_urls: bool = False, fps: float | None = None
) -> Iterator[tuple[float, torch.Tensor]]:
    """Yield the presentation time in seconds and the frame, uint8 (3, height, width), of every `stride`-th frame.

    Holds one frame at a time, whatever the length of the video.

    Args:
        source: The video, in any form `decode_video` takes.
        stride: Distance between neighbouring frames that are yielded.
        on_error: `"raise"` raises after the last good frame of a damaged file, `"truncate"` ends there.
        allow_urls: Whether `http(s)` addresses are read.
        fps: Frame rate of a folder, list or array of frames; 25 where it is not given.

    Raises:
        FileNotFoundError: If a path does not exist.
        VideoDecodeError: If the file is no video or is damaged.
        ValueError: If an argument is out of its range.
    """
    _check_on_error(on_error)
    if stride < 1:
        raise ValueError(f"`stride` must be at least 1, got {stride}.")
    media = resolve_source(source, allow_urls=allow_urls)
    frames = _iter_sequence(media, stride, fps) if isinstance(media, FrameSequence) else _iter_media(media, stride)
    return frames if on_error == "raise" else _until_error(frames)


def decode_video(
    source: Any,
    *,
    indices: FrameIndices | None = None,
    on_error: str = "raise",
    allow_urls: bool = False,
    fps: float | None = None,
) -> DecodedVideo:
    """Decode the frames asked for, or all.

    Args:
        source: Path, bytes, binary file object, folder or list of images, picture, array or tensor (T, H, W, 3) or
            (T, 3, H, W) of uint8, dictionary with `path` or `bytes`, or an `http(s)` address.
        indices: Frame numbers in the order wanted, repeats allowed, or a function from the true number of frames to
            them; all frames if absent, which holds the whole video in memory.
        on_error: What happens with a cut or damaged file: `"raise"`, or `"truncate"` to go on as if the video ended
            after its last good frame; the error is then found in the result.
        allow_urls: Whether `http(s)` addresses are read.
        fps: Frame rate of a folder, list or array of frames; their times count 25 a second where it is not given.

    Raises:
        FileNotFoundError: If a path does not exist.
        VideoDecodeError: If the file is no video, has no frame, or is cut or damaged.
        ValueError: If the source is of no accepted kind, or an index is out of range.
    """
    _check_on_error(on_error)
    media = resolve_source(source, allow_urls=allow_urls)
    if isinstance(media, FrameSequence):
        return _decode_sequence(media, indices, on_error, fps)
    if indices is None:
        return _decode_all(media, on_error)
    return _decode_selected(media, indices, on_error)


def stretch_bounds(stretch: tuple[int, int | None] | None, total: int) -> tuple[int, int]:
    """Return the first frame and the one after the last of a part of a file of `total` frames, of all of it for `None`.

    Args:
        stretch: First frame and the one after the last, `None` for the end; what goes on after the end of the file ends there.
        total: Frames of the file.

    Raises:
        VideoDecodeError: If the file ends before the part begins.
    """
    if stretch is None:
        return 0, total
    first, end = stretch[0], total if stretch[1] is None else min(stretch[1], total)
    if not 0 <= first < end:
        raise VideoDecodeError(
            f"A part of a file must lie within it, frames {stretch[0]} to {stretch[1]} were asked of {total}; is it another "
            "release of the film?"
        )
    return first, end


def _check_on_error(on_error: str) -> None:
    if on_error not in ("raise", "truncate"):
        raise ValueError(f"`on_error` must be 'raise' or 'truncate', got {on_error!r}.")


def _iter_media(media: MediaSource, stride: int) -> Iterator[tuple[float, torch.Tensor]]:
    header, convert, number = read_header(media), FrameConverter(), -1
    try:
        for number, frame in enumerate(stream_frames(media)):
            if number % stride == 0:  # the others are decoded, because later frames need them, but not converted
                pixels = torch.from_numpy(np.ascontiguousarray(convert(frame)))
                yield frame_seconds(header, frame, number), pixels.permute(2, 0, 1)
    except DamagedVideo as stop:
        raise stop.damage.to_error(media.name) from stop
    require_frames(media, number + 1, None)


def _iter_sequence(media: FrameSequence, stride: int, fps: float | None) -> Iterator[tuple[float, torch.Tensor]]:
    for number in range(0, len(media), stride):
        yield number / _checked_rate(fps), media.load(number).permute(2, 0, 1)


def _until_error(frames: Iterator[tuple[float, torch.Tensor]]) -> Iterator[tuple[float, torch.Tensor]]:
    """End where a video is damaged, if it had a good frame before."""
    started = False
    try:
        for item in frames:
            started = True
            yield item
    except VideoDecodeError:
        if not started:
            raise


def _decode_all(media: MediaSource, on_error: str) -> DecodedVideo:
    header, convert, damage = read_header(media), FrameConverter(), None
    pixels: list[np.ndarray] = []
    times: list[float] = []
    try:
        for frame in stream_frames(media):
            pixels.append(convert(frame))
            times.append(frame_seconds(header, frame, len(times)))
    except DamagedVideo as stop:
        damage = stop.damage
    require_frames(media, len(pixels), damage)
    error = _raise_or_keep(media, damage, on_error)
    timestamps = torch.tensor(times, dtype=torch.float64)
    info = _true_info(media, header, timestamps, convert, damage)
    return DecodedVideo(_stack(pixels), timestamps, info, error)


def _decode_selected(media: MediaSource, indices: FrameIndices, on_error: str) -> DecodedVideo:
    table, convert = scan_packets(media), FrameConverter()
    if table is not None:
        _raise_or_keep(media, table.damage, on_error)
        wanted = _resolve_indices(indices, len(table), table.damage, media.name)
        found = read_selected(media, table, sorted(set(wanted)), convert)
        if found is not None:
            return _assemble(media, table, wanted, found, convert)
    # The packets do not tell the frames, or decoding met damage: count by decoding, then decode again.
    table, convert = count_frames(media), FrameConverter()
    _raise_or_keep(media, table.damage, on_error)
    wanted = _resolve_indices(indices, len(table), table.damage, media.name)
    return _assemble(media, table, wanted, _read_in_order(media, set(wanted), convert), convert)


def _read_in_order(media: MediaSource, wanted: set[int], convert: FrameConverter) -> dict[int, np.ndarray]:
    found: dict[int, np.ndarray] = {}
    with closing(stream_frames(media)) as frames:
        for number, frame in enumerate(frames):
            if number in wanted:
                found[number] = convert(frame)
            if len(found) == len(wanted):
                break
    return found


def _assemble(
    media: MediaSource, table: FrameTable, wanted: list[int], found: dict[int, np.ndarray], convert: FrameConverter
) -> DecodedVideo:
    times = torch.tensor(table.seconds, dtype=torch.float64)
    info = _true_info(media, table.header, times, convert, table.damage)
    error = table.damage.to_error(media.name) if table.damage else None
    return DecodedVideo(_stack([found[number] for number in wanted]), times[torch.tensor(wanted)], info, error)


def _resolve_indices(indices: FrameIndices, total: int, damage: Damage | None, name: str) -> list[int]:
    wanted = [int(index) for index in (indices(total) if callable(indices) else indices)]
    if not wanted:
        raise ValueError(f"At least 1 frame index must be wanted of {name}, got 0.")
    if damage is not None and not callable(indices):
        # Frame numbers chosen for the whole video: those behind the damage are gone, the others are offered.
        kept = [index for index in wanted if index < total]
        if not kept:
            raise damage.to_error(name)
        wanted = kept
    for index in wanted:
        if not 0 <= index < total:
            raise ValueError(f"Frame indices must be in [0, {total}) for {name}, got {index}.")
    return wanted


def _raise_or_keep(media: MediaSource, damage: Damage | None, on_error: str) -> VideoDecodeError | None:
    if damage is None:
        return None
    error = damage.to_error(media.name)
    if on_error == "raise" or damage.num_good == 0:
        raise error
    return error


def _true_info(
    media: MediaSource,
    header: Header,
    times: torch.Tensor,
    convert: FrameConverter,
    damage: Damage | None,
) -> VideoInfo:
    """Describe a video by its frames; the header fills in what they do not show."""
    span = float(times[-1] - times[0])
    rate = header.fps or ((len(times) - 1) / span if span > 0 else None)
    duration = header.duration
    if duration is None or damage is not None:
        duration = span + (1 / rate if rate else 0.0)
    height, width = convert.shape
    return VideoInfo(media.name, len(times), rate, duration, height, width, convert.rotation)


def _decode_sequence(
    media: FrameSequence, indices: FrameIndices | None, on_error: str, fps: float | None
) -> DecodedVideo:
    rate, total, error = _checked_rate(fps), len(media), None
    while True:
        damage = Damage(total, None, "a picture is damaged") if error else None
        wanted = _resolve_indices(range(total) if indices is None else indices, total, damage, media.name)
        frames, broken, error_now = _load_frames(media, wanted)
        if error_now is None:
            break
        if on_error == "raise" or broken == 0:
            raise error_now
        total, error = broken, error_now
    timestamps = torch.tensor([number / rate for number in wanted], dtype=torch.float64)
    return DecodedVideo(_stack(frames), timestamps, _sequence_info(media, total, frames[0], fps), error)


def _load_frames(media: FrameSequence, wanted: list[int]) -> tuple[list[torch.Tensor], int, VideoDecodeError | None]:
    """Load frames; return them, the first frame that cannot be read and its error."""
    loaded: dict[int, torch.Tensor] = {}
    for number in sorted(set(wanted)):
        try:
            loaded[number] = media.load(number)
        except VideoDecodeError as error:
            return [], number, error
    first = min(loaded)
    for number, frame in loaded.items():
        if frame.shape != loaded[first].shape:
            raise ValueError(
                f"All frames of a clip must have one size, in {media.name} frame {first} has "
                f"{tuple(loaded[first].shape[:2])} and frame {number} {tuple(frame.shape[:2])}; resize or pad them."
            )
    return [loaded[number] for number in wanted], -1, None


def _sequence_info(media: FrameSequence, total: int, frame: torch.Tensor, fps: float | None) -> VideoInfo:
    return VideoInfo(media.name, total, fps, total / fps if fps else None, frame.shape[0], frame.shape[1])


def _checked_rate(fps: float | None) -> float:
    if fps is not None and not fps > 0:
        raise ValueError(f"`fps` must be greater than 0, got {fps}.")
    return float(fps or UNKNOWN_FRAME_RATE)


def _stack(frames: Sequence[Any]) -> torch.Tensor:
    """Stack (height, width, 3) frames into (T, 3, height, width) without giving up channels last in memory."""
    height, width, channels = frames[0].shape
    stacked = torch.empty(len(frames), height, width, channels, dtype=torch.uint8)
    for target, frame in zip(stacked, frames, strict=True):
        target.copy_(torch.as_tensor(np.ascontiguousarray(frame)) if isinstance(frame, np.ndarray) else frame)
    return stacked.permute(0, 3, 1, 2)


__all__ = [
    "DecodedVideo",
    "VideoDecodeError",
    "VideoInfo",
    "decode_video",
    "iter_frames",
    "probe_video",
    "stretch_bounds",
]
