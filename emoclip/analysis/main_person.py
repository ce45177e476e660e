# SPDX-License-Identifier: Apache-2.0
"""Whom `faces="largest"` means: one person, not the largest face of each frame, which may be now one's and now another's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from emoclip.data.faces.face import Box

from .people import Sight


# Seconds that the person who is followed may be out of sight of a live source before somebody else is followed.
PATIENCE = 1.0


def main_person(sights: Iterable[tuple[int, Box]]) -> int | None:
    """Return the person whose face covers most of a video: the areas of its boxes added up over all frames.

    Large and long in sight both count, as in `emoclip data crop-faces --select longest`; of equals the lower number.

    Args:
        sights: Person and box of everybody in every analysed frame; `None` comes back where there is none.
    """
    areas: dict[int, float] = {}
    for person, box in sights:
        areas[person] = areas.get(person, 0.0) + _area(box)
    return min(areas, key=lambda person: (-areas[person], person), default=None)


class LiveChoice:
    """The person of a live source, of which nobody knows the end: the largest, kept until out of sight for `PATIENCE`."""

    def __init__(self) -> None:
        self._person = 0
        self._last = 0.0

    def of(self, seconds: float, sights: Sequence[Sight]) -> list[Sight]:
        """Return the sight of the person who is followed, or none where they are out of sight.

        Args:
            seconds: Of the frame.
            sights: Everybody in it.
        """
        kept = [sight for sight in sights if sight.person == self._person]
        if not kept and sights and (not self._person or seconds - self._last > PATIENCE):
            kept = [max(sights, key=lambda sight: _area(sight.box))]
            self._person = kept[0].person
        if kept:
            self._last = seconds
        return kept


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


__all__ = ["PATIENCE", "LiveChoice", "main_person"]
