# SPDX-License-Identifier: Apache-2.0
"""Ranking and timeline of an analysis as HTML: every cell is a button that moves the player.

What visitors typed is escaped; nothing of it can become markup.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from emoclip.analysis import Analysis
from emoclip.analysis.outputs.segments import SHORTEST, by_person, rows_of, window_cells
from emoclip.analysis.scoring import OTHER

from . import wording


# Words that are shown at once; the others unfold.
MAX_WORDS = 12
# Cells of a row, and of one that is folded: more would be neither readable nor quick; the table holds every window.
MAX_CELLS, MAX_FOLDED_CELLS = 100, 40
# Seconds between two marks of the axis: the first that leaves at most this many marks is taken.
AXIS_STEPS, MAX_MARKS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120), 8
# Moves the player of a view on a click, and between cells by arrow keys; one cell of a row is reached by Tab.
SEEK_SCRIPT = """<script>
(() => {
  const cellOf = (event) => event.target.closest && event.target.closest('button[data-seek]');
  document.addEventListener('click', (event) => {
    const cell = cellOf(event);
    if (!cell) return;
    const view = cell.closest('[data-player]');
    // The first that shows something: a video that could not be drawn leaves the one that was chosen.
    const player = view.dataset.player.split(' ').map((id) => document.querySelector('#' + id + ' video')).find(Boolean);
    if (player) player.currentTime = parseFloat(cell.dataset.seek);
    const told = view.querySelector('[role=status]');
    if (told) told.textContent = cell.getAttribute('aria-label');
  });
  document.addEventListener('keydown', (event) => {
    const cell = cellOf(event);
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!cell || !step) return;
    const cells = [...cell.parentElement.querySelectorAll('button[data-seek]')];
    const next = cells[cells.indexOf(cell) + step];
    if (!next) return;
    event.preventDefault();
    cell.tabIndex = -1; next.tabIndex = 0; next.focus();
  });
  document.addEventListener('mouseover', (event) => {
    const cell = cellOf(event);
    if (cell) cell.title = cell.getAttribute('aria-label');
  });
})();
</script>"""
CSS = """
.emo-view h4 { margin: 0.6rem 0 0.2rem; }
.emo-row { display: grid; grid-template-columns: minmax(6rem, 11rem) 1fr; gap: 0.5rem; align-items: center; margin: 2px 0; }
.emo-word { overflow-wrap: anywhere; min-width: 0; font-size: 0.9rem; line-height: 1.2; }
.emo-warning { border-left: 4px solid #e0a458; padding: 0.1rem 0.8rem; margin: 0 0 0.5rem; background: var(--background-fill-secondary); }
.emo-warning p { margin: 0.4rem 0; overflow-wrap: anywhere; }
.emo-cells { position: relative; min-width: 0; height: 1.5rem; background: var(--background-fill-secondary); }
.emo-cells button { position: absolute; top: 0; height: 1.5rem; padding: 0; border: 0; cursor: pointer;
  border-left: 1px solid var(--background-fill-primary);
  background: color-mix(in srgb, #d9480f calc(var(--match) * 100%), var(--background-fill-secondary)); }
.emo-cells button.missing { background: repeating-linear-gradient(45deg, var(--border-color-primary) 0 2px, transparent 2px 6px); }
.emo-cells button.marked { border-bottom: 3px dotted var(--body-text-color-subdued); }
.emo-cells button:focus-visible, .emo-peak:focus-visible { outline: 2px solid var(--body-text-color); outline-offset: 1px; }
.emo-axis { position: relative; height: 1.3rem; border-top: 1px solid var(--body-text-color-subdued); font-size: 0.75rem; }
.emo-axis i { position: absolute; padding-left: 3px; border-left: 1px solid var(--body-text-color-subdued); font-style: normal;
  white-space: nowrap; }
.emo-axis i.last { transform: translateX(-100%); padding: 0 3px 0 0; border-width: 0 1px 0 0; border-right: 1px solid; }
.emo-more > summary { cursor: pointer; margin: 0.4rem 0; font-size: 0.9rem; }
.emo-side { font-size: 1.05rem; margin: 0.4rem 0; }
.emo-bar { position: relative; height: 1.4rem; background: var(--background-fill-secondary); border-radius: 3px; }
.emo-bar > i { position: absolute; inset: 0 auto 0 0; background: #d9480f; border-radius: 3px; }
.emo-none .emo-word { font-style: italic; }
.emo-none .emo-bar > i { background: var(--body-text-color-subdued); }
.emo-bar > b { position: absolute; top: 0.3rem; bottom: 0.3rem; border: solid var(--body-text-color); border-width: 0 1px; }
.emo-line { display: grid; grid-template-columns: minmax(6rem, 11rem) 1fr 10.5rem 6rem; gap: 0.5rem; align-items: center; margin: 3px 0; font-size: 0.9rem; }
.emo-peak { white-space: nowrap; background: none; border: 1px solid var(--border-color-primary); border-radius: 3px; cursor: pointer; font-size: 0.8rem; padding: 1px 4px; }
@media (max-width: 600px) {
  .emo-line { grid-template-columns: 1fr 5rem; }
  .emo-line .emo-bar { grid-column: 1 / -1; }
  .emo-row { grid-template-columns: 1fr; gap: 0; }
}
"""


def ranking_view(found: Analysis, player: str) -> str:
    """Return bars of every word's mean relative match, each person by itself, with the range over other prompts.

    Args:
        found: Of one video, or of a picture, which has no peaks.
        player: Id of the element whose video a click on a peak moves; of several, with spaces between them, the first with a video.
    """
    parts, still = [], is_still(found)
    for person, table in by_person(found.summary):
        spans = _spans(found.timeline, person)
        lines = [_line(row, spans.get(row.emotion), still=still) for row in rows_of(table)]
        rest = _folded(len(lines), "".join(lines[MAX_WORDS:]))
        parts.append(f"<h4>{_person(person)}</h4>{''.join(lines[:MAX_WORDS])}{rest}")
    return _view(wording.RANKING, parts, player) if parts else ""


def timeline_view(found: Analysis, player: str) -> str:
    """Return the timeline: an axis in seconds, a row for each word, and in it a button for each window.

    Windows overlap; each is drawn over the time that is nearer to its middle than to that of its neighbours. A picture has none.

    Args:
        found: Of one video.
        player: As for `ranking_view`.
    """
    if is_still(found):
        return ""
    parts = []
    cells = window_cells(found.timeline)
    last = float(found.timeline["end"].max()) if len(found.timeline) else 0.0
    for person, table in by_person(found.timeline):
        if table["match"].isna().all():
            continue
        means = table.groupby("emotion", sort=False)["match"].mean().sort_values(ascending=False, kind="stable")
        windows = cells[cells["person"] == person]
        parts.append(f"<h4>{_person(person)}</h4>{_rows(list(means.index), windows, max(last, SHORTEST))}")
    return _view(wording.TIMELINE, parts, player) if parts else ""


def is_still(found: Analysis) -> bool:
    """Return whether nothing but one moment was looked at, as of a picture."""
    return bool((found.timeline["end"] <= SHORTEST).all())


def _rows(words: list[str], windows: pd.DataFrame, last: float) -> str:
    first, folded = words[:MAX_WORDS], words[MAX_WORDS:]
    shown = "".join(_row(word, windows, last, MAX_CELLS) for word in first) + _axis(last)
    rest = "".join(_row(word, windows, last, MAX_FOLDED_CELLS) for word in folded)
    return shown + _folded(len(words), rest + _axis(last))


def _folded(number: int, rest: str) -> str:
    """What of so many words is not shown at once, to be unfolded."""
    if number <= MAX_WORDS:
        return ""
    told = f"{MAX_WORDS} of {number} words, the best first; show the other {number - MAX_WORDS}"
    return f'<details class="emo-more"><summary>{told}</summary>{rest}</details>'


def _axis(last: float) -> str:
    step = next((one for one in AXIS_STEPS if last / one <= MAX_MARKS), last / MAX_MARKS)
    marks = [number * step for number in range(int(last / step) + 1)]
    drawn = "".join(
        f'<i style="left:{mark / last:.2%}"{" class=last" if mark > 0.94 * last else ""}>{mark:g} s</i>'
        for mark in marks
    )
    return f'<div class="emo-row" aria-hidden="true"><span></span><span class="emo-axis">{drawn}</span></div>'


def _view(heading: str, parts: list[str], player: str) -> str:
    return (
        f'<div class="emo-view" data-player="{html.escape(player, quote=True)}"><h3>{html.escape(heading)}</h3>{"".join(parts)}'
        '<p role="status" aria-live="polite"></p></div>'
    )


def _person(person: int) -> str:
    return f"Person {person}" if person else "The whole picture"


def _spans(timeline: pd.DataFrame, person: int) -> dict[str, tuple[float, float]]:
    """Word -> mean of the lowest and of the highest match over the prompts, where they were varied."""
    rows = timeline[(timeline["person"] == person) & timeline["match_low"].notna()]
    means = rows.groupby("emotion", sort=False)[["match_low", "match_high"]].mean()
    return {str(word): (float(low), float(high)) for word, low, high in means.itertuples()}


def _line(row: Any, span: tuple[float, float] | None, *, still: bool) -> str:
    word, match = html.escape(str(row.emotion)), float(row.match)
    peak, similarity = float(row.peak_start), float(row.similarity)
    told, mark = f"{match:.0%}", ""
    measured = f"threshold {similarity:.2f}" if row.emotion == OTHER else f"similarity {similarity:.3f}"
    kind = " emo-none" if row.emotion == OTHER else ""
    if span is not None:
        told += f" ({span[0]:.0%} to {span[1]:.0%})"
        mark = f'<b style="left:{span[0]:.1%};width:{max(span[1] - span[0], 0.0):.1%}"></b>'
    seek = (
        f'<button type="button" class="emo-peak" data-seek="{peak:.3f}" '
        f'aria-label="Go to the peak of {word} at {peak:.1f} seconds">peak {peak:.1f} s</button>'
    )
    return (
        f'<div class="emo-line{kind}"><span class="emo-word" title="{word}">{word}</span>'
        f'<span class="emo-bar" aria-hidden="true"><i style="width:{match:.1%}"></i>{mark}</span>'
        f"<span>{told}<br><small>{measured}</small></span>{'' if still else seek}</div>"
    )


def _row(word: str, windows: pd.DataFrame, last: float, most: int) -> str:
    shown = html.escape(str(word))
    cells = "".join(_cell(shown, place, cell, last) for place, cell in enumerate(_cells(word, windows, most)))
    return (
        f'<div class="emo-row"><span class="emo-word" title="{shown}">{shown}</span>'
        f'<span class="emo-cells" role="group" aria-label="{shown} over time">{cells}</span></div>'
    )


@dataclass(frozen=True)
class _Cell:
    """Seconds where it is drawn, seconds of its windows, the match (NaN: none) and marks."""

    begin: float
    finish: float
    start: float
    end: float
    match: float
    mark: str


def _cells(word: str, windows: pd.DataFrame, most: int) -> Iterator[_Cell]:
    """A cell for every window; of very many neighbouring ones are joined, the highest match counts."""
    rows = list(rows_of(windows))
    step = -(-len(rows) // most)
    for place in range(0, len(rows), max(step, 1)):
        part = rows[place : place + step]
        matches = [row.scores[word] for row in part if word in row.scores]
        marks = "; ".join(dict.fromkeys(row.mark for row in part if row.mark))
        yield _Cell(
            part[0].cell_start,
            part[-1].cell_end,
            min(row.start for row in part),
            max(row.end for row in part),
            max(matches, default=math.nan),
            marks,
        )


def _cell(word: str, place: int, cell: _Cell, last: float) -> str:
    missing = math.isnan(cell.match)
    told = "no score" if missing else f"{cell.match:.0%}"
    marked = f", marked {html.escape(cell.mark)}" if cell.mark else ""
    kind = " class=missing" if missing else " class=marked" if cell.mark else ""
    return (
        f'<button type="button" data-seek="{cell.begin:.3f}" tabindex="{0 if place == 0 else -1}"{kind} '
        f'style="--match:{0 if missing else cell.match:.3f};left:{cell.begin / last:.2%};'
        f'width:{(cell.finish - cell.begin) / last:.2%}" '
        f'aria-label="{word}: {told} from {cell.start:.1f} to {cell.end:.1f} seconds{marked}"></button>'
    )


__all__ = ["CSS", "SEEK_SCRIPT", "is_still", "ranking_view", "timeline_view"]
