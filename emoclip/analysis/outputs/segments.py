# SPDX-License-Identifier: Apache-2.0
"""Windows overlap; subtitles, tiers and strips must not. Here each window gets the stretch of time that is nearest to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd


# Windows of one person that lie further apart than this, in seconds, are two stretches with nobody between them.
MOST_GAP = 1.0
# A still, and a window of one frame, have no duration; shown for this long, in seconds.
SHORTEST = 0.04


@dataclass(frozen=True)
class Segment:
    """A stretch in which the same word fits best.

    Args:
        video: Name of the video.
        person: From 1, 0 for the whole frame or nobody.
        start: Seconds.
        end: Seconds, after `start`.
        word: The best word; empty where nothing was scored.
        match: Its mean relative match, in [0, 1]; NaN where nothing was scored.
        mark: Why it is not to be trusted; empty where nothing is known against it.
    """

    video: str
    person: int
    start: float
    end: float
    word: str
    match: float
    mark: str


def window_cells(timeline: pd.DataFrame) -> pd.DataFrame:
    """Return one row per window: its keys, its scores by word, and the time from `cell_start` to `cell_end` that is its own.

    Between two windows the border lies half-way between their middles; cells of one person do not overlap.

    Args:
        timeline: As `Analysis.timeline`.

    Returns:
        Columns `video`, `person`, `start`, `end`, `mark`, `quality`, `cell_start`, `cell_end`, `best`, `best_match`, and
        `scores`: word -> relative match, empty where nothing was scored.
    """
    keys = ["video", "person", "start", "end"]
    table = with_person(timeline)
    scored = table.set_index(keys)
    rows = table.drop_duplicates(keys)[[*keys, "mark", "quality"]].reset_index(drop=True)
    scores = {
        key: dict(zip(part["emotion"], part["match"], strict=True))
        for key, part in scored[["emotion", "match"]].groupby(level=keys, sort=False)
    }
    rows["scores"] = pd.Series([_without_missing(scores[tuple(row)]) for row in rows_of(rows[keys])], dtype=object)
    rows["best"] = [max(one, key=lambda word: one[word]) if one else "" for one in rows["scores"]]
    rows["best_match"] = [max(one.values()) if one else np.nan for one in rows["scores"]]
    parts = [_with_cells(part) for _, part in rows.groupby(["video", "person"], sort=False)]
    return pd.concat(parts, ignore_index=True) if parts else rows.assign(cell_start=[], cell_end=[])


def segments(timeline: pd.DataFrame) -> list[Segment]:
    """Return the stretches of every person in order of time, neighbours with the same best word and mark joined."""
    found: list[Segment] = []
    for _, part in window_cells(timeline).groupby(["video", "person"], sort=False):
        run: list[Any] = []
        for cell in rows_of(part):
            if run and not _continues(run[-1], cell):
                found.append(_joined(run))
                run = []
            run.append(cell)
        found.append(_joined(run))
    order = {video: place for place, video in enumerate(dict.fromkeys(timeline["video"]))}
    return sorted(found, key=lambda one: (order[one.video], one.start, one.person))


def by_person(table: pd.DataFrame) -> list[tuple[int, pd.DataFrame]]:
    """Return the persons of a table of one video with their rows, in order of their numbers."""
    return [(int(cast(Any, person)), part) for person, part in table.groupby("person", sort=True)]


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """Yield the rows of a table as named tuples, whose fields are of no known type."""
    yield from table.itertuples(index=False)


def with_person(timeline: pd.DataFrame) -> pd.DataFrame:
    """Return a timeline that has `person`, `mark` and `quality`, also where only whole frames were scored."""
    missing: dict[str, Any] = {"person": 0, "mark": "", "quality": np.nan}
    return timeline.assign(**{name: value for name, value in missing.items() if name not in timeline})


def _without_missing(scores: dict[str, float]) -> dict[str, float]:
    return {word: float(match) for word, match in scores.items() if match == match}


def _with_cells(part: pd.DataFrame) -> pd.DataFrame:
    part = part.sort_values(["start", "end"], kind="stable").reset_index(drop=True)
    start, end = part["start"].to_numpy(float), part["end"].to_numpy(float)
    middle = (start + end) / 2
    first, last = start.copy(), end.copy()
    border = (middle[:-1] + middle[1:]) / 2
    touches = start[1:] - end[:-1] <= MOST_GAP
    last[:-1] = np.where(touches, border, end[:-1])
    first[1:] = np.where(touches, border, start[1:])
    return part.assign(cell_start=first, cell_end=np.maximum(last, first + SHORTEST))


def _continues(before: Any, cell: Any) -> bool:
    same = (before.best, before.mark) == (cell.best, cell.mark)
    return same and cell.cell_start <= before.cell_end + 1e-6


def _joined(run: list[Any]) -> Segment:
    first, last = run[0], run[-1]
    seconds = np.array([one.cell_end - one.cell_start for one in run])
    match = float(np.average([one.best_match for one in run], weights=seconds))
    return Segment(
        first.video, int(first.person), float(first.cell_start), float(last.cell_end), first.best, match, first.mark
    )


__all__ = ["MOST_GAP", "SHORTEST", "Segment", "by_person", "rows_of", "segments", "window_cells", "with_person"]
