# SPDX-License-Identifier: Apache-2.0
"""Metrics of numbers: errors in the unit of the target, and how much predictions move with the references.

Both arguments have the shape (clips,) or (clips, targets); of several targets the plain mean over targets comes out, and
`per_target` gives each of them. `references` come first.

Constant values: where the references or the predictions of a target never change, there is no correlation to speak of:
PCC and CCC are 0. R2 follows scikit-learn: with constant references it is 1 if every prediction is exact, else 0.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def mse(references: Any, predictions: Any) -> float:
    """Mean squared error, in the target's unit squared."""
    return _mean_over_targets(references, predictions, lambda r, p: ((r - p) ** 2).mean())


def rmse(references: Any, predictions: Any) -> float:
    """Root of the mean squared error, in the target's unit; the root is taken for each target."""
    return _mean_over_targets(references, predictions, lambda r, p: ((r - p) ** 2).mean() ** 0.5)


def mae(references: Any, predictions: Any) -> float:
    """Mean absolute error, in the target's unit."""
    return _mean_over_targets(references, predictions, lambda r, p: np.abs(r - p).mean())


def r2(references: Any, predictions: Any) -> float:
    """Share of the variance of the references that is explained; at most 1, below 0 for worse than their mean."""
    return _mean_over_targets(references, predictions, _r2)


def pcc(references: Any, predictions: Any) -> float:
    """Pearson's correlation, in [-1, 1]; 0 where one side is constant."""
    return _mean_over_targets(references, predictions, _pcc)


def ccc(references: Any, predictions: Any) -> float:
    """Lin's concordance, in [-1, 1]: correlation that also asks for the same mean and spread; 0 where one side is constant.

    2 cov / (var(references) + var(predictions) + (difference of the means)^2), all with division by the number of clips.
    """
    return _mean_over_targets(references, predictions, _ccc)


def per_target(
    metric: Callable[[Any, Any], float], references: Any, predictions: Any, target_names: Sequence[str]
) -> dict[str, float]:
    """A metric of this module for each target, by name.

    Raises:
        ValueError: If the arguments do not have one column per name, or see `mse`.
    """
    references, predictions = _checked(references, predictions)
    if references.shape[1] != len(target_names):
        raise ValueError(f"There must be one name per target, got {len(target_names)} for {references.shape[1]}.")
    return {name: metric(references[:, i], predictions[:, i]) for i, name in enumerate(target_names)}


def _r2(references: np.ndarray, predictions: np.ndarray) -> float:
    residual = ((references - predictions) ** 2).sum()
    total = ((references - references.mean()) ** 2).sum()
    if _is_constant(references):
        return 1.0 if residual == 0 else 0.0
    return 1 - residual / total


def _pcc(references: np.ndarray, predictions: np.ndarray) -> float:
    if _is_constant(references) or _is_constant(predictions):
        return 0.0
    r, p = references - references.mean(), predictions - predictions.mean()
    return float(np.clip((r @ p) / (np.linalg.norm(r) * np.linalg.norm(p)), -1, 1))


def _ccc(references: np.ndarray, predictions: np.ndarray) -> float:
    if _is_constant(references) or _is_constant(predictions):
        return 0.0
    covariance = ((references - references.mean()) * (predictions - predictions.mean())).mean()
    shift = references.mean() - predictions.mean()
    return 2 * covariance / (references.var() + predictions.var() + shift**2)


def _is_constant(values: np.ndarray) -> bool:
    # Not by the variance: rounding gives ten times 0.1 a variance above 0.
    return bool((values == values[0]).all())


def _mean_over_targets(
    references: Any, predictions: Any, of_target: Callable[[np.ndarray, np.ndarray], float]
) -> float:
    references, predictions = _checked(references, predictions)
    return float(np.mean([of_target(references[:, t], predictions[:, t]) for t in range(references.shape[1])]))


def _checked(references: Any, predictions: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 (clips, targets)."""
    arrays = [np.asarray(values, dtype=np.float64) for values in (references, predictions)]
    if arrays[0].shape != arrays[1].shape or arrays[0].ndim not in (1, 2) or not arrays[0].size:
        raise ValueError(
            f"`references` and `predictions` must have one shape, (clips,) or (clips, targets), with at least one value, "
            f"got {arrays[0].shape} and {arrays[1].shape}."
        )
    for name, array in zip(("references", "predictions"), arrays, strict=True):
        if not np.isfinite(array).all():
            row = int(np.argwhere(~np.isfinite(array))[0][0])
            raise ValueError(
                f"`{name}` must be finite, got {array[row].tolist()!r} in row {row}; leave such clips out."
            )
    return arrays[0].reshape(len(arrays[0]), -1), arrays[1].reshape(len(arrays[1]), -1)
