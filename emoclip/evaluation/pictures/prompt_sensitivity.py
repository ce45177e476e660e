# SPDX-License-Identifier: Apache-2.0
"""What wording does: the same clips with every prompt set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from emoclip.evaluation.pictures.canvas import new_figure, save, styles


def plot_prompt_sensitivity(
    values: Mapping[str, Mapping[str, tuple[float, Sequence[float] | None]]],
    path: str | Path,
    *,
    label: str = "UAR",
    chance: float | None = None,
    title: str = "",
) -> Path:
    """Draws the value of every prompt set with its interval, sorted by the first system, and returns the path.

    Args:
        values: System -> prompt set -> value in [0, 1] and its interval.
        path: The file to write.
        label: What the values are.
        chance: Drawn as a dashed line.
        title: Text above.

    Raises:
        ValueError: If there is no value.
    """
    first = next(iter(values.values()), None)
    if not first:
        raise ValueError("There must be at least one prompt set to draw, got none.")
    names = sorted(first, key=lambda name: first[name][0])
    names += [name for prompts in values.values() for name in prompts if name not in names]
    names = list(dict.fromkeys(names))
    figure = new_figure(7.5, 1.6 + 0.32 * len(names) * max(1, len(values) ** 0.5))
    axes = figure.add_subplot()
    places = {name: place for place, name in enumerate(names)}
    for number, (system, (colour, mark)) in enumerate(styles(list(values)).items()):
        shift = (number - (len(values) - 1) / 2) * 0.7 / len(values)
        for prompt_set, (value, interval) in values[system].items():
            where = places[prompt_set] - shift
            if interval is not None:
                axes.plot([100 * end for end in interval], [where, where], color=colour, linewidth=1.2)
            label_once = system if prompt_set == next(iter(values[system])) else None
            axes.plot(100 * value, where, mark, color=colour, markersize=5, label=label_once)
        numbers = np.array([value for value, _ in values[system].values()])
        axes.axvline(100 * numbers.mean(), color=colour, linewidth=0.8, linestyle=":")
    if chance is not None:
        axes.axvline(100 * chance, color="black", linewidth=1, linestyle="--", label="chance")
    axes.set_yticks(range(len(names)), [name if len(name) <= 45 else f"{name[:42]}..." for name in names], fontsize=8)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel(f"{label}, % (dotted: mean over prompt sets)")
    axes.set_title(title, fontsize=10)
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8)
    return save(figure, path)


__all__ = ["plot_prompt_sensitivity"]
