# SPDX-License-Identifier: Apache-2.0
"""The confusion matrix as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emoclip.evaluation.pictures.canvas import new_figure, save


if TYPE_CHECKING:
    from matplotlib.axes import Axes

# With more classes the numbers in the cells would be too small to read.
_MAX_CLASSES_WITH_NUMBERS = 20


def plot_confusion_matrix(
    matrix: np.ndarray | Sequence[Sequence[int]], class_names: Sequence[str], path: str | Path, *, title: str = ""
) -> Path:
    """Draws a confusion matrix to a PNG (or PDF, SVG) file and returns the path.

    Colour and upper number are the share of the row in percent, the lower number is the count of clips.

    Args:
        matrix: Counts, rows are the true classes, (classes, classes).
        class_names: In the order of rows and columns.
        path: The file to write; its ending names the format.
        title: Text above.

    Raises:
        ValueError: If the matrix does not fit the names.
        ImportError: If matplotlib is not installed.
    """
    counts = np.asarray(matrix)
    size = len(class_names)
    if counts.shape != (size, size):
        raise ValueError(f"`matrix` must have the shape ({size}, {size}) of its {size} names, got {counts.shape}.")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    # Many classes without numbers in the cells need less room each.
    cell = 0.62 if size <= _MAX_CLASSES_WITH_NUMBERS else 0.3
    figure = new_figure(3.0 + cell * size, 2.4 + 0.88 * cell * size)
    axes = figure.add_subplot()
    # Without numbers the colour alone must tell, so it takes the whole range.
    highest = 1.0 if size <= _MAX_CLASSES_WITH_NUMBERS else max(shares.max(), 0.01)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=highest)
    axes.set_xticks(range(size), class_names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(size), [f"{name} ({total})" for name, total in zip(class_names, counts.sum(1), strict=True)])
    axes.set_xlabel("recognised as")
    axes.set_ylabel("true class (clips)")
    axes.set_title(title, fontsize=10, wrap=True)
    if size <= _MAX_CLASSES_WITH_NUMBERS:
        _write_numbers(axes, shares, counts)
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    return save(figure, path)


def _write_numbers(axes: "Axes", shares: np.ndarray, counts: np.ndarray) -> None:
    """Percent and count into every cell that is not empty."""
    for row, column in np.argwhere(counts > 0):
        axes.text(
            column,
            row,
            f"{100 * shares[row, column]:.0f} %\n{counts[row, column]}",
            ha="center",
            va="center",
            fontsize=7,
            color="white" if shares[row, column] > 0.6 else "black",
        )


__all__ = ["plot_confusion_matrix"]
