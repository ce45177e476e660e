# SPDX-License-Identifier: Apache-2.0
"""Detectors by name."""

from __future__ import annotations

from pathlib import Path

from .face import Detector
from .haar import HaarDetector
from .yunet import WEIGHTS_VARIABLE, YuNetDetector, find_weights


DETECTORS = ("auto", "haar", "yunet", "boxes")


def make_detector(name: str, weights: str | Path | None = None) -> Detector | None:
    """Return the detector of a name; None for `boxes`, which looks at no pixels.

    `auto` is YuNet where its weights are named, by `weights` or the environment variable, and otherwise Haar.

    Raises:
        FileNotFoundError: The weights are not there.
        ImportError: OpenCV is not installed.
        ValueError: The name is unknown, or `yunet` has no weights.
    """
    if name not in DETECTORS:
        raise ValueError(f"`--detector` must be one of {', '.join(DETECTORS)}, got {name!r}.")
    if name == "boxes":
        return None
    found = find_weights(weights)
    if name == "haar" or (name == "auto" and found is None):
        return HaarDetector()
    if found is None:
        raise ValueError(
            f"The detector yunet needs its weights, got none; pass --detector-weights FILE or set {WEIGHTS_VARIABLE}."
        )
    return YuNetDetector(found)


__all__ = ["DETECTORS", "make_detector"]
