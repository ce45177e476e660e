# SPDX-License-Identifier: Apache-2.0
"""Viola and Jones' cascades, which come inside OpenCV 4: frontal faces, and eyes for the angle of the head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from emoclip.console import require

from .face import Box, Face, Point, iou
from .frame_scaling import shrink


FACE_CASCADE = "haarcascade_frontalface_default.xml"
EYE_CASCADE = "haarcascade_eye.xml"
PROFILE_CASCADE = "haarcascade_profileface.xml"
# What a face that only the cascade of profiles finds counts as; it finds half-turned ones too.
PROFILE_FRONTALITY = 0.2
# Smaller than for frontal faces: it is searched for twice, and mostly in vain.
PROFILE_LONGEST_SIDE = 320
# Neighbouring hits that make a face. OpenCV's usual 3 takes collars and curtains for faces.
MIN_NEIGHBORS = 6
# Pixels; time goes with the square of the side. A face must be a twentieth of the frame.
LONGEST_SIDE = 480
MIN_SIDE = 24
# Two eyes of an upright face, in shares of the box: how far apart, and in its upper part.
EYE_DISTANCE = (0.25, 0.65)
EYES_ABOVE = 0.55
MAX_ROLL = 30.0


class HaarDetector:
    """Frontal faces by cascade; the eyes are given where exactly one likely pair is found.

    Raises:
        ImportError: OpenCV is not installed, or is one without cascades.
    """

    name = "haar"

    def __init__(self) -> None:
        self._cv2: Any = require("cv2", "data")
        self._faces = load_cascade(self._cv2, FACE_CASCADE)
        self._eyes = load_cascade(self._cv2, EYE_CASCADE)

    def detect(self, frame: np.ndarray) -> list[Face]:
        """Return the faces of a frame, uint8 RGB (height, width, 3)."""
        small, scale = shrink(self._cv2, frame, LONGEST_SIDE)
        grey = self._cv2.equalizeHist(self._cv2.cvtColor(small, self._cv2.COLOR_RGB2GRAY))
        boxes, _, weights = self._faces.detectMultiScale3(
            grey, scaleFactor=1.1, minNeighbors=MIN_NEIGHBORS, minSize=(MIN_SIDE, MIN_SIDE), outputRejectLevels=True
        )
        return [
            self._face(grey, box, float(weight), scale) for box, weight in zip(boxes, np.ravel(weights), strict=True)
        ]

    def _face(self, grey: np.ndarray, found: np.ndarray, weight: float, scale: float) -> Face:
        left, top, width, height = (int(value) for value in found)
        window = grey[top : top + int(height * EYES_ABOVE), left : left + width]
        smallest = max(8, width // 8)
        eyes = self._eyes.detectMultiScale(window, 1.1, 4, minSize=(smallest, smallest))
        pair = likely_eyes([(x + w / 2, y + h / 2) for x, y, w, h in eyes], width)
        box: Box = (left / scale, top / scale, (left + width) / scale, (top + height) / scale)
        points = [((left + x) / scale, (top + y) / scale) for x, y in pair] if pair else None
        return Face(box, weight, tuple(points) if points else None)


class ProfileDetector:
    """Faces seen from the side, by cascade.

    Raises:
        ImportError: OpenCV is not installed, or is one without cascades.
    """

    name = "profile"

    def __init__(self) -> None:
        self._cv2: Any = require("cv2", "data")
        self._profiles = load_cascade(self._cv2, PROFILE_CASCADE)

    def detect(self, frame: np.ndarray) -> list[Face]:
        """Return the faces of a frame, uint8 RGB (height, width, 3), that look to either side."""
        small, scale = shrink(self._cv2, frame, PROFILE_LONGEST_SIDE)
        grey = self._cv2.equalizeHist(self._cv2.cvtColor(small, self._cv2.COLOR_RGB2GRAY))
        width = grey.shape[1]
        faces: list[Face] = []
        # The cascade knows faces that look to the left.
        for mirrored in (False, True):
            picture = self._cv2.flip(grey, 1) if mirrored else grey
            found = self._profiles.detectMultiScale(picture, 1.1, MIN_NEIGHBORS, minSize=(MIN_SIDE, MIN_SIDE))
            for left, top, side, height in (tuple(map(int, values)) for values in found):
                x = width - left - side if mirrored else left
                box: Box = (x / scale, top / scale, (x + side) / scale, (top + height) / scale)
                if not any(iou(box, face.box) > 0.3 for face in faces):
                    faces.append(Face(box, frontality=PROFILE_FRONTALITY))
        return faces


def load_cascade(cv2: Any, name: str) -> Any:
    """Return a cascade of those that come with OpenCV 4.

    Raises:
        ImportError: It is not there.
    """
    folder = getattr(getattr(cv2, "data", None), "haarcascades", None)
    path = Path(folder or "") / name
    if folder is None or not path.is_file():
        raise ImportError(
            f"The detector haar needs the cascades of OpenCV 4, OpenCV {cv2.__version__} has no {name}; "
            "run: pip install 'emoclip[data]'"
        )
    return cv2.CascadeClassifier(str(path))


def likely_eyes(points: list[Point], width: float) -> tuple[Point, Point] | None:
    """Return the pair of points that can be the eyes of a face `width` pixels wide, left first; none or several give None."""
    near, far = EYE_DISTANCE[0] * width, EYE_DISTANCE[1] * width
    pairs = []
    for first in points:
        for second in points:
            across, down = second[0] - first[0], second[1] - first[1]
            level = abs(down) <= across * np.tan(np.radians(MAX_ROLL))
            astride = first[0] < width / 2 < second[0]
            if near <= across <= far and level and astride:
                pairs.append((first, second))
    return pairs[0] if len(pairs) == 1 else None


__all__ = ["HaarDetector", "ProfileDetector", "likely_eyes"]
