# SPDX-License-Identifier: Apache-2.0
"""YuNet (Wu et al., MIR 2023), a small network that OpenCV runs; its weights are a file of the user's.

The file is `face_detection_yunet_2023mar.onnx` of OpenCV's model zoo (MIT licence).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from emoclip.console import require

from .face import Face
from .frame_scaling import shrink


WEIGHTS_VARIABLE = "EMOCLIP_YUNET"
MIN_SCORE = 0.7
NUM_LANDMARKS = 5


class YuNetDetector:
    """Faces with five landmarks: eyes, nose, corners of the mouth.

    Args:
        weights: The ONNX file.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: OpenCV is not installed.
        ValueError: OpenCV cannot read the file.
    """

    name = "yunet"

    def __init__(self, weights: str | Path):
        self._cv2: Any = require("cv2", "data")
        if not Path(weights).is_file():
            raise FileNotFoundError(
                f"The weights of YuNet must be a file, {weights} is none; download face_detection_yunet_2023mar.onnx of "
                "OpenCV's model zoo, or pass --detector haar."
            )
        try:
            self._network = self._cv2.FaceDetectorYN.create(str(weights), "", (320, 320), MIN_SCORE)
        except self._cv2.error as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"The weights of YuNet must be an ONNX file, {weights} cannot be read ({reason}); download it again."
            ) from error

    def detect(self, frame: np.ndarray) -> list[Face]:
        """Return the faces of a frame, uint8 RGB (height, width, 3)."""
        small, scale = shrink(self._cv2, frame)
        self._network.setInputSize((small.shape[1], small.shape[0]))
        _, found = self._network.detect(self._cv2.cvtColor(small, self._cv2.COLOR_RGB2BGR))
        return [] if found is None else [read_face(values, scale) for values in found]


def read_face(values: np.ndarray, scale: float) -> Face:
    """Return the face in a line of YuNet's output: x, y, width, height, five points, score."""
    left, top, width, height = (float(value) / scale for value in values[:4])
    points = np.asarray(values[4 : 4 + 2 * NUM_LANDMARKS], dtype=float).reshape(NUM_LANDMARKS, 2) / scale
    # The person's right eye comes first, which is the left one of the picture.
    landmarks = tuple((float(x), float(y)) for x, y in points)
    return Face((left, top, left + width, top + height), float(values[-1]), landmarks)


def find_weights(given: str | Path | None) -> Path | None:
    """Return the weights file: the one given, else the one that the environment names, else None."""
    named = given or os.environ.get(WEIGHTS_VARIABLE)
    return Path(named) if named else None


__all__ = ["WEIGHTS_VARIABLE", "YuNetDetector", "find_weights", "read_face"]
