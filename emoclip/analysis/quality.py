# SPDX-License-Identifier: Apache-2.0
"""How well a face can be read in a frame: its size, its sharpness, how far it is turned away."""

from __future__ import annotations

from typing import Any

import numpy as np

from emoclip.data.faces.face import Face

from .picture import FaceLook


# Side of the patch on which sharpness is measured, and of a face that is large enough.
PATCH = 64
FULL_SIZE = 80.0
# Deviation of the Laplacian over that of the grey levels: a sharp photograph has about this and more.
FULL_SHARPNESS = 0.6
# A face of which the detector says nothing else is taken as turned to the camera.
UNKNOWN_FRONTALITY = 1.0


def face_look(cv2: Any, frame: np.ndarray, face: Face, *, found: bool = True, by_colour: bool = False) -> FaceLook:
    """Return how well a face can be read.

    Args:
        cv2: The module.
        frame: uint8 RGB (height, width, 3).
        face: With its box in pixels.
        found: See `FaceLook`.
        by_colour: See `FaceLook`.
    """
    left, top, right, bottom = face.box
    size = max(right - left, bottom - top)
    sharp = sharpness(cv2, frame, face)
    front = frontality(face)
    quality = min(1.0, size / FULL_SIZE) * sharp * front
    return FaceLook(quality, size, sharp, front, found, by_colour)


def sharpness(cv2: Any, frame: np.ndarray, face: Face) -> float:
    """Return 0 for a flat or blurred face to 1 for a sharp one.

    Fine structure in relation to contrast: the deviation of the Laplacian over that of the grey levels, on a patch of fixed
    size, so that neither light nor distance counts.
    """
    height, width = frame.shape[:2]
    left, top = max(0, int(face.box[0])), max(0, int(face.box[1]))
    right, bottom = min(width, round(face.box[2])), min(height, round(face.box[3]))
    if right - left < 2 or bottom - top < 2:
        return 0.0
    patch = cv2.resize(frame[top:bottom, left:right], (PATCH, PATCH), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).astype(np.float32)
    contrast = float(grey.std())
    if contrast < 1.0:
        return 0.0
    return min(1.0, float(cv2.Laplacian(grey, cv2.CV_32F).std()) / contrast / FULL_SHARPNESS)


def frontality(face: Face) -> float:
    """Return 0 for a profile to 1 for a face turned to the camera.

    From the landmarks, where the nose lies between the eyes; else what the detector says.
    """
    if face.landmarks is not None and len(face.landmarks) >= 3:
        left, right, nose = (np.array(point) for point in face.landmarks[:3])
        axis = right - left
        length = float(np.hypot(*axis))
        if length < 1e-6:
            return 0.0
        along = float((nose - left) @ axis) / length**2
        return float(np.clip(1 - 2 * abs(along - 0.5), 0, 1))
    return UNKNOWN_FRONTALITY if face.frontality is None else face.frontality


__all__ = ["face_look", "frontality", "sharpness"]
