# SPDX-License-Identifier: Apache-2.0
"""Bars of a value per class, one colour a system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from emoclip.evaluation.pictures.canvas import new_figure, save, styles


def plot_class_bars(
    values: Mapping[str, Sequence[float | None]],
    class_names: Sequence[str],
    path: str | Path,
    *,
    label: str = "recall",
    chance: float | None = None,
    title: str = "",
) -> Path:
    """Draws one group of bars per class and returns the path.

    Args:
        values: System -> value of each class in [0, 1], None where there is none.
        class_names: In the order of the values.
        path: The file to write.
        label: What the values are.
        chance: Drawn as a dashed line.
        title: Text above.

    Raises:
        ValueError: If a system has another number of values.
    """
    for system, numbers in values.items():
        if len(numbers) != len(class_names):
            raise ValueError(f"There must be one value per class, {len(class_names)}, got {len(numbers)} of {system}.")
    width = 0.8 / len(values)
    figure = new_figure(max(6.0, 2 + 0.28 * len(class_names) * max(2, len(values))), 4.2)
    axes = figure.add_subplot()
    places = np.arange(len(class_names))
    for number, (system, (colour, _)) in enumerate(styles(list(values)).items()):
        heights = [100 * (value or 0) for value in values[system]]
        axes.bar(places + (number - (len(values) - 1) / 2) * width, heights, width, label=system, color=colour)
    if chance is not None:
        axes.axhline(100 * chance, color="black", linewidth=1, linestyle="--", label="chance")
    axes.set_xticks(places, class_names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_ylim(0, 100)
    axes.set_ylabel(f"{label}, %")
    axes.set_title(title, fontsize=10)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    figure.legend(loc="outside right upper", fontsize=8)
    return save(figure, path)


__all__ = ["plot_class_bars"]
