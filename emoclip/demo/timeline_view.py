# SPDX-License-Identifier: Apache-2.0
"""Ranking and timeline of an analysis as HTML: every cell is a button that moves the player.

What visitors typed is escaped; nothing of it can become markup.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import pandas as pd

from emoclip.analysis import Analysis
from emoclip.analysis.outputs.segments import by_person, rows_of

from . import wording


# More would be neither readable nor quick; the table below holds everything.
MAX_WORDS, MAX_CELLS = 12, 100
# Moves the player of a view on a click, and between cells by arrow keys; one cell of a row is reached by Tab.
SEEK_SCRIPT = """<script>
(() => {
  const cellOf = (event) => event.target.closest && event.target.closest('button[data-seek]');
  document.addEventListener('click', (event) => {
    const cell = cellOf(event);
    if (!cell) return;
    const view = cell.closest('[data-player]');
    const player = document.querySelector('#' + view.dataset.player + ' video');
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
})();
</script>"""
CSS = """
.emo-view h4 { margin: 0.6rem 0 0.2rem; }
.emo-row { display: grid; grid-template-columns: minmax(6rem, 11rem) 1fr; gap: 0.5rem; align-items: center; margin: 2px 0; }
.emo-word { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 0.9rem; }
.emo-cells { display: flex; min-width: 0; }
.emo-cells button { flex: 1 1 0; min-width: 2px; height: 1.5rem; padding: 0; border: 0; cursor: pointer;
  background: color-mix(in srgb, #d9480f calc(var(--match) * 100%), var(--background-fill-secondary)); }
.emo-cells button.marked { border-bottom: 3px dotted var(--body-text-color-subdued); }
.emo-cells button:focus-visible, .emo-peak:focus-visible { outline: 2px solid var(--body-text-color); outline-offset: 1px; }
.emo-bar { position: relative; height: 1.4rem; background: var(--background-fill-secondary); border-radius: 3px; }
.emo-bar > i { position: absolute; inset: 0 auto 0 0; background: #d9480f; border-radius: 3px; }
.emo-bar > b { position: absolute; top: 0.3rem; bottom: 0.3rem; border: solid var(--body-text-color); border-width: 0 1px; }
.emo-line { display: grid; grid-template-columns: minmax(6rem, 11rem) 1fr 10.5rem 6rem; gap: 0.5rem; align-items: center; margin: 3px 0; font-size: 0.9rem; }
.emo-peak { white-space: nowrap; background: none; border: 1px solid var(--border-color-primary); border-radius: 3px; cursor: pointer; font-size: 0.8rem; padding: 1px 4px; }
@media (max-width: 600px) {
  .emo-line { grid-template-columns: 1fr 5rem; }
  .emo-line .emo-bar { grid-column: 1 / -1; }
  .emo-row { grid-template-columns: 1fr; }
}
"""


def ranking_view(found: Analysis, player: str) -> str:
    """Return bars of every word's mean relative match, each person by itself, with the range over other prompts.

    Args:
        found: Of one video.
        player: Id of the element whose video a click on a peak moves.
    """
    parts = []
    for person, table in by_person(found.summary):
        spans = _spans(found.timeline, person)
        lines = [_line(row, spans.get(row.emotion)) for row in rows_of(table)]
        parts.append(f"<h4>{_person(person)}</h4>{''.join(lines)}")
    return _view(wording.RANKING, parts, player) if parts else ""


def timeline_view(found: Analysis, player: str) -> str:
    """Return the timeline, a row for each word and a button for each window.

    Args:
        found: Of one video.
        player: Id of the element whose video a click moves.
    """
    parts = []
    for person, table in by_person(found.timeline):
        if table["match"].isna().all():
            continue
        means = table.groupby("emotion", sort=False)["match"].mean().sort_values(ascending=False, kind="stable")
        rows = [_row(word, table[table["emotion"] == word]) for word in means.index[:MAX_WORDS]]
        more = f"<p>{len(means) - MAX_WORDS} more words are in the table.</p>" if len(means) > MAX_WORDS else ""
        parts.append(f"<h4>{_person(person)}</h4>{''.join(rows)}{more}")
    return _view(wording.TIMELINE, parts, player) if parts else ""


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


def _line(row: Any, span: tuple[float, float] | None) -> str:
    word, match = html.escape(str(row.emotion)), float(row.match)
    peak, similarity = float(row.peak_start), float(row.similarity)
    told = f"{match:.0%}"
    mark = ""
    if span is not None:
        told += f" ({span[0]:.0%} to {span[1]:.0%})"
        mark = f'<b style="left:{span[0]:.1%};width:{max(span[1] - span[0], 0.0):.1%}"></b>'
    return (
        f'<div class="emo-line"><span class="emo-word" title="{word}">{word}</span>'
        f'<span class="emo-bar" aria-hidden="true"><i style="width:{match:.1%}"></i>{mark}</span>'
        f"<span>{told}<br><small>similarity {similarity:.3f}</small></span>"
        f'<button type="button" class="emo-peak" data-seek="{peak:.3f}" '
        f'aria-label="Go to the peak of {word} at {peak:.1f} seconds">peak {peak:.1f} s</button></div>'
    )


def _row(word: str, table: pd.DataFrame) -> str:
    shown = html.escape(str(word))
    cells = "".join(_cell(shown, place, *values) for place, values in enumerate(_cells(table)))
    return (
        f'<div class="emo-row"><span class="emo-word" title="{shown}">{shown}</span>'
        f'<span class="emo-cells" role="group" aria-label="{shown} over time">{cells}</span></div>'
    )


def _cells(table: pd.DataFrame) -> Iterator[tuple[float, float, float, str]]:
    """Start, end, match and mark of every window; of very many neighbouring ones are joined, the highest match counts."""
    step = -(-len(table) // MAX_CELLS)
    for begin in range(0, len(table), step):
        part = table.iloc[begin : begin + step]
        marks = "; ".join(dict.fromkeys(mark for mark in part["mark"] if mark))
        yield float(part["start"].min()), float(part["end"].max()), float(part["match"].max()), marks


def _cell(word: str, place: int, start: float, end: float, match: float, mark: str) -> str:
    missing = match != match
    told = "no score" if missing else f"{match:.0%}"
    label = f"{word}: {told} from {start:.1f} to {end:.1f} seconds{', marked ' + html.escape(mark) if mark else ''}"
    return (
        f'<button type="button" data-seek="{start:.3f}" tabindex="{0 if place == 0 else -1}" '
        f'style="--match:{0 if missing else match:.3f}"{" class=marked" if mark else ""} '
        f'title="{label}" aria-label="{label}"></button>'
    )


__all__ = ["CSS", "SEEK_SCRIPT", "ranking_view", "timeline_view"]
