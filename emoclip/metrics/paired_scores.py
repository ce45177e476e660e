# SPDX-License-Identifier: Apache-2.0
"""Two systems' AUC and average precision on the same clips: difference, interval and p-value, hundreds of resamples at once.

The sorting of `score_bootstrap.py` serves both. A paired bootstrap draws the same clips for both systems. In a permutation each clip's
two predictions are swapped or not: of the clips of both systems sorted together, a resample is the half that has the weight 1, and the
other system is the other half.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .resampling import Interval, check_options, percentile_interval
from .score_bootstrap import SortedScores, drawn_weights, portions, unit_numbers
from .scores import References, checked_scores


class PairedScores(NamedTuple):
    """A metric of A minus that of B on the same clips.

    Args:
        difference: Over all clips.
        interval: Percentile interval of the paired bootstrap.
        p_value: Of the two-sided permutation test, in [1 / (num_resamples + 1), 1].
    """

    difference: float
    interval: Interval
    p_value: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign of the difference is beyond doubt at the chosen confidence."""
        return not self.interval.contains(0.0)


def paired_score_differences(
    references: References,
    scores_a: np.ndarray,
    scores_b: np.ndarray,
    *,
    groups: Sequence[Hashable] | None = None,
    num_resamples: int = 500,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, PairedScores]:
    """Differences of `auc` and `mean_average_precision` by name; a metric without a value on these clips is left out.

    Args:
        references: True classes as positions (clips,), or one 0/1 per class (clips, classes).
        scores_a: Of the first system (clips, classes).
        scores_b: Of the second, in the same order.
        groups: Subject of each clip; subjects are drawn and swapped whole, and a clip with None is left out.
        num_resamples: How many times to draw, and how many times to swap.
        confidence: Share of the bootstrap's resamples inside the interval, between 0 and 1.
        seed: Of the draws and of the swaps.

    Raises:
        ValueError: If references or scores are not as `emoclip.metrics.scores` says, or an option is out of range.
    """
    check_options(num_resamples, confidence)
    positives, a = checked_scores(references, scores_a)
    _, b = checked_scores(references, scores_b)
    unit = unit_numbers(len(a), groups)
    systems = SortedScores(positives, a), SortedScores(positives, b)
    seen = _difference(systems, [(unit >= 0).astype(np.int64)[None]] * 2)
    drawn = _collected(_difference(systems, [w] * 2) for w in drawn_weights(len(a), groups, num_resamples, seed))
    together = SortedScores(np.concatenate([positives, positives]), np.concatenate([a, b]))
    swapped = _collected(
        _difference((together, together), halves) for halves in _swapped_weights(unit, num_resamples, seed)
    )
    found = {}
    for name, (difference,) in seen.items():
        values = drawn[name][~np.isnan(drawn[name])]
        if not np.isnan(difference) and len(values):
            # Rounding must not make a resample that equals the seen difference look smaller.
            extreme = int((np.abs(swapped[name]) >= abs(difference) - 1e-12).sum())
            p_value = (extreme + 1) / (num_resamples + 1)
            found[name] = PairedScores(float(difference), percentile_interval(values, confidence), p_value)
    return found


def _difference(systems: Sequence[SortedScores], weights: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Metric -> first minus second system's values, (resamples,)."""
    first, second = (system.resampled(w) for system, w in zip(systems, weights, strict=True))
    return {name: first[name] - second[name] for name in first}


def _collected(parts: Iterator[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    found: dict[str, list[np.ndarray]] = {}
    for part in parts:
        for name, values in part.items():
            found.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in found.items()}


def _swapped_weights(unit: np.ndarray, num_resamples: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of the weights, 0 or 1, that the rows of both systems have for the first and for the second: (resamples, 2 clips)."""
    generator = np.random.default_rng(seed)
    num_units, used = int(unit.max()) + 1, unit >= 0
    for count in portions(num_resamples, 2 * len(unit)):
        swap = generator.integers(0, 2, size=(count, num_units))[:, unit] * used
        kept = used - swap
        yield np.concatenate([kept, swap], axis=1), np.concatenate([swap, kept], axis=1)


__all__ = ["PairedScores", "paired_score_differences"]
