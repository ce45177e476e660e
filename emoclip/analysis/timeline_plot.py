# SPDX-License-Identifier: Apache-2.0
"""The timeline as a picture: one row per word over a common time axis.

Rows rather than overlapping lines: they stay legible for a dozen words, need no legend and no telling of colours apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from emoclip.console import require

from .saving import write_whole


if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_ROWS = 12
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


def draw_timeline(timeline: pd.DataFrame, summary: pd.DataFrame, *, scope: str, model: str) -> Figure:
    """Return a figure with the relative match of each word over time, best word on top.

    Args:
        timeline: One row per window and word, of one video.
        summary: One row per word, best first. Of more than `MAX_ROWS` words the best are drawn.
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
    if summary.empty:
        return _draw_nothing(f"{timeline['video'].iloc[0]}  ·  {scope}  ·  {model}")
    timeline = timeline[timeline["match"].notna()]
    shown = summary.sort_values("match", ascending=False, kind="stable").head(MAX_ROWS).reset_index(drop=True)
    several = shown["person"].nunique() > 1
    shown["word"] = shown["person"].astype(str) + ": " + shown["emotion"] if several else shown["emotion"]
    # Head and foot have a fixed height in inches, so that few rows and many look alike.
    height = 1.75 + 0.52 * len(shown)
    figure = Figure(figsize=(9, height), facecolor="white")
    rows: Any = figure.subplots(len(shown), 1, sharex=True, squeeze=False)
    figure.subplots_adjust(left=0.25, right=0.875, top=1 - 0.85 / height, bottom=0.9 / height, hspace=0.12)
    top = min(1.0, 1.08 * timeline["match"].max())
    for place, (axes, row) in enumerate(zip(rows[:, 0], shown.itertuples(index=False), strict=True)):
        windows = timeline[(timeline["emotion"] == row.emotion) & (timeline["person"] == row.person)]
        _draw_row(axes, windows, row, is_best=place == 0 and len(shown) > 1)
        axes.set_ylim(0, top)
    _draw_time_axis(rows[-1, 0], timeline)
    # The last part of a path tells a video or a model apart; the whole path stands in the tables.
    names = [_shorten(str(name).rstrip("/").split("/")[-1], MAX_NAME_LENGTH) for name in (summary["video"][0], model)]
    subtitle = f"{names[0]}  ·  {scope}  ·  {names[1]}"
    more = f" The best {len(shown)} of {len(summary)} words." if len(summary) > len(shown) else ""
    foot = f"Relative match to your words, full row height {top:.0%}.{more} Not what anyone feels; other words, other numbers."
    _write_frame(figure, subtitle, foot)
    return figure


def _draw_nothing(subtitle: str) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.4), facecolor="white")
    figure.text(0.5, 0.45, "No face was found, so nothing was scored.", fontsize=11, color=INK, ha="center")
    _write_frame(figure, subtitle, "")
    return figure


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure as a PNG that appears whole or not at all, and return its path."""
    return write_whole(Path(path), lambda partial: figure.savefig(partial, format="png", dpi=DOTS_PER_INCH))


def _draw_row(axes: Axes, windows: pd.DataFrame, row: Any, *, is_best: bool) -> None:
    times, match = _curve(windows)
    line, fill = (TOP_LINE, TOP_FILL) if is_best else (LINE, FILL)
    axes.fill_between(times, match, color=fill, alpha=0.55, linewidth=0)
    axes.plot(times, match, color=line, linewidth=1.3)
    if 2 <= len(windows) <= 60:
        axes.plot(times[1:-1], match[1:-1], ".", color=line, markersize=4)
    # A user's dollar sign is a dollar sign, not the start of a formula.
    axes.text(
        -0.015,
        0.42,
        _shorten(row.word, MAX_WORD_LENGTH),
        transform=axes.transAxes,
        ha="right",
        va="center",
        color=INK,
        fontsize=10.5,
        parse_math=False,
    )
    axes.text(
        1.015, 0.42, f"{row.match:.1%}", transform=axes.transAxes, ha="left", va="center", color=INK, fontsize=10.5
    )
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0, labelbottom=False)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#d4dade")


def _curve(windows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Points at the middle of each window, held level to the first start and the last end."""
    start, end = windows["start"].to_numpy(), windows["end"].to_numpy()
    match = windows["match"].to_numpy()
    times = np.concatenate([start[:1], (start + end) / 2, end[-1:]])
    if times[0] == times[-1]:
        # A still image has no duration; give it a width to be seen.
        times = times + np.array([-0.5, 0.0, 0.5])
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
