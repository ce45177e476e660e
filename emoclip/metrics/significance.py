# SPDX-License-Identifier: Apache-2.0
"""Whether two systems differ: tests on the same clips. The bootstrapped difference is in `bootstrap.py`.

A p-value is the chance of a difference at least as large as the seen one if the two systems were interchangeable. Small
is evidence of a difference; large is no evidence of equality.
"""

from collections.abc import Hashable, Sequence
from math import nextafter
from typing import Any

import numpy as np

from .classification import Labels, class_labels, encode_labels
from .groups import LabelMetric, group_members
from .resampling import MATRIX_METRICS, check_options, swapped_matrices


def mcnemar_p(references: Labels, predictions_a: Labels, predictions_b: Labels) -> float:
    """Two-sided exact McNemar test of equal accuracy (WAR): p in (0, 1].

    Only the clips count that one of the two gets right and the other wrong; under equality each is a fair coin. Without
    such clips p is 1.

    Raises:
        ValueError: If the lists differ in length or are empty.
    """
    _check_lengths(references, predictions_a, predictions_b)
    triples = zip(references, predictions_a, predictions_b, strict=True)
    right = np.array([[truth == a, truth == b] for truth, a, b in triples])
    only_a, only_b = int((right[:, 0] & ~right[:, 1]).sum()), int((right[:, 1] & ~right[:, 0]).sum())
    total, fewer = only_a + only_b, min(only_a, only_b)
    # Integers until the end: 2 to the power of some thousand clips is no float.
    term = tail = 1
    for i in range(fewer):
        term = term * (total - i) // (i + 1)
        tail += term
    return max(min(1.0, 2 * tail / 2**total), nextafter(0.0, 1.0))


def paired_permutation_p(
    metric: LabelMetric,
    references: Any,
    predictions_a: Any,
    predictions_b: Any,
    *,
    groups: Sequence[Hashable] | None = None,
    num_resamples: int = 2000,
    seed: int = 0,
) -> float:
    """Two-sided permutation test of any metric: p in [1 / (num_resamples + 1), 1].

    In every resample the two predictions of each clip are swapped or not by a fair coin. The seen difference counts as one
    of the resamples, so p is never 0.

    Args:
        metric: Of true and predicted values, for example `uar` or `ccc`.
        references: True value of each clip.
        predictions_a: What the first system predicted.
        predictions_b: What the second system predicted.
        groups: Subject of each clip; all clips of a subject are swapped together, because they are no independent
            evidence. Clips with None are left out.
        num_resamples: How many times to swap.
        seed: Of the coins.

    Raises:
        ValueError: If the lengths differ or `num_resamples` is below 1.
    """
    _check_lengths(references, predictions_a, predictions_b)
    check_options(num_resamples, 0.5)
    if metric in MATRIX_METRICS:
        seen, values = _swapped_labels(metric, references, predictions_a, predictions_b, groups, num_resamples, seed)
    else:
        seen, values = _swapped_rows(metric, references, predictions_a, predictions_b, groups, num_resamples, seed)
    # Rounding must not make a resample that equals the seen difference look smaller.
    extreme = int((np.abs(values) >= abs(seen) - 1e-12).sum())
    return (extreme + 1) / (num_resamples + 1)


def paired_folds_p(values_a: Sequence[float], values_b: Sequence[float]) -> float:
    """Two-sided exact sign-flip test on fold values: p in (0, 1].

    With k folds there are 2 to the power of k ways to flip, so p is never below 2 / 2**k: five folds cannot give less
    than 0.0625, however clear the difference.

    Raises:
        ValueError: If the lists are empty, differ in length, or have more than 20 folds.
    """
    if len(values_a) != len(values_b) or not 1 <= len(values_a) <= 20:
        raise ValueError(
            f"There must be the same 1 to 20 folds on both sides, got {len(values_a)} and {len(values_b)}."
        )
    differences = np.asarray(values_a, dtype=np.float64) - np.asarray(values_b, dtype=np.float64)
    flips = 1 - 2 * ((np.arange(2 ** len(differences))[:, None] >> np.arange(len(differences))) & 1)
    sums = np.abs(flips @ differences)
    return float((sums >= abs(differences.sum()) - 1e-12).mean())


def holm_adjusted(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number by Holm's step-down rule (1979), in the given order: each in [p, 1].

    Of several comparisons, those with a corrected p below 0.05 hold together: the chance of one or more false ones among them is below
    5 %, however the tests depend on one another.

    Raises:
        ValueError: If a value is not in [0, 1].
    """
    wrong = [p for p in p_values if not 0 <= p <= 1]
    if wrong:
        raise ValueError(f"p-values must lie between 0 and 1, got {wrong[0]}.")
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def _swapped_labels(
    metric: LabelMetric, references: Any, a: Any, b: Any, groups: Any, num_resamples: int, seed: int
) -> tuple[float, np.ndarray]:
    """The seen difference of a metric of labels and those of the resamples, from confusion matrices alone."""
    of_matrix = MATRIX_METRICS[metric]
    classes = sorted({*class_labels(references, a), *class_labels(references, b)})
    (rows, column_a), (_, column_b) = (encode_labels(references, column, classes) for column in (a, b))
    units = range(len(rows)) if groups is None else groups
    used = np.concatenate(list(group_members(units, len(rows)).values()))
    seen = [of_matrix(_matrix(rows[used], column[used], len(classes))) for column in (column_a, column_b)]
    swapped = swapped_matrices(rows, [column_a, column_b], len(classes), num_resamples, seed, groups)
    return float(seen[0] - seen[1]), np.concatenate(
        [of_matrix(first) - of_matrix(second) for first, second in swapped]
    )


def _swapped_rows(
    metric: LabelMetric, references: Any, a: Any, b: Any, groups: Any, num_resamples: int, seed: int
) -> tuple[float, np.ndarray]:
    """The same for any metric, computed anew on every resample."""
    members = list(group_members(range(len(references)) if groups is None else groups, len(references)).values())
    used, unit = np.concatenate(members), np.repeat(np.arange(len(members)), [len(rows) for rows in members])
    truth, first, second = (np.asarray(values)[used] for values in (references, a, b))
    generator = np.random.default_rng(seed)
    values = np.empty(num_resamples)
    for resample in range(num_resamples):
        swap = (generator.random(len(members)) < 0.5)[unit].reshape(-1, *[1] * (first.ndim - 1))
        values[resample] = metric(truth, np.where(swap, second, first)) - metric(truth, np.where(swap, first, second))
    return metric(truth, first) - metric(truth, second), values


def _matrix(rows: np.ndarray, columns: np.ndarray, num_classes: int) -> np.ndarray:
    cells = np.bincount(rows * num_classes + columns, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def _check_lengths(references: Any, predictions_a: Any, predictions_b: Any) -> None:
    lengths = [len(values) for values in (references, predictions_a, predictions_b)]
    if len(set(lengths)) > 1 or not lengths[0]:
        raise ValueError(f"Both systems must be about the same clips, at least one, got {lengths} values.")
