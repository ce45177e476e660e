# SPDX-License-Identifier: Apache-2.0
"""An analysis as lines of text for a terminal."""

from __future__ import annotations

import unicodedata
from typing import Any

import pandas as pd

from .result import Analysis


BAR_WIDTH = 24
# Longer words are cut in the table only; the files hold them whole.
MAX_WORD_WIDTH = 40
# Rows of a ranking; a list of 200 words is for the CSV, not for the screen.
MAX_ROWS = 20
MAX_STRETCHES = 5


def format_analysis(analysis: Analysis, *, plain: bool = False) -> list[str]:
    """Return the ranking of every video and the notes, as lines.

    Args:
        analysis: Of one or more videos.
        plain: Draw bars with ASCII only, for terminals that know no block characters.
    """
    lines: list[str] = []
    summary = analysis.summary
    for (video, person), timeline in analysis.timeline.groupby(["video", "person"], sort=False):
        ranked = summary[(summary["video"] == video) & (summary["person"] == person)]
        if ranked.empty:
            lines += [f"{video}: no face from {_stretches(timeline)}, not scored", ""]
        else:
            name = f"{video}, person {person}" if person else str(video)
            lines += [_heading(name, timeline, analysis.scope), "", *_ranking(ranked, plain=plain), ""]
    return lines + analysis.notes


def _stretches(timeline: pd.DataFrame) -> str:
    spans = timeline[["start", "end"]].drop_duplicates()
    shown = [f"{start:.2f} to {end:.2f} s" for start, end in spans.head(MAX_STRETCHES).itertuples(index=False)]
    more = [f"{len(spans) - MAX_STRETCHES} more stretches"] if len(spans) > MAX_STRETCHES else []
    return ", ".join(shown + more)


def _heading(video: str, timeline: pd.DataFrame, scope: str) -> str:
    if timeline["end"].max() == timeline["start"].min():
        return f"{video}: a single picture, {scope} scored"
    num_windows = len(timeline) // timeline["emotion"].nunique()
    windows = "1 window" if num_windows == 1 else f"{num_windows} windows"
    return f"{video}: {timeline['start'].min():.2f} to {timeline['end'].max():.2f} s, {windows}, {scope} scored"


def _ranking(summary: pd.DataFrame, *, plain: bool) -> list[str]:
    shown = summary.head(MAX_ROWS)
    words = [_shorten(word) for word in shown["emotion"]]
    width = max(len("apparent expression"), *map(_display_width, words))
    lines = [f"  {_pad('apparent expression', width)}  {'relative match':<{BAR_WIDTH + 8}}  similarity  highest at"]
    lines += [
        _row(_pad(word, width), row, plain=plain)
        for word, row in zip(words, shown.itertuples(index=False), strict=True)
    ]
    hidden = len(summary) - len(shown)
    return [*lines, f"  ... and {hidden} more in the table"] if hidden else lines


def _row(word: str, row: Any, *, plain: bool) -> str:
    bar = _bar(row.match, plain=plain)
    return f"  {word}  {bar} {row.match:7.1%}  {row.similarity:10.3f}  {row.peak_start:.1f}-{row.peak_end:.1f} s"


def _bar(share: float, *, plain: bool) -> str:
    full, empty = ("#", ".") if plain else ("\N{FULL BLOCK}", "\N{LIGHT SHADE}")
    filled = round(share * BAR_WIDTH)
    return full * filled + empty * (BAR_WIDTH - filled)


def _shorten(word: str) -> str:
    return word if len(word) <= MAX_WORD_WIDTH else f"{word[: MAX_WORD_WIDTH - 3]}..."


def _display_width(text: str) -> int:
    """Columns on a terminal: East Asian wide characters and emoji take two, combining marks none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _display_width(text))
