# SPDX-License-Identifier: Apache-2.0
"""Cross-validation: one value per fold, their plain mean as the papers report it, and the value over all clips together.

The two differ: a fold mean weighs a small fold as much as a large one, and a class that a fold lacks but that was
predicted there counts 0 in that fold's UAR. Reports give both, with their names.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from emoclip.console import require

from .groups import LabelMetric, per_group
from .resampling import Interval


class FoldSummary(NamedTuple):
    """What the folds say together.

    Args:
        mean: Plain mean of the folds' values.
        std: Their standard deviation with division by (folds - 1); NaN for one fold.
        interval: Student's interval of the mean between folds; None for one fold.
        values: Fold -> value.
    """

    mean: float
    std: float
    interval: Interval | None
    values: dict[Hashable, float]


def fold_values(
    metric: LabelMetric, references: Any, predictions: Any, folds: Sequence[Hashable]
) -> dict[Hashable, float]:
    """The metric in each fold, folds in order; a clip whose fold is None is in no fold.

    Raises:
        ValueError: If the lengths differ or no clip has a fold.
    """
    return per_group(metric, references, predictions, folds)


def fold_mean(values: Mapping[Hashable, float] | Sequence[float]) -> float:
    """Plain mean of the folds' values.

    Raises:
        ValueError: If there is no fold or a value is not finite.
    """
    return float(_checked(values).mean())


def summarize_folds(values: Mapping[Hashable, float] | Sequence[float], *, confidence: float = 0.95) -> FoldSummary:
    """Mean, spread and interval between folds.

    The interval is mean +- t * std / sqrt(folds) with Student's t of (folds - 1) degrees of freedom. It treats folds as
    independent measurements; they share training data, so with models trained per fold it is somewhat too narrow.

    Raises:
        ValueError: If there is no fold, a value is not finite, or `confidence` is not between 0 and 1.
        ImportError: If SciPy is not installed.
    """
    array = _checked(values)
    named: dict[Hashable, float] = dict(values) if isinstance(values, Mapping) else dict(enumerate(array.tolist(), 1))
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must lie between 0 and 1, got {confidence}; 95 % is 0.95.")
    mean = float(array.mean())
    if len(array) == 1:
        return FoldSummary(mean, float("nan"), None, named)
    std = float(array.std(ddof=1))
    quantile = float(require("scipy.stats", "evaluate").t.ppf((1 + confidence) / 2, len(array) - 1))
    half = quantile * std / len(array) ** 0.5
    return FoldSummary(mean, std, Interval(mean - half, mean + half), named)


def _checked(values: Mapping[Hashable, float] | Sequence[float]) -> np.ndarray:
    array = np.asarray(list(values.values()) if isinstance(values, Mapping) else list(values), dtype=np.float64)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise ValueError(f"`values` must hold one finite number per fold, got {array.tolist()}.")
    return array
