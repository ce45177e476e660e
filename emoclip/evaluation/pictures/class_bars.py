# SPDX-License-Identifier: Apache-2.0
"""Bars of a value per class, one colour a system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from emoclip.evaluation.pictures.canvas import new_figure, save, styles


# With more, such as compound ones, upright bars would make a picture too wide for a page.
MANY_CLASSES = 20


def plot_class_bars(
    values: Mapping[str, Sequence[float | None]],
    class_names: Sequence[str],
    path: str | Path,
    *,
    label: str = "recall",
    chance: float | None = None,
    title: str = "",
) -> Path:
    """Draws one group of bars per class, lying where there are many classes, and returns the path.

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
    thickness, long = 0.8 / len(values), 0.28 * len(class_names) * max(2, len(values))
    lying = len(class_names) > MANY_CLASSES
    figure = new_figure(*((7.5, 1.5 + long / 3) if lying else (max(6.0, 2 + long), 4.2)))
    axes = figure.add_subplot()
    places = np.arange(len(class_names))
    for number, (system, (colour, _)) in enumerate(styles(list(values)).items()):
        lengths = [100 * (value or 0) for value in values[system]]
        draw = axes.barh if lying else axes.bar
        draw(places + (number - (len(values) - 1) / 2) * thickness, lengths, thickness, label=system, color=colour)
    if chance is not None:
        line = axes.axvline if lying else axes.axhline
        line(100 * chance, color="black", linewidth=1, linestyle="--", label="chance")
    if lying:
        axes.set_yticks(places, class_names, fontsize=8)
        axes.set_ylim(len(class_names) - 0.4, -0.6)  # the first on top
        axes.set_xlim(0, 100)
        axes.set_xlabel(f"{label}, %")
    else:
        axes.set_xticks(places, class_names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_ylim(0, 100)
        axes.set_ylabel(f"{label}, %")
    axes.set_title(title, fontsize=10)
    axes.grid(axis="x" if lying else "y", alpha=0.3)
    axes.set_axisbelow(True)
    figure.legend(loc="outside right upper", fontsize=8)
    return save(figure, path)


__all__ = ["plot_class_bars"]
