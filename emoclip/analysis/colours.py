# SPDX-License-Identifier: Apache-2.0
"""Coarse colours of frames and of people: where a video is cut, and who is who on the other side of a cut.

Clothes and hair, not faces: nothing here could recognise anybody in another video, and nothing of it is kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from emoclip.data.faces.face import Box


THUMBNAIL = (32, 18)
# Mean difference of two thumbnails, in grey levels. People who move change a quarter of a frame, a cut nearly all of it.
CUT_DIFFERENCE = 24.0
HUES, SATURATIONS, VALUES = 12, 4, 4
# A pixel with less colour than this has no hue to speak of.
MIN_SATURATION = 40


class CutDetector:
    """Tells whether a frame belongs to another shot than the one before it."""

    def __init__(self, cv2: Any) -> None:
        self._cv2 = cv2
        self._last: np.ndarray | None = None

    def is_cut(self, frame: np.ndarray) -> bool:
        """Return whether a frame, uint8 RGB (height, width, 3), begins a new shot; the first one does not."""
        thumbnail = self._cv2.resize(frame, THUMBNAIL, interpolation=self._cv2.INTER_AREA).astype(np.float32)
        before, self._last = self._last, thumbnail
        if before is None:
            return False
        # A change of light alone is no cut.
        difference = thumbnail - before
        return float(np.abs(difference - difference.mean()).mean()) > CUT_DIFFERENCE


def person_colours(cv2: Any, frame: np.ndarray, box: Box) -> np.ndarray:
    """Return the colours of somebody's head and chest as two histograms side by side, each adding up to 1.

    Args:
        cv2: The module.
        frame: uint8 RGB (height, width, 3).
        box: Of the face, in pixels.
    """
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    head = (left - 0.15 * width, top - 0.35 * height, right + 0.15 * width, bottom + 0.1 * height)
    chest = (left - 0.4 * width, bottom + 0.3 * height, right + 0.4 * width, bottom + 1.1 * height)
    return np.concatenate([_histogram(cv2, frame, head), _histogram(cv2, frame, chest)])


def alike(first: np.ndarray, second: np.ndarray) -> float:
    """Return how alike two people's colours are, 0 to 1: the mean of the overlaps of the histograms that both have."""
    halves = [
        float(np.sqrt(one * other).sum())
        for one, other in zip(np.split(first, 2), np.split(second, 2), strict=True)
        if one.any() and other.any()
    ]
    return sum(halves) / len(halves) if halves else 0.0


def _histogram(cv2: Any, frame: np.ndarray, region: Box) -> np.ndarray:
    """Shares of hue and saturation, and of grey levels for pixels without colour; zeros outside of the frame."""
    size = HUES * SATURATIONS + VALUES
    height, width = frame.shape[:2]
    left, top = max(0, int(region[0])), max(0, int(region[1]))
    right, bottom = min(width, int(region[2])), min(height, int(region[3]))
    if right - left < 4 or bottom - top < 4:
        return np.zeros(size)
    patch = cv2.resize(frame[top:bottom, left:right], (24, 24), interpolation=cv2.INTER_AREA)
    hue, saturation, value = (
        channel.ravel().astype(int) for channel in cv2.split(cv2.cvtColor(patch, cv2.COLOR_RGB2HSV))
    )
    coloured = (saturation >= MIN_SATURATION) & (value >= MIN_SATURATION)
    bins = (hue * HUES // 180).clip(0, HUES - 1) * SATURATIONS + saturation * SATURATIONS // 256
    bins = np.where(coloured, bins, HUES * SATURATIONS + value * VALUES // 256)
    # Neighbouring bins share, or a lamp that is dimmed a little would make somebody else of everybody.
    counts = np.bincount(bins, minlength=size).astype(np.float64)
    colours = counts[: HUES * SATURATIONS].reshape(HUES, SATURATIONS)
    colours = 0.6 * colours + 0.2 * np.roll(colours, 1, axis=0) + 0.2 * np.roll(colours, -1, axis=0)
    counts[: HUES * SATURATIONS] = colours.ravel()
    return counts / counts.sum()


__all__ = ["CutDetector", "alike", "person_colours"]
