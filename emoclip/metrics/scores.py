# SPDX-License-Identifier: Apache-2.0
"""Metrics of scores: one-vs-rest AUC, average precision and top-k; fractions in [0, 1] out.

Conventions, the same in every function:

- `scores` has the shape (clips, classes); higher is likelier, any finite numbers will do.
- `references` are the true classes as positions in the columns (clips,), or one 0/1 per class (clips, classes) where a
  clip may have several classes or none.
- A class without positives or without negatives has no AUC, a class without positives no average precision: it is NaN
  in the value per class and left out of the mean, as the paper's evaluation skips classes that a fold lacks. One single
  positive is enough. Where no class is left the functions raise `UndefinedMetricError`.
- Ties: AUC counts a tied pair half, so constant scores give 0.5. Average precision takes tied clips together, so
  constant scores give the share of positives. Top-k counts a tie against the true class unless it stands first.

Definitions are those of scikit-learn (`roc_auc_score`, `average_precision_score`); the base install has no scikit-learn.
"""

from collections.abc import Callable, Sequence

import numpy as np


References = Sequence[int] | np.ndarray


class UndefinedMetricError(ValueError):
    """There are no clips of which the metric could say anything, such as an AUC without negatives."""


def auc(references: References, scores: np.ndarray) -> float:
    """Mean over classes of the area under the ROC curve of that class against all others.

    Raises:
        ValueError: If shapes or values are not as the module says.
        UndefinedMetricError: If no class has positives and negatives.
    """
    return _mean_of_defined(per_class_auc(references, scores), "positive and one negative clip")


def mean_average_precision(references: References, scores: np.ndarray) -> float:
    """Mean over classes of average precision: the precision at each positive, averaged.

    Raises:
        ValueError: If shapes or values are not as the module says.
        UndefinedMetricError: If no class has a positive.
    """
    return _mean_of_defined(per_class_average_precision(references, scores), "positive clip")


def per_class_auc(references: References, scores: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each class against all others: float64 (classes,), NaN where undefined."""
    return _per_class(references, scores, _auc_of_class)


def per_class_average_precision(references: References, scores: np.ndarray) -> np.ndarray:
    """Average precision of each class: float64 (classes,), NaN for a class without positives."""
    return _per_class(references, scores, _average_precision_of_class)


def top_k_accuracy(references: References, scores: np.ndarray, k: int = 5) -> float:
    """Share of clips with a true class among the k highest scores; at k = 1 of single-label clips this is WAR.

    Of equal scores the class that stands first in the columns comes first, as in arg-max. Of a clip with several true
    classes one is enough; a clip without any never counts.

    Raises:
        ValueError: If shapes or values are not as the module says, or k is not between 1 and the number of classes.
    """
    positives, scores = checked_scores(references, scores)
    if not 1 <= k <= scores.shape[1]:
        raise ValueError(f"`k` must lie between 1 and the {scores.shape[1]} classes, got {k}.")
    top = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float(np.take_along_axis(positives, top, axis=1).any(axis=1).mean())


def checked_scores(references: References, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The true classes as bool (clips, classes) and the scores as float64 (clips, classes).

    Raises:
        ValueError: If there are no clips or fewer than two classes, the shapes do not fit, a score is not finite, or a
            reference is neither a class nor 0/1.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[0] < 1 or scores.shape[1] < 2:
        raise ValueError(f"`scores` must have the shape (clips, classes) with at least 2 classes, got {scores.shape}.")
    if not np.isfinite(scores).all():
        row = int(np.flatnonzero(~np.isfinite(scores).all(axis=1))[0])
        raise ValueError(f"`scores` must be finite, got {scores[row].tolist()} in row {row}.")
    truth = np.asarray(references)
    if truth.shape == (len(scores),):
        return _one_hot(truth, scores.shape[1]), scores
    if truth.shape != scores.shape or not np.isin(truth, (0, 1)).all():
        raise ValueError(
            f"`references` must hold one class per row or 0/1 in the shape {scores.shape} of `scores`, got the shape "
            f"{truth.shape} with values such as {truth.reshape(-1)[:3].tolist()}."
        )
    return truth.astype(bool), scores


def _one_hot(classes: np.ndarray, num_classes: int) -> np.ndarray:
    if not np.issubdtype(classes.dtype, np.integer) or classes.min() < 0 or classes.max() >= num_classes:
        # Integers that were chosen from a list of Python objects come as an array of objects.
        classes = np.array([_position(item, num_classes) for item in classes.tolist()], dtype=np.int64)
    return classes[:, None] == np.arange(num_classes)


def _position(item: object, num_classes: int) -> int:
    whole = isinstance(item, int | np.integer) and not isinstance(item, bool)
    if not whole or not 0 <= item < num_classes:  # type: ignore[operator]
        raise ValueError(f"`references` must be positions from 0 to {num_classes - 1} in `scores`, got {item!r}.")
    return int(item)  # type: ignore[call-overload]


def _per_class(
    references: References, scores: np.ndarray, of_class: Callable[[np.ndarray, np.ndarray], float]
) -> np.ndarray:
    positives, scores = checked_scores(references, scores)
    return np.array([of_class(positives[:, c], scores[:, c]) for c in range(scores.shape[1])])


def _mean_of_defined(values: np.ndarray, needed: str) -> float:
    defined = values[~np.isnan(values)]
    if not len(defined):
        raise UndefinedMetricError(
            f"At least one class must have at least one {needed}, got none among {len(values)} classes."
        )
    return float(defined.mean())


def _auc_of_class(positive: np.ndarray, scores: np.ndarray) -> float:
    """Share of (positive, negative) pairs in the right order, ties half: the Mann-Whitney statistic of the mean ranks."""
    num_positive = int(positive.sum())
    num_negative = len(positive) - num_positive
    if not num_positive or not num_negative:
        return float("nan")
    _, groups, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mean_rank[groups][positive].sum()
    return float((rank_sum - num_positive * (num_positive + 1) / 2) / (num_positive * num_negative))


def _average_precision_of_class(positive: np.ndarray, scores: np.ndarray) -> float:
    """Sum over the distinct scores, from the highest down, of the gain in recall times the precision so far."""
    if not positive.any():
        return float("nan")
    _, groups = np.unique(-scores, return_inverse=True)
    hits = np.bincount(groups, weights=positive)
    precision = np.cumsum(hits) / np.cumsum(np.bincount(groups))
    return float((hits * precision).sum() / hits.sum())
