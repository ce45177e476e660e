# SPDX-License-Identifier: Apache-2.0
"""Where the crop of each frame lies: a pure function of a track."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .alignment import similarity, square_around
from .crop_settings import CropSettings
from .face import Box
from .smoothing import steady_boxes, steady_rolls
from .tracking import Track


@dataclass(frozen=True)
class CropPlan:
    """The crops of one face.

    Args:
        track_id: Of the track.
        first: First frame that is cropped.
        last: Last one; None goes on to the end of the clip.
        boxes: From `first` on, (frames, 4); frames behind them have the last box.
        rolls: The same for angles in degrees, (frames,).
        margin: Around the boxes.
    """

    track_id: int
    first: int
    last: int | None
    boxes: np.ndarray
    rolls: np.ndarray
    margin: float

    def covers(self, frame: int) -> bool:
        """Return whether a frame is cropped."""
        return self.first <= frame and (self.last is None or frame <= self.last)

    def box(self, frame: int) -> Box:
        """Return the face's box in a frame."""
        left, top, right, bottom = self.boxes[self._position(frame)].tolist()
        return left, top, right, bottom

    def matrix(self, frame: int, size: int) -> np.ndarray:
        """Return the (2, 3) transform from a frame to its crop of `size` pixels."""
        center, side = square_around(self.box(frame), self.margin)
        return similarity(center, side, float(self.rolls[self._position(frame)]), size)

    def box_in_crop(self, frame: int, size: int) -> Box:
        """Return the face's box in its crop of `size` pixels: as large as in the frame, scaled, around the middle."""
        left, top, right, bottom = self.box(frame)
        scale = size / square_around((left, top, right, bottom), self.margin)[1]
        width, height = (right - left) * scale, (bottom - top) * scale
        return (size - width) / 2, (size - height) / 2, (size + width) / 2, (size + height) / 2

    def _position(self, frame: int) -> int:
        return min(frame - self.first, len(self.boxes) - 1)


def plan_track(track: Track, last_known: int, settings: CropSettings) -> CropPlan:
    """Return the plan for a track: all frames in which the face is in sight.

    A face lost for up to `settings.max_gap` frames at the beginning or at the end of the clip keeps its nearest box there.

    Args:
        track: Its frames count from the clip's first.
        last_known: The last frame that was looked at.
        settings: Of the crop set.
    """
    first = track.frames[0] if track.frames[0] > settings.max_gap else 0
    gone = last_known - track.frames[-1] > settings.max_gap
    last = track.frames[-1] if gone else last_known
    boxes = steady_boxes(track, first, last, settings.smooth)
    rolls = steady_rolls(track, first, last, settings.smooth)
    return CropPlan(track.track_id, first, last if gone else None, boxes, rolls, settings.margin)


def plan_whole_frame(height: int, width: int) -> CropPlan:
    """Return the plan for a clip without a face: the middle square, all frames."""
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    return CropPlan(0, 0, None, np.array([[left, top, left + side, top + side]]), np.zeros(1), 0.0)


__all__ = ["CropPlan", "plan_track", "plan_whole_frame"]
