# SPDX-License-Identifier: Apache-2.0
"""What a detector finds, and what a detector is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np


Box = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Face:
    """A face in a frame.

    Args:
        box: x1, y1, x2, y2 in pixels; may leave the frame.
        score: The detector's own, higher is surer; not comparable between detectors.
        landmarks: Points in pixels, the eye on the left of the picture first, then the other eye, then what else there is.
        frontality: 0 for a profile to 1 for a face turned to the camera, where the detector tells.
    """

    box: Box
    score: float = 1.0
    landmarks: tuple[Point, ...] | None = None
    frontality: float | None = None

    @property
    def area(self) -> float:
        """Square pixels of the box."""
        return max(0.0, self.box[2] - self.box[0]) * max(0.0, self.box[3] - self.box[1])

    @property
    def center(self) -> Point:
        """Middle of the box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    @property
    def roll(self) -> float | None:
        """Angle of the line through the eyes in degrees, positive where the right eye of the picture is lower."""
        if self.landmarks is None or len(self.landmarks) < 2:
            return None
        (left_x, left_y), (right_x, right_y) = self.landmarks[:2]
        return math.degrees(math.atan2(right_y - left_y, right_x - left_x))


class Detector(Protocol):
    """Finds faces in single frames; knows nothing of time."""

    name: str

    def detect(self, frame: np.ndarray) -> list[Face]:
        """Return the faces of a frame, uint8 RGB (height, width, 3)."""
        ...


def iou(first: Box, second: Box) -> float:
    """Return the share of two boxes' union that both cover, 0 to 1."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    union = Face(first).area + Face(second).area - width * height
    return width * height / union


__all__ = ["Box", "Detector", "Face", "Point", "iou"]
