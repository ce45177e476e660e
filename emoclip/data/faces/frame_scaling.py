# SPDX-License-Identifier: Apache-2.0
"""Detectors look at frames of bounded size: time and smallest face then do not depend on the camera."""

from __future__ import annotations

from typing import Any

import numpy as np


LONGEST_SIDE = 640


def shrink(cv2: Any, frame: np.ndarray, longest: int = LONGEST_SIDE) -> tuple[np.ndarray, float]:
    """Return the frame with no side over `longest`, and the factor its coordinates were multiplied by."""
    height, width = frame.shape[:2]
    scale = min(1.0, longest / max(height, width))
    if scale == 1.0:
        return frame, 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA), scale


__all__ = ["shrink"]
