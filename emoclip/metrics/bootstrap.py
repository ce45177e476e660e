# SPDX-License-Identifier: Apache-2.0
"""How sure a metric is: bootstrap intervals, paired differences, and the interval of chance.

A bootstrap resample draws as many clips as there are, with replacement. The clips are taken as independent; where many show
the same person, the true interval is wider: pass the persons as `groups`, and whole persons are drawn.

A resample of few clips may lack what a metric of scores needs, such as a negative clip. It is left out of the interval, which is then
one of the resamples that have a value; where none has, the functions raise.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .classification import Labels, class_labels, encode_labels
from .groups import LabelMetric, group_members
from .resampling import (
    MATRIX_METRICS,
    Interval,
    batches,
    bootstrapped_matrices,
    check_options,
    percentile_interval,
)
from .scores import UndefinedMetricError


class PairedDifference(NamedTuple):
    """A minus B on the same clips, and the interval of that difference."""

    difference: float
    interval: Interval

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign of the difference is beyond doubt at the chosen confidence."""
        return not self.interval.contains(0.0)


def bootstrap_interval(
    metric: LabelMetric,
    references: Any,
    predictions: Any,
    *,
    groups: Sequence[Hashable] | None = None,
    num_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a metric over clips.

    Args:
        metric: Any metric of this package. `uar`, `balanced_accuracy`, `war`, `macro_f1` and `weighted_f1` take milliseconds;
            others are computed anew on every resample.
        references: True class, or value, of each clip.
        predictions: Predicted class, value or scores of each clip.
        groups: Subject of each clip; subjects are drawn whole, and a clip with None is left out.
        num_resamples: How many times to draw. 2000 fix the ends of a 95 % interval to a few thousandths.
        confidence: Share of the resamples inside, between 0 and 1.
        seed: Of the random draws; the same seed gives the same interval.

    Raises:
        ValueError: If the labels are no valid pair, an option is out of range, or the metric refuses a resample for another reason than that it
            has no value there.
    """
    check_options(num_resamples, confidence)
    values = [v for (v,) in _resampled_values(metric, references, [predictions], num_resamples, seed, groups)]
    return percentile_interval(_defined(values, metric), confidence)


def bootstrap_intervals(
    metrics: Mapping[str, LabelMetric],
    references: Labels,
    predictions: Labels,
    *,
    groups: Sequence[Hashable] | None = None,
    num_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """The intervals of several metrics of labels from the same resamples, by name; each as `bootstrap_interval` gives it.

    Raises:
        ValueError: As `bootstrap_interval`, or a metric is not one of labels.
    """
    of_matrix = {name: _matrix_metric(metric) for name, metric in metrics.items()}
    check_options(num_resamples, confidence)
    classes = class_labels(references, predictions)
    rows, columns = encode_labels(references, predictions, classes)
    values: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for (matrices,) in bootstrapped_matrices(rows, [columns], len(classes), num_resamples, seed, groups):
        for name, function in of_matrix.items():
            values[name].append(function(matrices))
    return {name: percentile_interval(np.concatenate(parts), confidence) for name, parts in values.items()}


def paired_bootstrap_difference(
    metric: LabelMetric,
    references: Any,
    predictions_a: Any,
    predictions_b: Any,
    *,
    groups: Sequence[Hashable] | None = None,
    num_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> PairedDifference:
    """Metric of A minus metric of B with its percentile interval, both on the same resampled clips.

    Pairing removes what is hard or easy about the clips for both, so the interval is narrower than the two single
    intervals suggest.

    Args:
        metric: Any metric of this package, see `bootstrap_interval`.
        references: True class, or value, of each clip.
        predictions_a: What the first system predicted, in the same order.
        predictions_b: What the second system predicted, in the same order.
        groups: Subject of each clip; subjects are drawn whole, and a clip with None is left out.
        num_resamples: How many times to draw.
        confidence: Share of the resamples inside, between 0 and 1.
        seed: Of the random draws.

    Raises:
        ValueError: If the labels are no valid pairs or an option is out of range.
    """
    check_options(num_resamples, confidence)
    both = _resampled_values(metric, references, [predictions_a, predictions_b], num_resamples, seed, groups)
    values = _defined([a - b for a, b in both], metric)
    used = slice(None) if groups is None else np.concatenate(list(group_members(groups, len(references)).values()))
    truth, a, b = (np.asarray(labels)[used] for labels in (references, predictions_a, predictions_b))
    return PairedDifference(metric(truth, a) - metric(truth, b), percentile_interval(values, confidence))


def chance_interval(
    metric: LabelMetric,
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
        metric: `uar`, `balanced_accuracy`, `war`, `macro_f1` or `weighted_f1`.
        references: True class of each clip.
        predictions: Predicted class of each clip.
        num_resamples: How many times to shuffle.
        confidence: Share of the shuffles inside, between 0 and 1.
        seed: Of the shuffles.

    Raises:
        ValueError: If the labels are no valid pair or an option is out of range.
    """
    of_matrix = _matrix_metric(metric)
    check_options(num_resamples, confidence)
    classes = class_labels(references, predictions)
    rows, columns = encode_labels(references, predictions, classes)
    generator = np.random.default_rng(seed)
    true_counts = np.bincount(rows, minlength=len(classes))
    drawn_counts = np.bincount(columns, minlength=len(classes))
    values = []
    for count in batches(num_resamples, len(classes) ** 2):
        values.append(of_matrix(_shuffled_matrices(true_counts, drawn_counts, count, generator)))
    return percentile_interval(np.concatenate(values), confidence)


def _shuffled_matrices(
    true_counts: np.ndarray, predicted_counts: np.ndarray, num_resamples: int, generator: np.random.Generator
) -> np.ndarray:
    """Confusion matrices of shuffled predictions: int64 (resamples, classes, classes).

    The clips of one true class get a random handful of all predictions, the next class one of what is left: a chain of
    multivariate hypergeometric draws, which is the shuffle without its clips.
    """
    left = np.tile(predicted_counts, (num_resamples, 1))
    rows = []
    for size in true_counts.tolist():
        drawn = _handfuls(left, size, generator)
        rows.append(drawn)
        left = left - drawn
    return np.stack(rows, axis=1)


def _handfuls(left: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """`size` predictions drawn without return from what each resample has left, class by class: (resamples, classes)."""
    drawn = np.zeros_like(left)
    remaining_size = np.full(len(left), size)
    remaining = left.sum(axis=1)
    for column in range(left.shape[1]):
        remaining = remaining - left[:, column]
        drawn[:, column] = generator.hypergeometric(left[:, column], remaining, remaining_size)
        remaining_size = remaining_size - drawn[:, column]
    return drawn


def _resampled_values(
    metric: LabelMetric,
    references: Any,
    systems: Sequence[Any],
    num_resamples: int,
    seed: int,
    groups: Sequence[Hashable] | None,
) -> Iterator[tuple[np.ndarray, ...]]:
    """Batches of the metric's values on resamples, one array per system."""
    if metric in MATRIX_METRICS:
        of_matrix = MATRIX_METRICS[metric]
        classes = sorted({label for predictions in systems for label in class_labels(references, predictions)})
        encoded = [encode_labels(references, predictions, classes) for predictions in systems]
        columns = [column for _, column in encoded]
        for matrices in bootstrapped_matrices(encoded[0][0], columns, len(classes), num_resamples, seed, groups):
            yield tuple(of_matrix(matrix) for matrix in matrices)
        return
    truth, *arrays = (np.asarray(values) for values in (references, *systems))
    if any(len(array) != len(truth) for array in arrays) or not len(truth):
        raise ValueError(
            f"`references` and `predictions` must have the same length of at least 1, got {len(truth)} and "
            f"{', '.join(str(len(array)) for array in arrays)}."
        )
    generator = np.random.default_rng(seed)
    units = None if groups is None else list(group_members(groups, len(truth)).values())
    for _ in range(num_resamples):
        rows = _drawn_rows(len(truth), units, generator)
        yield tuple(np.array([_value(metric, truth[rows], array[rows])]) for array in arrays)


def _value(metric: LabelMetric, references: np.ndarray, predictions: np.ndarray) -> float:
    """The metric, NaN where these clips have none."""
    try:
        return metric(references, predictions)
    except UndefinedMetricError:
        return float("nan")


def _defined(values: Sequence[np.ndarray], metric: LabelMetric) -> np.ndarray:
    """The values of all resamples that have one."""
    joined = np.concatenate(values)
    defined = joined[~np.isnan(joined)]
    if not len(defined):
        raise UndefinedMetricError(
            f"`{getattr(metric, '__name__', metric)}` must have a value in at least one resample, got none in {len(joined)}."
        )
    return defined


def _drawn_rows(num_clips: int, units: list[np.ndarray] | None, generator: np.random.Generator) -> np.ndarray:
    if units is None:
        return generator.integers(0, num_clips, size=num_clips)
    return np.concatenate([units[i] for i in generator.integers(0, len(units), size=len(units))])


def _matrix_metric(metric: LabelMetric) -> Callable[[np.ndarray], np.ndarray]:
    if metric not in MATRIX_METRICS:
        raise ValueError(
            f"`metric` must be uar, balanced_accuracy, war, macro_f1 or weighted_f1 of emoclip.metrics, got {metric!r}; for others there is "
            "`paired_permutation_p`."
        )
    return MATRIX_METRICS[metric]
