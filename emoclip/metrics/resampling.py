# SPDX-License-Identifier: Apache-2.0
"""Resampled confusion matrices, thousands at once, for intervals (`bootstrap.py`) and tests (`significance.py`).

What a metric of labels sees of a resample are the counts of its confusion matrix. Clips with the same reference and the
same predictions of all systems are interchangeable, so a resample is one draw of counts, without touching clips again.
Where clips belong to units, such as subjects, whole units are drawn: the sum of their matrices.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .classification import (
    balanced_accuracy,
    balanced_accuracy_of_matrix,
    macro_f1,
    macro_f1_of_matrix,
    uar,
    uar_of_matrix,
    war,
    war_of_matrix,
    weighted_f1,
    weighted_f1_of_matrix,
)
from .groups import group_members


MATRIX_METRICS: dict[Callable[[Any, Any], float], Callable[[np.ndarray], np.ndarray]] = {
    uar: uar_of_matrix,
    balanced_accuracy: balanced_accuracy_of_matrix,
    war: war_of_matrix,
    macro_f1: macro_f1_of_matrix,
    weighted_f1: weighted_f1_of_matrix,
}
# Bounds the memory of one batch of resamples to some 100 MB.
_MAX_COUNTS_AT_ONCE = 10_000_000


class Interval(NamedTuple):
    """The two ends of an interval, both included."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Whether the value lies inside, rounding errors of summation forgiven."""
        return self.low - 1e-9 <= value <= self.high + 1e-9


def bootstrapped_matrices(
    rows: np.ndarray,
    columns: Sequence[np.ndarray],
    num_classes: int,
    num_resamples: int,
    seed: int,
    groups: Sequence[Hashable] | None = None,
) -> Iterator[tuple[np.ndarray, ...]]:
    """Batches of bootstrapped confusion matrices, one int64 (resamples, classes, classes) array for each system.

    Args:
        rows: Position of each clip's true class, (clips,).
        columns: Position of each clip's predicted class, (clips,) for each system.
        num_classes: Size of the matrices.
        num_resamples: How many matrices in all.
        seed: Of the draws.
        groups: Unit of each clip, drawn whole; None draws clips.
    """
    generator, size = np.random.default_rng(seed), num_classes**2
    if groups is None:
        # Clips with the same reference and the same predictions of all systems are interchangeable: one outcome each.
        outcomes, counts = np.unique(np.stack([rows, *columns]), axis=1, return_counts=True)
        cells = outcomes[0] * num_classes + outcomes[1:]
        for count in batches(num_resamples, max(len(counts), size)):
            drawn = generator.multinomial(len(rows), counts / len(rows), size=count)
            yield tuple(sum_by_cell(drawn, cell, size).reshape(count, num_classes, num_classes) for cell in cells)
        return
    per_unit = unit_matrices(rows, columns, num_classes, groups)
    num_units = per_unit.shape[1]
    for count in batches(num_resamples, max(num_units, size)):
        drawn = generator.multinomial(num_units, np.full(num_units, 1 / num_units), size=count)
        # Products of counts below 2**53 are exact in float64, whose matrix product is the fast one.
        yield tuple(_as_counts(drawn, unit, num_classes) for unit in per_unit)


def swapped_matrices(
    rows: np.ndarray,
    columns: Sequence[np.ndarray],
    num_classes: int,
    num_resamples: int,
    seed: int,
    groups: Sequence[Hashable] | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of the two systems' confusion matrices after each clip's, or unit's, predictions were swapped by a fair coin.

    Arguments as in `bootstrapped_matrices`, with the columns of two systems.
    """
    generator, size = np.random.default_rng(seed), num_classes**2
    shape = (-1, num_classes, num_classes)
    if groups is None:
        outcomes, counts = np.unique(np.stack([rows, *columns]), axis=1, return_counts=True)
        cells = outcomes[0] * num_classes + outcomes[1:]
        total = sum(sum_by_cell(counts[None], cell, size) for cell in cells)
        for count in batches(num_resamples, max(len(counts), size)):
            swapped = generator.binomial(counts, 0.5, size=(count, len(counts)))
            first = sum_by_cell(counts - swapped, cells[0], size) + sum_by_cell(swapped, cells[1], size)
            yield first.reshape(shape), (total - first).reshape(shape)
        return
    a, b = unit_matrices(rows, columns, num_classes, groups)
    total = (a + b).sum(0).astype(np.int64)
    for count in batches(num_resamples, max(len(a), size)):
        coins = generator.integers(0, 2, size=(count, len(a)))
        first = _as_counts(1 - coins, a, num_classes) + _as_counts(coins, b, num_classes)
        yield first, total.reshape(shape) - first


def unit_matrices(
    rows: np.ndarray, columns: Sequence[np.ndarray], num_classes: int, groups: Sequence[Hashable]
) -> np.ndarray:
    """Flattened confusion matrix of every unit by every system: float64 (systems, units, classes * classes).

    Clips whose group is None belong to no unit and are left out.
    """
    members = group_members(groups, len(rows))
    result = np.zeros((len(columns), len(members), num_classes**2))
    for system, column in enumerate(columns):
        for unit, clips in enumerate(members.values()):
            cells = rows[clips] * num_classes + column[clips]
            np.add.at(result[system, unit], cells, 1)
    return result


def sum_by_cell(drawn: np.ndarray, cells: np.ndarray, size: int) -> np.ndarray:
    """Counts of outcomes, (resamples, outcomes), added up by the cell each outcome falls into: (resamples, size)."""
    order = np.argsort(cells, kind="stable")
    occupied, starts = np.unique(cells[order], return_index=True)
    sums = np.zeros((len(drawn), size), dtype=np.int64)
    sums[:, occupied] = np.add.reduceat(drawn[:, order], starts, axis=1)
    return sums


def batches(total: int, numbers_each: int) -> list[int]:
    """Sizes of the batches in which `total` resamples of so many numbers fit into memory."""
    size = max(1, _MAX_COUNTS_AT_ONCE // numbers_each)
    return [min(size, total - start) for start in range(0, total, size)]


def percentile_interval(values: np.ndarray, confidence: float) -> Interval:
    """The middle share of the values."""
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def check_options(num_resamples: int, confidence: float) -> None:
    """Refuse options out of range.

    Raises:
        ValueError: If there are no resamples or `confidence` is no share.
    """
    if num_resamples < 1:
        raise ValueError(f"`num_resamples` must be at least 1, got {num_resamples}.")
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must lie between 0 and 1, got {confidence}; 95 % is 0.95.")


def _as_counts(weights: np.ndarray, unit: np.ndarray, num_classes: int) -> np.ndarray:
    return np.rint(weights.astype(np.float64) @ unit).astype(np.int64).reshape(-1, num_classes, num_classes)
