# SPDX-License-Identifier: Apache-2.0
"""What a table says of a window beside its scores: whose, when, and how well the face could be read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .sequences import Window
from .window_set import NO_FACE


# Below these a mark says so. Set by hand, not fitted to data; see docs/analyze.md.
MIN_SIZE = 40.0
MIN_SHARPNESS = 0.3
MIN_FRONTALITY = 0.5
MIN_COVERAGE = 0.5


def window_facts(window: Window, step: int) -> dict[str, Any]:
    """Return the columns of a window without its video.

    Args:
        window: With at least one member.
        step: Distance of analysed frames, in frames of the video.
    """
    first, last = window.members[0], window.members[-1]
    facts: dict[str, Any] = {"person": window.person, "start": first[0], "end": last[0]}
    looks = [member.look for _, member in window.members if member.look is not None]
    if not looks:
        missing = dict.fromkeys(("quality", "face_size", "sharpness", "frontality", "coverage"), math.nan)
        return {**facts, **missing, "mark": ""}
    num_frames = (last[1].frame - first[1].frame) // step + 1
    coverage = min(1.0, window.num_found / num_frames)
    means = {
        "face_size": _mean([look.size for look in looks]),
        "sharpness": _mean([look.sharpness for look in looks]),
        "frontality": _mean([look.frontality for look in looks]),
        "coverage": coverage,
    }
    quality = _mean([look.quality for look in looks]) * coverage
    return {**facts, "quality": quality, **means, "mark": mark(means, by_colour=any(look.by_colour for look in looks))}


def no_face_facts(start: float, end: float) -> dict[str, Any]:
    """Return the columns of a stretch in which nobody is seen."""
    missing = dict.fromkeys(("face_size", "sharpness", "frontality"), math.nan)
    return {"person": 0, "start": start, "end": end, "quality": 0.0, **missing, "coverage": 0.0, "mark": NO_FACE}


def mark(means: dict[str, float], *, by_colour: bool) -> str:
    """Return why a window is not to be trusted, reasons with semicolons between them."""
    reasons = [
        (means["face_size"] < MIN_SIZE, "small face"),
        (means["sharpness"] < MIN_SHARPNESS, "blurred"),
        (means["frontality"] < MIN_FRONTALITY, "profile"),
        (means["coverage"] < MIN_COVERAGE, "rarely found"),
        (by_colour, "person told by colours"),
    ]
    return "; ".join(reason for applies, reason in reasons if applies)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


__all__ = ["MIN_COVERAGE", "MIN_FRONTALITY", "MIN_SHARPNESS", "MIN_SIZE", "mark", "no_face_facts", "window_facts"]
