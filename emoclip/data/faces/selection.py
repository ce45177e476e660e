# SPDX-License-Identifier: Apache-2.0
"""Which of several faces is meant."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .tracking import Track


SELECTIONS = ("longest", "largest", "center", "all")
# Detectors take a pattern for a face now and then; a face that stays is found again.
MIN_FINDINGS = 3


def drop_flickers(tracks: Sequence[Track], num_looked_at: int) -> list[Track]:
    """Return the tracks found in at least `MIN_FINDINGS` frames, or in half of them where fewer were looked at."""
    needed = max(1, min(MIN_FINDINGS, math.ceil(num_looked_at / 2)))
    return [track for track in tracks if len(track.frames) >= needed]


def count_faces(tracks: Sequence[Track]) -> int:
    """Return the greatest number of faces in sight at once; a face between two findings is in sight."""
    # +1 where a track begins, -1 behind its end; at the same frame beginnings count first, for both are in sight there.
    turns = sorted(
        turn for track in tracks for turn in ((track.frames[0], -1), (track.frames[-1], 1))
    )  # -1 sorts first and begins a track
    most = now = 0
    for _, turn in turns:
        now -= turn
        most = max(most, now)
    return most


def select_tracks(tracks: Sequence[Track], select: str, frame_size: tuple[int, int]) -> list[Track]:
    """Return the tracks that are meant; several only with `all`.

    Args:
        tracks: Of one clip.
        select: `longest`: most findings, each weighted by its area; `largest`: greatest mean area; `center`: nearest to the middle
            of the frame on average; `all`.
        frame_size: Height and width in pixels.

    Raises:
        ValueError: The selection is unknown.
    """
    if select not in SELECTIONS:
        raise ValueError(f"`--select` must be one of {', '.join(SELECTIONS)}, got {select!r}.")
    if select == "all" or not tracks:
        return list(tracks)
    height, width = frame_size

    def merit(track: Track) -> float:
        if select == "center":
            middle = (width / 2, height / 2)
            return -sum(math.dist(face.center, middle) for face in track.faces) / len(track.faces)
        total = sum(face.area for face in track.faces)
        return total if select == "longest" else total / len(track.faces)

    return [max(tracks, key=merit)]


__all__ = ["SELECTIONS", "count_faces", "drop_flickers", "select_tracks"]
