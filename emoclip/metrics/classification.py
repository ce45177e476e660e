# SPDX-License-Identifier: Apache-2.0
"""Classification metrics as pure functions: labels in, fractions in [0, 1] out.

Conventions, the same in every function:

- `references` are the true classes and come first. Both arguments hold integer ids, or both hold names.
- The classes are those that occur in `references` or in `predictions`. A class that was predicted but never occurs in
  the references has recall 0 and F1 0 and counts in the means, as in the original EmoCLIP evaluation and scikit-learn.
- Every clip counts once. There are no weights, and no percent: that is for reports.

Each metric of two label lists has a twin on confusion matrices with the shape (..., classes, classes), rows being the
references: resampling thousands of times is one vectorised call there (see `bootstrap.py`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np


Labels = Sequence[int] | Sequence[str] | np.ndarray
Label = int | str


def uar(references: Labels, predictions: Labels) -> float:
    """Unweighted average recall: the mean over classes of the share of their clips that were recognised.

    Example:
        >>> uar(["joy", "joy", "joy", "fear"], ["joy", "joy", "fear", "fear"])
        0.8333333333333333
    """
    return float(uar_of_matrix(confusion_matrix(references, predictions)))


def balanced_accuracy(references: Labels, predictions: Labels) -> float:
    """Mean recall of the classes that occur in the references, as scikit-learn's function of that name.

    It differs from `uar` where a class is predicted that no clip has: there that class counts 0, here it only costs the clips that
    were lost to it.

    Example:
        >>> balanced_accuracy(["joy", "joy", "fear"], ["joy", "awe", "fear"])
        0.75
    """
    return float(balanced_accuracy_of_matrix(confusion_matrix(references, predictions)))


def war(references: Labels, predictions: Labels) -> float:
    """Weighted average recall, which is accuracy: the share of all clips that were recognised."""
    return float(war_of_matrix(confusion_matrix(references, predictions)))


def macro_f1(references: Labels, predictions: Labels) -> float:
    """Unweighted mean over classes of F1; a class without true positives has F1 0."""
    return float(macro_f1_of_matrix(confusion_matrix(references, predictions)))


def weighted_f1(references: Labels, predictions: Labels) -> float:
    """Mean over classes of F1, each class weighted by its number of references; a class without references weighs 0."""
    return float(weighted_f1_of_matrix(confusion_matrix(references, predictions)))


def per_class_recall(references: Labels, predictions: Labels) -> dict[Label, float]:
    """Recall of each class in sorted order; 0 for a class that was predicted but never occurs in the references."""
    classes = class_labels(references, predictions)
    recall = recall_of_matrix(confusion_matrix(references, predictions, labels=classes))
    return dict(zip(classes, recall.tolist(), strict=True))


def per_class_precision(references: Labels, predictions: Labels) -> dict[Label, float]:
    """Share of the clips recognised as a class that are of it, classes sorted; 0 for a class that was never predicted."""
    matrix = confusion_matrix(references, predictions)
    precision = _diagonal(matrix) / np.maximum(matrix.sum(-2), 1)
    return dict(zip(class_labels(references, predictions), precision.tolist(), strict=True))


def per_class_f1(references: Labels, predictions: Labels) -> dict[Label, float]:
    """F1 of each class in sorted order; 0 for a class without true positives."""
    f1 = f1_of_matrix(confusion_matrix(references, predictions))
    return dict(zip(class_labels(references, predictions), f1.tolist(), strict=True))


def confusion_matrix(references: Labels, predictions: Labels, *, labels: Sequence[Label] | None = None) -> np.ndarray:
    """Number of clips by true class (row) and predicted class (column): int64, (classes, classes).

    Args:
        references: True class of each clip.
        predictions: Predicted class of each clip, in the same order.
        labels: The classes in the order of rows and columns; a class that never occurs gives zeros. By default those
            that occur, sorted.

    Raises:
        ValueError: If the lists are empty, differ in length, mix ids and names, hold anything else, or hold a class
            that is not in `labels`.
    """
    classes = class_labels(references, predictions) if labels is None else list(labels)
    if len(set(classes)) != len(classes):
        raise ValueError(f"`labels` must name each class once, got {classes}.")
    rows, columns = encode_labels(references, predictions, classes)
    size = len(classes)
    return np.bincount(rows * size + columns, minlength=size * size).reshape(size, size)


def class_labels(references: Labels, predictions: Labels) -> list[Label]:
    """The classes that occur in either list, sorted.

    Raises:
        ValueError: If the lists are empty, differ in length, mix ids and names, or hold anything else.
    """
    checked_references = _checked(references, "references")
    checked_predictions = _checked(predictions, "predictions")
    if len(checked_references) != len(checked_predictions):
        raise ValueError(
            f"`references` and `predictions` must have the same length, "
            f"got {len(checked_references)} and {len(checked_predictions)}."
        )
    if not checked_references:
        raise ValueError("`references` and `predictions` must hold at least one clip, got 0.")
    classes = set(checked_references) | set(checked_predictions)
    examples = {type(label): label for label in [*checked_references, *checked_predictions]}
    if len(examples) > 1:
        raise ValueError(
            f"`references` and `predictions` must both hold integer ids or both hold names, "
            f"got {examples[int]!r} and {examples[str]!r}; translate one with the list of class names."
        )
    return sorted(classes)


def encode_labels(references: Labels, predictions: Labels, classes: Sequence[Label]) -> tuple[np.ndarray, np.ndarray]:
    """Position in `classes` of each reference and each prediction: two int64 arrays, (clips,).

    Raises:
        ValueError: If the lists are no valid pair (see `class_labels`) or hold a class that is not in `classes`.
    """
    unknown = set(class_labels(references, predictions)) - set(classes)
    if unknown:
        shown = ", ".join(repr(label) for label in sorted(unknown, key=str)[:5])
        raise ValueError(f"Every label must be one of the {len(classes)} given classes, got {shown}.")
    position = {label: i for i, label in enumerate(classes)}
    rows = np.array([position[label] for label in _checked(references, "references")], dtype=np.int64)
    columns = np.array([position[label] for label in _checked(predictions, "predictions")], dtype=np.int64)
    return rows, columns


def uar_of_matrix(matrix: np.ndarray) -> np.ndarray:
    """UAR of each confusion matrix: float64, the leading dimensions of `matrix`."""
    occurs = _occurs(matrix)
    return np.where(occurs, recall_of_matrix(matrix), 0.0).sum(-1) / occurs.sum(-1)


def balanced_accuracy_of_matrix(matrix: np.ndarray) -> np.ndarray:
    """Balanced accuracy of each confusion matrix: float64, the leading dimensions of `matrix`."""
    has_references = matrix.sum(-1) > 0
    return np.where(has_references, recall_of_matrix(matrix), 0.0).sum(-1) / has_references.sum(-1)


def war_of_matrix(matrix: np.ndarray) -> np.ndarray:
    """Accuracy of each confusion matrix: float64, the leading dimensions of `matrix`."""
    return _diagonal(matrix).sum(-1) / matrix.sum((-2, -1))


def macro_f1_of_matrix(matrix: np.ndarray) -> np.ndarray:
    """Macro F1 of each confusion matrix: float64, the leading dimensions of `matrix`."""
    return f1_of_matrix(matrix).sum(-1) / _occurs(matrix).sum(-1)


def weighted_f1_of_matrix(matrix: np.ndarray) -> np.ndarray:
    """F1 of each confusion matrix, classes weighted by their references: float64, the leading dimensions of `matrix`."""
    return (f1_of_matrix(matrix) * matrix.sum(-1)).sum(-1) / matrix.sum((-2, -1))


def f1_of_matrix(matrix: np.ndarray) -> np.ndarray:
    """F1 of each class: float64, (..., classes); 0 for a class without true positives."""
    # F1 = 2 TP / (2 TP + FP + FN); the denominator is the row sum plus the column sum, 0 for an absent class only.
    total = matrix.sum(-1) + matrix.sum(-2)
    return 2 * _diagonal(matrix) / np.maximum(total, 1)


def recall_of_matrix(matrix: np.ndarray) -> np.ndarray:
    """Recall of each class: float64, (..., classes); 0 for a class without references."""
    return _diagonal(matrix) / np.maximum(matrix.sum(-1), 1)


def _occurs(matrix: np.ndarray) -> np.ndarray:
    """Whether each class occurs among references or predictions: bool, (..., classes)."""
    return matrix.sum(-1) + matrix.sum(-2) > 0


def _diagonal(matrix: np.ndarray) -> np.ndarray:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _checked(labels: Labels, name: str) -> list[Any]:
    """The labels as Python integers or texts.

    NumPy would turn the mixture `[1, "joy"]` into texts and `[1, nan]` into floats without a word, so the items are
    looked at before any conversion.
    """
    if isinstance(labels, str | bytes | dict) or not hasattr(labels, "__len__"):
        raise ValueError(f"`{name}` must be a list of integer ids or names, got {labels!r}.")
    items = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    if not isinstance(items, list):
        raise ValueError(f"`{name}` must have one dimension, got the single value {items!r}.")
    return [_checked_item(item, name, position) for position, item in enumerate(items)]


def _checked_item(item: Any, name: str, position: int) -> Label:
    if isinstance(item, str):
        return str(item)
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        return int(item)
    if getattr(item, "ndim", None) == 0 and hasattr(item, "item"):
        return _checked_item(item.item(), name, position)
    if isinstance(item, list):
        raise ValueError(
            f"`{name}` must have one dimension, got a list at position {position}; take the arg-max first."
        )
    raise ValueError(f"`{name}` must hold integer ids or names, got {item!r} at position {position}.")
