# SPDX-License-Identifier: Apache-2.0
"""Where each person's face is at any time: boxes are known for analysed frames, films have more."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .segments import by_person


# Two findings of a person that lie further apart, in seconds, are not joined: the face was away, or the picture cut.
MOST_GAP = 1.0
# A box is held for this long before its first and after its last finding.
HELD = 0.25
Box = tuple[float, float, float, float]


class BoxTrack:
    """The boxes of one video over time.

    Args:
        people: As `Analysis.people`, of one video.
    """

    def __init__(self, people: pd.DataFrame):
        ordered = people.sort_values("time", kind="stable")
        self._tracks = {
            person: (part["time"].to_numpy(float), part[["x1", "y1", "x2", "y2"]].to_numpy(float))
            for person, part in by_person(ordered)
        }

    def at(self, seconds: float) -> dict[int, Box]:
        """Return person -> box x1, y1, x2, y2 in pixels at a time; between two findings the box moves evenly."""
        found = {person: _box_at(times, boxes, seconds) for person, (times, boxes) in self._tracks.items()}
        return {person: box for person, box in found.items() if box is not None}


def _box_at(times: np.ndarray, boxes: np.ndarray, seconds: float) -> Box | None:
    after = int(np.searchsorted(times, seconds, side="right"))
    before = after - 1
    if before >= 0 and after < len(times) and times[after] - times[before] <= MOST_GAP:
        share = (seconds - times[before]) / (times[after] - times[before])
        return _as_box(boxes[before] + share * (boxes[after] - boxes[before]))
    if before >= 0 and seconds - times[before] <= HELD:
        return _as_box(boxes[before])
    if after < len(times) and times[after] - seconds <= HELD:
        return _as_box(boxes[after])
    return None


def _as_box(values: np.ndarray) -> Box:
    left, top, right, bottom = (float(value) for value in values)
    return left, top, right, bottom


__all__ = ["HELD", "MOST_GAP", "Box", "BoxTrack"]
