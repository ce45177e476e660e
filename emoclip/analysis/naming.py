# SPDX-License-Identifier: Apache-2.0
"""Which person a track is: somebody seen before in this video, or somebody new."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from emoclip.data.faces.face import Box, iou

from .colours import alike


# From here on colours are taken for the same person's; and by how much the best must be ahead of the next.
MIN_ALIKE = 0.8
MIN_LEAD = 0.05
# In one shot somebody comes back where they were; then less likeness will do.
MIN_ALIKE_IN_PLACE = 0.55
MIN_OVERLAP = 0.15
# How much of the remembered colours a new sight replaces.
MEMORY = 0.2


@dataclass
class _Known:
    colours: np.ndarray
    box: Box
    shot: int


class PersonNames:
    """Numbers the people of one video from 1 in the order of their appearance; holds their colours while it runs."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def name(self, colours: np.ndarray, box: Box, shot: int, taken: Collection[int]) -> tuple[int, bool]:
        """Return the number of whoever a new track shows, and whether colours alone decided.

        Args:
            colours: See `person_colours`.
            box: Where the track begins.
            shot: Number of the shot.
            taken: Numbers of people who are in sight already.
        """
        candidates = {
            number: (alike(known.colours, colours), known.shot == shot and iou(known.box, box) >= MIN_OVERLAP)
            for number, known in self._known.items()
            if number not in taken
        }
        for number, (likeness, in_place) in candidates.items():
            if in_place and likeness >= MIN_ALIKE_IN_PLACE:
                return self._seen(number, colours, box, shot), False
        ranked = sorted(candidates, key=lambda number: -candidates[number][0])
        if ranked:
            best = candidates[ranked[0]][0]
            lead = best - candidates[ranked[1]][0] if len(ranked) > 1 else 1.0
            if best >= MIN_ALIKE and lead >= MIN_LEAD:
                return self._seen(ranked[0], colours, box, shot), True
        number = len(self._known) + 1
        self._known[number] = _Known(colours, box, shot)
        return number, False

    def saw(self, number: int, colours: np.ndarray, box: Box, shot: int) -> None:
        """Remember how somebody looked last."""
        self._seen(number, colours, box, shot)

    def _seen(self, number: int, colours: np.ndarray, box: Box, shot: int) -> int:
        known = self._known[number]
        known.colours = (1 - MEMORY) * known.colours + MEMORY * colours
        known.box, known.shot = box, shot
        return number


__all__ = ["PersonNames"]
