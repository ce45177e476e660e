# SPDX-License-Identifier: Apache-2.0
"""From a box and an angle to an upright square picture, by a similarity transform: no stretching."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .face import Box, Point


MAX_SUPERSAMPLING = 8


def square_around(box: Box, margin: float) -> tuple[Point, float]:
    """Return the centre and the side of the square: the box's longer side and `margin` of it on every side.

    Raises:
        ValueError: The box is empty or not finite, or the margin is out of [0, 2].
    """
    if not 0 <= margin <= 2:
        raise ValueError(f"`--margin` must be in [0, 2], got {margin}.")
    left, top, right, bottom = box
    if not (all(map(math.isfinite, box)) and right > left and bottom > top):
        raise ValueError(f"A box must be x1, y1, x2, y2 with x1 < x2 and y1 < y2, got {list(box)}.")
    return ((left + right) / 2, (top + bottom) / 2), max(right - left, bottom - top) * (1 + 2 * margin)


def similarity(center: Point, side: float, roll: float, size: int) -> np.ndarray:
    """Return the (2, 3) matrix from pixels of the frame to those of the crop.

    Args:
        center: Goes to the middle of the crop.
        side: Of the square in the frame.
        roll: Degrees; the line through the eyes becomes level.
        size: Side of the crop.
    """
    scale = size / side
    cosine, sine = scale * math.cos(math.radians(roll)), scale * math.sin(math.radians(roll))
    linear = np.array([[cosine, sine], [-sine, cosine]])
    shift = size / 2 - linear @ np.array(center)
    return np.column_stack([linear, shift])


def warp(cv2: Any, frame: np.ndarray, matrix: np.ndarray, size: int, *, replicate: bool = False) -> np.ndarray:
    """Return the crop, uint8 (size, size, 3); what lies outside of the frame is black, or repeats its border."""
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    # Sampling a large face at fewer points than it has pixels would alias: warp at its own resolution, then average.
    factor = min(MAX_SUPERSAMPLING, max(1, math.ceil(0.75 / scale)))
    # Pixel centres lie at half coordinates, which OpenCV counts as whole ones.
    moved = matrix * factor
    moved[:, 2] += moved[:, :2] @ np.array([0.5, 0.5]) - 0.5
    border = cv2.BORDER_REPLICATE if replicate else cv2.BORDER_CONSTANT
    large = cv2.warpAffine(frame, moved, (size * factor, size * factor), flags=cv2.INTER_LINEAR, borderMode=border)
    return large if factor == 1 else cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA)


__all__ = ["similarity", "square_around", "warp"]
