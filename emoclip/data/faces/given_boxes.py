# SPDX-License-Identifier: Apache-2.0
"""Boxes that a data set ships: as a track, where they are of faces, and as a limit, where they are of persons."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .face import Box, Face
from .tracking import Track


# Data sets whose boxes hold whole persons. The part of a manifest's `dataset` before the slash.
PERSON_BOXES = ("bold", "emotic", "dialogue")
GivenBoxes = Sequence[Sequence[float] | None]


def has_boxes(boxes: GivenBoxes | None) -> bool:
    """Return whether any frame has a box."""
    return bool(boxes) and any(boxes or ())


def track_of_boxes(boxes: GivenBoxes) -> Track:
    """Return the boxes of a clip's frames as one track; frames without a box are left out.

    Raises:
        ValueError: A box is not x1, y1, x2, y2 with x1 < x2 and y1 < y2.
    """
    track = Track(1)
    for frame, values in enumerate(boxes):
        if values:
            track.add(frame, Face(_checked(values, frame)))
    return track


def inside(faces: Sequence[Face], boxes: GivenBoxes, frame: int) -> list[Face]:
    """Return the faces whose middle lies in a person's box of a frame, none where no person is seen.

    A single entry holds for all frames; an entry has four numbers for each person. Without any box all faces are returned.

    Raises:
        ValueError: A box is not x1, y1, x2, y2 with x1 < x2 and y1 < y2.
    """
    if not has_boxes(boxes):
        return list(faces)
    values = boxes[0] if len(boxes) == 1 else boxes[frame] if frame < len(boxes) else None
    if not values:
        return []
    persons = [_checked(values[first : first + 4], frame) for first in range(0, len(values), 4)]
    return [face for face in faces if any(_holds(person, face) for person in persons)]


def _holds(box: Box, face: Face) -> bool:
    left, top, right, bottom = box
    return left <= face.center[0] <= right and top <= face.center[1] <= bottom


def _checked(values: Sequence[float], frame: int) -> Box:
    if len(values) == 4 and all(map(math.isfinite, values)):
        left, top, right, bottom = (float(value) for value in values)
        if left < right and top < bottom:
            return left, top, right, bottom
    raise ValueError(f"A box must be x1, y1, x2, y2 with x1 < x2 and y1 < y2, frame {frame} has {list(values)}.")


__all__ = ["PERSON_BOXES", "has_boxes", "inside", "track_of_boxes"]
