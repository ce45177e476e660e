# SPDX-License-Identifier: Apache-2.0
"""The frames of a film at even times, in one pass over it, for the stretches that are wanted."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from modeling_emoclip.frame_transform_emoclip import resize
from modeling_emoclip.video_container_emoclip import (
    DamagedVideo,
    FrameConverter,
    frame_seconds,
    read_header,
    stream_frames,
)
from modeling_emoclip.video_sources_emoclip import MediaSource, resolve_source


# Pillow's numbers of the filters.
RESAMPLING = {"bilinear": 2, "bicubic": 3}


@dataclass(frozen=True)
class Stretch:
    """Places on the grid, from `first` to `last`, both included; place k shows what is seen at k / fps seconds."""

    number: int
    first: int
    last: int

    @property
    def length(self) -> int:
        """Frames."""
        return self.last - self.first + 1


@dataclass
class _Open:
    stretch: Stretch
    frames: list[np.ndarray] = field(default_factory=list)


def grid_stretch(number: int, start: float, end: float, fps: float) -> Stretch:
    """Return the places of the grid within a time span in seconds (EmotionCLIP `preprocessing/create_index`)."""
    # A time that was computed as 2.9999999 is meant to be 3.
    return Stretch(number, math.ceil(round(start * fps, 6)), math.floor(round(end * fps, 6)))


def read_stretches(
    film: Path,
    stretches: Sequence[Stretch],
    fps: float,
    short_side: int,
    resample: int = RESAMPLING["bilinear"],
) -> Iterator[tuple[Stretch, list[np.ndarray]]]:
    """Yield every stretch with its frames, uint8 RGB (height, width, 3), as the film goes by.

    Holds the frames of the stretches that are open at a time. A stretch that the film does not show from its beginning to its end
    is left out.

    Args:
        film: The film.
        stretches: In any order; they may overlap.
        fps: Of the grid.
        short_side: Frames are shrunk to it; smaller ones stay.
        resample: Filter that shrinks, as Pillow numbers them.

    Raises:
        VideoDecodeError: The film is no video, or is damaged; after all stretches before the damage.
    """
    waiting = deque(sorted((one for one in stretches if one.length > 0), key=lambda one: (one.first, one.last)))
    if not waiting:
        return
    active: list[_Open] = []
    shrink = _Shrinker(short_side, resample)
    for place, frame in _on_grid(film, fps):
        if not waiting and not active:
            return
        while waiting and waiting[0].first <= place:
            stretch = waiting.popleft()
            if stretch.first == place:  # others begin before the film's first picture
                active.append(_Open(stretch))
        if not active:
            continue
        picture = shrink(frame)
        for one in active:
            one.frames.append(picture)
        done = [one for one in active if one.stretch.last == place]
        active = [one for one in active if one.stretch.last > place]
        for one in done:
            yield one.stretch, one.frames


def _on_grid(film: Path, fps: float) -> Iterator[tuple[int, Any]]:
    """Every place of the grid with the frame that is on the screen then: the last that was shown before or at its time.

    Seconds count from the start of the file. Where the sound begins before the pictures, there are no places before the first one,
    but for the length of one picture, by which encoders are late.
    """
    media = cast(MediaSource, resolve_source(film))  # a file, not a folder of frames
    header, shown, place, seconds = read_header(media), None, 0, 0.0
    try:
        for number, frame in enumerate(stream_frames(media)):
            seconds = frame_seconds(header, frame, number)
            if shown is None:
                place = max(0, math.ceil(round((seconds - header.interval) * fps, 6)))
            while shown is not None and place < round(seconds * fps, 6):
                yield place, shown
                place += 1
            shown = frame
    except DamagedVideo as stop:
        raise stop.damage.to_error(media.name) from stop
    # The last frame is on the screen for as long as the others.
    while shown is not None and place < round((seconds + header.interval) * fps, 6):
        yield place, shown
        place += 1


class _Shrinker:
    """Converts and shrinks frames; a frame that stands at several places is converted once."""

    def __init__(self, short_side: int, resample: int):
        self.short_side, self.resample = short_side, resample
        self.convert = FrameConverter()
        self._last: tuple[Any, np.ndarray] | None = None

    def __call__(self, frame: Any) -> np.ndarray:
        if self._last is None or self._last[0] is not frame:
            self._last = (frame, self._shrunk(np.ascontiguousarray(self.convert(frame))))
        return self._last[1]

    def _shrunk(self, picture: np.ndarray) -> np.ndarray:
        if min(picture.shape[:2]) <= self.short_side:
            return picture
        pixels = torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0)
        smaller = resize(pixels, {"shortest_edge": self.short_side}, self.resample, True)
        return np.ascontiguousarray(smaller[0].permute(1, 2, 0).numpy())


__all__ = ["Stretch", "grid_stretch", "read_stretches"]
