# SPDX-License-Identifier: Apache-2.0
"""Bootstrap intervals of metrics of scores: AUC, average precision and calibration error, hundreds of resamples at once.

A resample is a number of times that each clip was drawn. The scores are sorted once; of a resample only cumulative sums of these
numbers are new. Every value is what the metric itself gives for the drawn clips, repeats and all.

A class that a resample lacks, or that is all there is of it, has no value there and is left out of the mean over classes, as in the
metrics themselves. A resample without any class left is left out of the interval, and counted.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .calibration import are_probabilities, chosen_bins
from .groups import group_members
from .resampling import Interval, check_options, percentile_interval
from .scores import References, checked_scores


# Numbers of one batch of resamples: as many as a processor keeps close.
_NUMBERS_AT_ONCE = 200_000


class ScoreIntervals(NamedTuple):
    """Intervals by the name of the metric, None where the metric has no value in any resample.

    Args:
        intervals: Of `auc`, `mean_average_precision` and, of probabilities with one true class, `calibration_error`.
        num_resamples: How many were drawn.
        left_out: Name -> resamples in which the metric has no value.
    """

    intervals: dict[str, Interval | None]
    num_resamples: int
    left_out: dict[str, int]


def score_intervals(
    references: References,
    scores: np.ndarray,
    *,
    groups: Sequence[Hashable] | None = None,
    num_resamples: int = 500,
    confidence: float = 0.95,
    seed: int = 0,
) -> ScoreIntervals:
    """Percentile bootstrap intervals of the metrics of one table of scores.

    Args:
        references: True classes as positions (clips,), or one 0/1 per class (clips, classes).
        scores: (clips, classes).
        groups: Subject of each clip; subjects are drawn whole, and a clip with None is left out.
        num_resamples: How many times to draw.
        confidence: Share of the resamples inside, between 0 and 1.
        seed: Of the random draws.

    Raises:
        ValueError: If references or scores are not as `emoclip.metrics.scores` says, or an option is out of range.
    """
    check_options(num_resamples, confidence)
    positives, values = checked_scores(references, scores)
    classes = SortedScores(positives, values)
    bins = _Bins(positives, values) if _has_calibration(positives, values) else None
    drawn: dict[str, list[np.ndarray]] = {}
    for weights in drawn_weights(len(values), groups, num_resamples, seed):
        found = classes.resampled(weights)
        if bins is not None:
            found["calibration_error"] = bins.resampled(weights)
        for name, part in found.items():
            drawn.setdefault(name, []).append(part)
    all_values = {name: np.concatenate(parts) for name, parts in drawn.items()}
    defined = {name: part[~np.isnan(part)] for name, part in all_values.items()}
    return ScoreIntervals(
        {name: percentile_interval(part, confidence) if len(part) else None for name, part in defined.items()},
        num_resamples,
        {name: num_resamples - len(part) for name, part in defined.items()},
    )


class SortedScores:
    """The clips sorted once by the scores of each class, for the metrics of any number of resamples.

    Args:
        positives: bool (clips, classes).
        scores: (clips, classes).
    """

    def __init__(self, positives: np.ndarray, scores: np.ndarray):
        self._classes = [_SortedClass(positives[:, c], scores[:, c]) for c in range(scores.shape[1])]

    def resampled(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """`auc` and `mean_average_precision`, each (resamples,), NaN where no class has a value.

        Args:
            weights: How often each clip was drawn, integers (resamples, clips).
        """
        both = [one.resampled(weights) for one in self._classes]
        return {
            "auc": _mean_of_classes([auc for auc, _ in both]),
            "mean_average_precision": _mean_of_classes([precision for _, precision in both]),
        }


class _SortedClass:
    """The clips in the order of one class's scores; only at the positive ones anything has to be computed.

    Of each positive clip are kept: the places in that order where the clips of its score begin and end, and the same among the positive
    clips alone. For scores that all differ these are its own place and the next.
    """

    def __init__(self, positive: np.ndarray, scores: np.ndarray):
        self._order = np.argsort(scores, kind="stable")
        ascending = scores[self._order]
        self._positive = np.flatnonzero(positive[self._order])
        own = ascending[self._positive]
        self._begin, self._end = (np.searchsorted(ascending, own, side) for side in ("left", "right"))
        self._first, self._last = (np.searchsorted(own, own, side) for side in ("left", "right"))

    def resampled(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """AUC and average precision, each (resamples,), NaN where the class has none.

        Args:
            weights: How often each clip was drawn, integers (resamples, clips).
        """
        ordered = np.take(weights, self._order, axis=1)
        positive = np.take(ordered, self._positive, axis=1)
        up_to, positives_up_to = _sums_before(ordered), _sums_before(positive)
        total, num_positive = up_to[:, -1].astype(np.float64), positives_up_to[:, -1].astype(np.float64)
        below, below_or_equal = np.take(up_to, self._begin, axis=1), np.take(up_to, self._end, axis=1)
        hits_below, hits_or_equal = (np.take(positives_up_to, at, axis=1) for at in (self._first, self._last))
        # Negatives below count whole, those of the same score half.
        pairs = (positive * ((below - hits_below) + (below_or_equal - hits_or_equal)) / 2).sum(axis=1)
        above, hits = total[:, None] - below, num_positive[:, None] - hits_below
        with np.errstate(invalid="ignore", divide="ignore"):
            auc = pairs / (num_positive * (total - num_positive))
            # Above the highest drawn clip there is nothing, and no positive clip was drawn there either.
            precision = np.divide(hits, above, out=np.zeros_like(hits), where=above > 0)
            return auc, (positive * precision).sum(axis=1) / num_positive


def _sums_before(counts: np.ndarray) -> np.ndarray:
    """Sums of the columns before each column, and of all at the end: int64 (resamples, columns + 1)."""
    sums = np.zeros((len(counts), counts.shape[1] + 1), dtype=np.int64)
    np.cumsum(counts, axis=1, out=sums[:, 1:])
    return sums


class _Bins:
    """The clips by the bin of their confidence."""

    def __init__(self, positives: np.ndarray, probabilities: np.ndarray):
        confidence, right, _, chosen = chosen_bins(positives, probabilities)
        self._order = np.argsort(chosen, kind="stable")
        self._gap = (confidence - right)[self._order]
        self._starts = np.flatnonzero(np.r_[True, np.diff(chosen[self._order]) > 0])

    def resampled(self, weights: np.ndarray) -> np.ndarray:
        """The expected calibration error (resamples,): of a bin the drawn clips' mean gap, weighted by their number."""
        sums = np.add.reduceat(weights[:, self._order] * self._gap, self._starts, axis=1)
        return np.abs(sums).sum(axis=1) / weights.sum(axis=1)


def drawn_weights(
    num_clips: int, groups: Sequence[Hashable] | None, num_resamples: int, seed: int
) -> Iterator[np.ndarray]:
    """How often each clip was drawn: batches of int64 (resamples, clips)."""
    generator = np.random.default_rng(seed)
    unit = unit_numbers(num_clips, groups)
    num_units = int(unit.max()) + 1
    for count in portions(num_resamples, num_clips):
        rows = [
            np.bincount(generator.integers(0, num_units, size=num_units), minlength=num_units) for _ in range(count)
        ]
        # The last place, -1, is of clips without a subject, which are never drawn.
        yield np.pad(np.stack(rows), ((0, 0), (0, 1)))[:, unit]


def portions(num_resamples: int, numbers_each: int) -> list[int]:
    """Sizes of the batches of resamples of so many numbers."""
    at_once = max(1, _NUMBERS_AT_ONCE // numbers_each)
    return [min(at_once, num_resamples - start) for start in range(0, num_resamples, at_once)]


def unit_numbers(num_clips: int, groups: Sequence[Hashable] | None) -> np.ndarray:
    """Number of each clip's subject, -1 for none; without subjects every clip has one of its own."""
    if groups is None:
        return np.arange(num_clips)
    unit = np.full(num_clips, -1)
    for number, rows in enumerate(group_members(groups, num_clips).values()):
        unit[rows] = number
    return unit


def _mean_of_classes(values: Sequence[np.ndarray]) -> np.ndarray:
    """Mean over the classes that have a value, NaN where none has: (resamples,)."""
    stacked = np.stack(values)
    defined = ~np.isnan(stacked)
    with np.errstate(invalid="ignore"):
        return np.where(defined, stacked, 0).sum(axis=0) / defined.sum(axis=0)


def _has_calibration(positives: np.ndarray, scores: np.ndarray) -> bool:
    return bool((positives.sum(axis=1) == 1).all()) and are_probabilities(scores)
