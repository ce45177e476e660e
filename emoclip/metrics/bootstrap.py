# SPDX-License-Identifier: Apache-2.0
"""How sure a metric is: bootstrap intervals, paired differences, and the interval of chance.

A bootstrap resample draws as many clips as there are, with replacement. What a metric sees of a resample are the counts
of its confusion matrix, and those follow a multinomial distribution: thousands of resamples are drawn at once, without
touching clips again. The clips are taken as independent; where many show the same person, the true interval is wider.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .classification import (
    Labels,
    class_labels,
    encode_labels,
    macro_f1,
    macro_f1_of_matrix,
    uar,
    uar_of_matrix,
    war,
    war_of_matrix,
)


Metric = Callable[[Labels, Labels], float]

_MATRIX_METRICS: dict[Metric, Callable[[np.ndarray], np.ndarray]] = {
    uar: uar_of_matrix,
    war: war_of_matrix,
    macro_f1: macro_f1_of_matrix,
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


class PairedDifference(NamedTuple):
    """A minus B on the same clips, and the interval of that difference."""

    difference: float
    interval: Interval

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign of the difference is beyond doubt at the chosen confidence."""
        return not self.interval.contains(0.0)


def bootstrap_interval(
    metric: Metric,
    references: Labels,
    predictions: Labels,
    *,
    num_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a metric over clips.

    Args:
        metric: `uar`, `war` or `macro_f1`.
        references: True class of each clip.
        predictions: Predicted class of each clip.
        num_resamples: How many times to draw. 2000 fix the ends of a 95 % interval to a few thousandths.
        confidence: Share of the resamples inside, between 0 and 1.
        seed: Of the random draws; the same seed gives the same interval.

    Raises:
        ValueError: If the labels are no valid pair or an option is out of range.
    """
    of_matrix = _matrix_metric(metric)
    _check_options(num_resamples, confidence)
    classes = class_labels(references, predictions)
    rows, columns = encode_labels(references, predictions, classes)
    values = [of_matrix(m) for (m,) in _resampled_matrices(rows, [columns], len(classes), num_resamples, seed)]
    return _percentile_interval(np.concatenate(values), confidence)


def paired_bootstrap_difference(
    metric: Metric,
    references: Labels,
    predictions_a: Labels,
    predictions_b: Labels,
    *,
    num_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> PairedDifference:
    """Metric of A minus metric of B with its percentile interval, both on the same resampled clips.

    Pairing removes what is hard or easy about the clips for both, so the interval is narrower than the two single
    intervals suggest.

    Args:
        metric: `uar`, `war` or `macro_f1`.
        references: True class of each clip.
        predictions_a: What the first system predicted, in the same order.
        predictions_b: What the second system predicted, in the same order.
        num_resamples: How many times to draw.
        confidence: Share of the resamples inside, between 0 and 1.
        seed: Of the random draws.

    Raises:
        ValueError: If the labels are no valid pairs or an option is out of range.
    """
    of_matrix = _matrix_metric(metric)
    _check_options(num_resamples, confidence)
    classes = sorted({*class_labels(references, predictions_a), *class_labels(references, predictions_b)})
    rows, columns_a = encode_labels(references, predictions_a, classes)
    _, columns_b = encode_labels(references, predictions_b, classes)
    matrices = _resampled_matrices(rows, [columns_a, columns_b], len(classes), num_resamples, seed)
    values = np.concatenate([of_matrix(a) - of_matrix(b) for a, b in matrices])
    difference = metric(references, predictions_a) - metric(references, predictions_b)
    return PairedDifference(difference, _percentile_interval(values, confidence))


def chance_interval(
    metric: Metric,
    references: Labels,
    predictions: Labels,
    *,
    num_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Where the metric lies when predictions have nothing to do with the clips (permutation distribution).

    The predictions are shuffled over the clips, so every class is predicted exactly as often as before. A system whose
    value lies inside cannot be told from guessing with its own habits. Constant predictions give an interval of width 0.

    Args:
        metric: `uar`, `war` or `macro_f1`.
        references: True class of each clip.
        predictions: Predicted class of each clip.
        num_resamples: How many times to shuffle.
        confidence: Share of the shuffles inside, between 0 and 1.
        seed: Of the shuffles.

    Raises:
        ValueError: If the labels are no valid pair or an option is out of range.
    """
    of_matrix = _matrix_metric(metric)
    _check_options(num_resamples, confidence)
    classes = class_labels(references, predictions)
    rows, columns = encode_labels(references, predictions, classes)
    size, generator = len(classes) ** 2, np.random.default_rng(seed)
    values = []
    for count in _batches(num_resamples, max(len(rows), size)):
        shuffled = generator.permuted(np.tile(columns, (count, 1)), axis=1)
        cells = np.arange(count)[:, None] * size + rows * len(classes) + shuffled
        matrices = np.bincount(cells.ravel(), minlength=count * size).reshape(count, len(classes), len(classes))
        values.append(of_matrix(matrices))
    return _percentile_interval(np.concatenate(values), confidence)


def _resampled_matrices(
    rows: np.ndarray, columns: Sequence[np.ndarray], num_classes: int, num_resamples: int, seed: int
) -> Iterator[tuple[np.ndarray, ...]]:
    """Batches of bootstrapped confusion matrices, one (resamples, classes, classes) array for each system."""
    generator, size = np.random.default_rng(seed), num_classes**2
    # Clips with the same reference and the same predictions of all systems are interchangeable: one outcome each.
    outcomes, counts = np.unique(np.stack([rows, *columns]), axis=1, return_counts=True)
    cells = outcomes[0] * num_classes + outcomes[1:]
    for count in _batches(num_resamples, max(len(counts), size)):
        drawn = generator.multinomial(len(rows), counts / len(rows), size=count)
        yield tuple(_sum_by_cell(drawn, cell, size).reshape(count, num_classes, num_classes) for cell in cells)


def _sum_by_cell(drawn: np.ndarray, cells: np.ndarray, size: int) -> np.ndarray:
    """Counts of outcomes, (resamples, outcomes), added up by the cell each outcome falls into: (resamples, size)."""
    order = np.argsort(cells, kind="stable")
    occupied, starts = np.unique(cells[order], return_index=True)
    sums = np.zeros((len(drawn), size), dtype=np.int64)
    sums[:, occupied] = np.add.reduceat(drawn[:, order], starts, axis=1)
    return sums


def _batches(total: int, numbers_each: int) -> list[int]:
    """Sizes of the batches in which `total` resamples of so many numbers fit into memory."""
    size = max(1, _MAX_COUNTS_AT_ONCE // numbers_each)
    return [min(size, total - start) for start in range(0, total, size)]


def _percentile_interval(values: np.ndarray, confidence: float) -> Interval:
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def _matrix_metric(metric: Metric) -> Callable[[np.ndarray], np.ndarray]:
    if metric not in _MATRIX_METRICS:
        raise ValueError(f"`metric` must be uar, war or macro_f1 of emoclip.metrics, got {metric!r}.")
    return _MATRIX_METRICS[metric]


def _check_options(num_resamples: int, confidence: float) -> None:
    if num_resamples < 1:
        raise ValueError(f"`num_resamples` must be at least 1, got {num_resamples}.")
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must lie between 0 and 1, got {confidence}; 95 % is 0.95.")
