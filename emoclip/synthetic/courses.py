# SPDX-License-Identifier: Apache-2.0
"""How strongly an expression shows at each moment of a clip: four periodic courses with one distribution of values.

With the phase drawn uniformly, the value at any one frame is uniform in [0, 1] for every course (each wave is piecewise linear and
covers [0, 1] evenly), so a single frame says nothing about the course. The same easing is applied to all.
"""

import numpy as np


REPEATS = 3

# Below 1 the expression shows for most of the clip; equal for all courses, so that the distributions stay equal.
_EASING = 0.7


def wave(course: str, position: np.ndarray) -> np.ndarray:
    """Height in [0, 1] of a course at positions in periods (any real numbers); float64, the shape of `position`.

    `rising` builds up and is gone at once, `falling` comes at once and fades, `swell` goes up and down evenly, `repeated` is a swell
    three times a period.

    Raises:
        ValueError: if `course` is none of the four.
    """
    part = np.mod(position, 1.0)
    if course == "rising":
        return part
    if course == "falling":
        return 1.0 - part
    if course == "swell":
        return 1.0 - np.abs(2.0 * part - 1.0)
    if course == "repeated":
        return 1.0 - np.abs(2.0 * np.mod(REPEATS * part, 1.0) - 1.0)
    raise ValueError(f"`course` must be rising, falling, swell or repeated, got {course!r}.")


def course_values(course: str, phase: float, num_frames: int) -> np.ndarray:
    """Eased intensities in [0, 1], (num_frames,), of one period that starts at `phase` and wraps without a seam.

    Raises:
        ValueError: if `num_frames` is below 1 or the course is unknown.
    """
    if num_frames < 1:
        raise ValueError(f"`num_frames` must be at least 1, got {num_frames}.")
    return wave(course, phase + np.arange(num_frames) / num_frames) ** _EASING
