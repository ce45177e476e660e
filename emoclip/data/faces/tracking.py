# SPDX-License-Identifier: Apache-2.0
"""Which faces of successive frames are the same one: association by overlap, with gaps.

`FaceTracker` holds the last box of every face in sight and nothing else, however long the video. `collect_tracks` keeps all that
was seen, for videos whose tracks are needed whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .face import Box, Face, iou


MIN_IOU = 0.3


class FaceTracker:
    """Gives every face an id that stays the same while the face is in sight.

    Args:
        max_gap: A face that was not found for more than as many frames is a new one when it comes back.
        min_iou: Least overlap of a face's boxes in two frames that follow one another.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(self, *, max_gap: int = 25, min_iou: float = MIN_IOU):
        if max_gap < 1:
            raise ValueError(f"`max_gap` must be at least 1 frame, got {max_gap}.")
        if not 0 < min_iou < 1:
            raise ValueError(f"`min_iou` must be between 0 and 1, got {min_iou}.")
        self.max_gap = max_gap
        self.min_iou = min_iou
        self._last: dict[int, tuple[int, Box]] = {}
        self._next_id = 1

    def in_sight(self, frame: int) -> dict[int, Box]:
        """Return the last box of every face that would still be the same one in a frame, by id."""
        return {one: box for one, (last, box) in self._last.items() if frame - last <= self.max_gap}

    def forget(self) -> None:
        """Let every face that comes be a new one, as after a cut; ids go on."""
        self._last.clear()

    def update(self, frame: int, faces: Sequence[Face]) -> list[int]:
        """Return the id of each face of a frame; frames come in rising order, not necessarily all of them."""
        self._last = {one: seen for one, seen in self._last.items() if frame - seen[0] <= self.max_gap}
        ids = self._associate(faces)
        for position, face in enumerate(faces):
            if position not in ids:
                ids[position] = self._next_id
                self._next_id += 1
            self._last[ids[position]] = (frame, face.box)
        return [ids[position] for position in range(len(faces))]

    def _associate(self, faces: Sequence[Face]) -> dict[int, int]:
        """Position of a face -> id, best overlaps first."""
        overlaps = [
            (iou(box, face.box), one, position)
            for one, (_, box) in self._last.items()
            for position, face in enumerate(faces)
        ]
        ids: dict[int, int] = {}
        taken: set[int] = set()
        for overlap, one, position in sorted(overlaps, key=lambda entry: (-entry[0], entry[1])):
            if overlap >= self.min_iou and one not in taken and position not in ids:
                ids[position] = one
                taken.add(one)
        return ids


@dataclass
class Track:
    """One face over time.

    Args:
        track_id: From 1, in the order of appearance.
        frames: Where it was found, rising.
        faces: What was found there.
    """

    track_id: int
    frames: list[int] = field(default_factory=list)
    faces: list[Face] = field(default_factory=list)

    def add(self, frame: int, face: Face) -> None:
        """Append a finding."""
        self.frames.append(frame)
        self.faces.append(face)


def collect_tracks(found: Iterable[tuple[int, Sequence[Face]]], tracker: FaceTracker) -> tuple[list[Track], list[int]]:
    """Return all tracks of a video and the frames that were looked at.

    Args:
        found: Frame numbers, rising, and the faces in them.
        tracker: A fresh one.
    """
    tracks: dict[int, Track] = {}
    looked_at = []
    for frame, faces in found:
        looked_at.append(frame)
        for one, face in zip(tracker.update(frame, faces), faces, strict=True):
            tracks.setdefault(one, Track(one)).add(frame, face)
    return list(tracks.values()), looked_at


__all__ = ["FaceTracker", "Track", "collect_tracks"]
