# SPDX-License-Identifier: Apache-2.0
"""The timeline as a picture: one row per word over a common time axis.

Rows rather than overlapping lines: they stay legible for a dozen words, need no legend and no telling of colours apart.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from emoclip.console import printable, require

from .outputs.segments import by_person, rows_of, window_cells
from .saving import write_whole


if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_ROWS = 12
MAX_PERSONS = 6
# Words of each person, however many persons there are.
LEAST_ROWS = 3
MAX_NUMBER = 1_000_000
NOT_SCORED = "not scored"
MAX_WORD_LENGTH = 28
MAX_NAME_LENGTH = 40
FILL = "#7aa6c2"
LINE = "#24506e"
TOP_FILL = "#e0a458"
TOP_LINE = "#8f5a14"
INK = "#22303a"
FAINT = "#66757f"
DOTS_PER_INCH = 150
# From here on times are minutes and seconds, with ticks on whole ones.
MINUTES_FROM = 120
STEPS = (15, 30, 60, 120, 300, 600, 1200)


@dataclass(frozen=True)
class _Row:
    """One line of the figure: a word of a person, or the person's name."""

    person: int
    word: str | None = None
    mean: float = 0.0
    is_best: bool = False


def draw_timeline(timeline: pd.DataFrame, summary: pd.DataFrame, *, scope: str, model: str) -> Figure:
    """Return a figure with the relative match of each word over time, person by person, best word on top.

    Stretches that are marked are hatched; where nothing was scored there is no curve.

    Args:
        timeline: One row per window and word, of one video.
        summary: One row per person and word, best first. Of many words the best are drawn.
        scope: What of the picture was scored.
        model: Name of the model.

    Raises:
        ValueError: The tables hold several videos.
        ImportError: matplotlib is not installed.
    """
    require("matplotlib", "plot")
    from matplotlib.figure import Figure

    if timeline["video"].nunique() != 1:
        raise ValueError(
            f"A plot shows one video, got {timeline['video'].nunique()}; draw the analysis of each video by itself."
        )
    cells = dict(by_person(window_cells(timeline)))
    rows, hidden = _rows(summary if "person" in summary else summary.assign(person=0), cells)
    # Head and foot have a fixed height in inches, so that few rows and many look alike.
    heights = [0.52 if row.word else 0.3 for row in rows]
    height = 1.75 + sum(heights)
    figure = Figure(figsize=(9, height), facecolor="white")
    grid = figure.subplots(len(rows), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})
    figure.subplots_adjust(left=0.25, right=0.875, top=1 - 0.85 / height, bottom=0.9 / height, hspace=0.12)
    top = min(1.0, 1.08 * timeline["match"].max()) if timeline["match"].notna().any() else 1.0
    for axes, row in zip(grid[:, 0], rows, strict=True):
        _draw_row(axes, cells[row.person], row)
        axes.set_ylim(0, 1.03 * top)
    _draw_time_axis(grid[-1, 0], timeline)
    # The last part of a path tells a video or a model apart; the whole path stands in the tables.
    names = [
        _shorten(str(name).rstrip("/").split("/")[-1], MAX_NAME_LENGTH) for name in (timeline["video"].iloc[0], model)
    ]
    subtitle = f"{printable(names[0])}  ·  {scope}  ·  {printable(names[1])}"
    more = f" {hidden} more are in the table." if hidden else ""
    foot = f"Relative match to your words, full row height {top:.0%}.{more} Not what anyone feels; other words, other numbers."
    _write_frame(figure, subtitle, foot)
    return figure


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure as a PNG or SVG that appears whole or not at all, and return its path."""
    form = Path(path).suffix.lower().removeprefix(".")
    # A date would make two pictures of the same table differ.
    options: dict[str, Any] = {"metadata": {"Date": None}} if form == "svg" else {"dpi": DOTS_PER_INCH}
    with warnings.catch_warnings():
        # A glyph that no font has is drawn as a box; the tables hold the word.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        return write_whole(Path(path), lambda partial: figure.savefig(partial, format=form, **options))


def _rows(summary: pd.DataFrame, cells: Mapping[int, pd.DataFrame]) -> tuple[list[_Row], int]:
    """The rows, and how many words and persons there is no room for."""
    # The whole frame, or the stretches without a face, come last.
    persons = sorted(set(summary["person"]) | ({0} & set(cells)), key=lambda person: person or MAX_NUMBER) or sorted(
        cells
    )
    shown = persons[:MAX_PERSONS]
    each = max(LEAST_ROWS, MAX_ROWS // len(shown))
    rows: list[_Row] = []
    hidden = len(persons) - len(shown)
    for person in shown:
        own = summary[summary["person"] == person]
        if len(persons) > 1 or person:
            rows.append(_Row(person))
        rows += [
            _Row(person, row.emotion, row.match, place == 0 and len(own) > 1)
            for place, row in enumerate(rows_of(own.head(each)))
        ]
        if own.empty:
            rows.append(_Row(person, NOT_SCORED, float("nan")))
        hidden += max(0, len(own) - each)
    return rows, hidden


def _draw_row(axes: Axes, cells: pd.DataFrame, row: _Row) -> None:
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0, labelbottom=False)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#d4dade")
    if row.word is None:
        axes.spines["bottom"].set_visible(False)
        name = f"person {row.person}" if row.person else "nobody in sight"
        _write(axes, -0.315, name, "left", weight="bold")
        return
    for _, stretch in _stretches(cells, row.word):
        _draw_curve(axes, stretch, row)
    for cell in rows_of(cells[cells["mark"] != ""]):
        axes.axvspan(cell.cell_start, cell.cell_end, facecolor="none", edgecolor="#9aa5ad", hatch="////", linewidth=0)
    _write(axes, -0.015, _shorten(printable(row.word), MAX_WORD_LENGTH), "right")
    if row.mean == row.mean:
        _write(axes, 1.015, f"{row.mean:.1%}", "left")


def _write(axes: Axes, x: float, text: str, side: str, **style: Any) -> None:
    # A user's dollar sign is a dollar sign, not the start of a formula.
    axes.text(
        x,
        0.42,
        text,
        transform=axes.transAxes,
        ha=side,
        va="center",
        color=INK,
        fontsize=10.5,
        parse_math=False,
        **style,
    )


def _stretches(cells: pd.DataFrame, word: str) -> Iterator[tuple[int, pd.DataFrame]]:
    """Runs of windows in which the word was scored and the person did not leave."""
    matches = pd.Series([scores.get(word, np.nan) for scores in cells["scores"]], index=cells.index)
    known = cells.assign(match=matches)[matches.notna()]
    begins = known["cell_start"] > known["cell_end"].shift(fill_value=-np.inf) + 1e-6
    return iter(known.groupby(begins.cumsum()))


def _draw_curve(axes: Axes, windows: pd.DataFrame, row: _Row) -> None:
    times, match = _curve(windows)
    line, fill = (TOP_LINE, TOP_FILL) if row.is_best else (LINE, FILL)
    axes.fill_between(times, match, color=fill, alpha=0.55, linewidth=0)
    axes.plot(times, match, color=line, linewidth=1.3)
    if 2 <= len(windows) <= 60:
        axes.plot(times[1:-1], match[1:-1], ".", color=line, markersize=4)


def _curve(windows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Points at the middle of each window, held level to the first start and the last end."""
    start, end = windows["start"].to_numpy(), windows["end"].to_numpy()
    match = windows["match"].to_numpy()
    times = np.concatenate(
        [windows["cell_start"].to_numpy()[:1], (start + end) / 2, windows["cell_end"].to_numpy()[-1:]]
    )
    if start[0] == end[-1]:
        # A still image has no duration; give it a width to be seen.
        times = start[0] + np.array([-0.5, 0.0, 0.5])
    return times, np.concatenate([match[:1], match, match[-1:]])


def _draw_time_axis(axes: Axes, timeline: pd.DataFrame) -> None:
    start, end = timeline["start"].min(), timeline["end"].max()
    axes.tick_params(axis="x", length=3, labelbottom=True, colors=FAINT, labelsize=9)
    if end > start:
        axes.set_xlim(start, end)
        axes.set_xlabel(
            "time in seconds" if end < MINUTES_FROM else "time in minutes:seconds", color=FAINT, fontsize=9
        )
    else:
        axes.set_xticks([])
        axes.set_xlabel("a single picture", color=FAINT, fontsize=9)
    if end >= MINUTES_FROM:
        from matplotlib.ticker import MultipleLocator

        axes.xaxis.set_major_locator(
            MultipleLocator(next((step for step in STEPS if (end - start) / step <= 9), 3600))
        )
        axes.xaxis.set_major_formatter(lambda value, _: f"{int(value // 60)}:{int(value % 60):02d}")


def _write_frame(figure: Figure, subtitle: str, foot: str) -> None:
    """Title above, what the numbers are below, both at fixed distances in inches."""
    height, left = figure.get_figheight(), 0.03
    figure.text(left, 1 - 0.32 / height, "Apparent expression over time", fontsize=14, color=INK, weight="bold")
    figure.text(left, 1 - 0.58 / height, subtitle, fontsize=9, color=FAINT, parse_math=False)
    figure.text(0.885, 1 - 0.58 / height, "mean match", fontsize=9, color=FAINT)
    figure.text(left, 0.16 / height, foot, fontsize=8.5, color=FAINT)


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."
