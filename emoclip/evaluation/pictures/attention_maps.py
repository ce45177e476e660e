# SPDX-License-Identifier: Apache-2.0
"""Frames with the subject token's attention laid over them, and the outline of the subject's mask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emoclip.evaluation.pictures.canvas import new_figure, save


if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emoclip.evaluation.subject_attention import AttentionMaps

MAX_CLIPS = 6
MAX_FRAMES = 6


def plot_attention(maps: Sequence[AttentionMaps], path: str | Path, *, title: str = "") -> Path:
    """Draws one row a clip, evenly chosen frames, and returns the path.

    The colours of a frame go from its least to its most attended patch; white lines surround the patches that the subject's mask
    touches by half or more.

    Args:
        maps: At most `MAX_CLIPS` of them are drawn.
        path: The file to write.
        title: Text above.

    Raises:
        ValueError: If there is no clip.
    """
    if not maps:
        raise ValueError("There must be at least one clip to draw, got none.")
    maps = maps[:MAX_CLIPS]
    columns = min(MAX_FRAMES, max(len(clip.frames) for clip in maps))
    figure = new_figure(1.7 * columns + 0.6, 1.85 * len(maps) + 0.5)
    for row, clip in enumerate(maps):
        for column, frame in enumerate(
            np.linspace(0, len(clip.frames) - 1, min(columns, len(clip.frames))).astype(int)
        ):
            axes = figure.add_subplot(len(maps), columns, row * columns + column + 1)
            _draw(axes, clip, int(frame))
            if column == 0:
                axes.set_ylabel(clip.clip_id[-24:], fontsize=7)
    figure.suptitle(title, fontsize=10)
    return save(figure, path)


def _draw(axes: Axes, clip: AttentionMaps, frame: int) -> None:
    height, width = clip.frames.shape[1:3]
    box = (0, width, height, 0)
    axes.imshow(clip.frames[frame], extent=box)
    axes.imshow(clip.attention[frame], extent=box, cmap="inferno", alpha=0.55, interpolation="bilinear")
    covered = clip.coverage[frame]
    if covered.min() < 0.5 <= covered.max() and min(covered.shape) > 1:
        rows, columns = covered.shape
        x, y = (np.arange(columns) + 0.5) * width / columns, (np.arange(rows) + 0.5) * height / rows
        axes.contour(x, y, covered, levels=[0.5], colors="white", linewidths=1)
    axes.set_title(f"frame {frame}", fontsize=7)
    axes.set_xticks([])
    axes.set_yticks([])


__all__ = ["MAX_CLIPS", "MAX_FRAMES", "plot_attention"]
