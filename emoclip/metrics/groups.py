# SPDX-License-Identifier: Apache-2.0
"""Metrics by group of clips: the same for every subject or subgroup, however many clips each has.

A group is what `groups` says of a clip: a subject, a gender, an age band. A clip with None is in no group and left out.
Within a group the classes are those that occur there, so a small group's UAR counts 0 for a class that was predicted but
that the group never shows; `subject_balanced_uar` has not that trouble.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from .classification import Labels, class_labels


# A metric of true and predicted values: `uar`, `war`, `mae` and the like.
LabelMetric = Callable[[Any, Any], float]


def per_group(
    metric: LabelMetric, references: Any, predictions: Any, groups: Sequence[Hashable]
) -> dict[Hashable, float]:
    """The metric of each group's clips, groups in the order of their names.

    Args:
        metric: Of true and predicted values, for example `uar`.
        references: True value of each clip; an array may have further dimensions after the first.
        predictions: Predicted value of each clip, or its scores.
        groups: Group of each clip; None for none.

    Raises:
        ValueError: If the lengths differ or no clip has a group.
    """
    members = group_members(groups, len(references), len(predictions))
    references, predictions = _rows(references), _rows(predictions)
    return {name: float(metric(references[rows], predictions[rows])) for name, rows in members.items()}


def balanced(metric: LabelMetric, references: Any, predictions: Any, groups: Sequence[Hashable]) -> float:
    """Plain mean over groups of the metric in each group, so that a subject with many clips counts no more than another."""
    return float(np.mean(list(per_group(metric, references, predictions, groups).values())))


def group_gap(metric: LabelMetric, references: Any, predictions: Any, groups: Sequence[Hashable]) -> float:
    """Best group's value minus the worst group's: 0 where all groups fare alike."""
    values = list(per_group(metric, references, predictions, groups).values())
    return max(values) - min(values)


def subject_balanced_uar(
    references: Labels, predictions: Labels, subjects: Sequence[Hashable], *, shown_only: bool = False
) -> float:
    """UAR in which a class's recall is the plain mean over the subjects who show it.

    The classes are those that occur in either list; one that no subject shows counts 0, or with `shown_only` nothing.

    Raises:
        ValueError: If the labels are no valid pair, the lengths differ, or no clip has a subject.
    """
    members = group_members(subjects, len(references), len(predictions))
    used = np.concatenate(list(members.values()))
    all_references, all_predictions = _rows(references), _rows(predictions)
    classes = class_labels(all_references[used], all_predictions[used])
    recalls: dict[Any, list[float]] = {label: [] for label in classes}
    for rows in members.values():
        truth, right = all_references[rows], all_references[rows] == all_predictions[rows]
        for label in np.unique(truth).tolist():
            recalls[label].append(float(right[truth == label].mean()))
    counted = [values for values in recalls.values() if values or not shown_only]
    return float(np.mean([np.mean(values) if values else 0.0 for values in counted]))


def group_members(groups: Sequence[Hashable], *lengths: int) -> dict[Hashable, np.ndarray]:
    """Row numbers of each group's clips, groups in the order of their names; None is no group.

    Raises:
        ValueError: If one of the lengths differs from that of `groups`, or no clip has a group.
    """
    if any(length != len(groups) for length in lengths):
        raise ValueError(f"`groups` must name one group per clip, got {len(groups)} for {lengths[0]} clips.")
    members: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        if group is not None:
            members.setdefault(group, []).append(row)
    if not members:
        raise ValueError(f"At least one clip must have a group, got none among {len(groups)}.")
    return {name: np.array(members[name]) for name in sorted(members, key=lambda name: (str(type(name)), name))}


def _rows(values: Any) -> np.ndarray:
    """An array to select rows from; names stay Python texts, mixtures stay what they are for the metric to refuse."""
    return values if isinstance(values, np.ndarray) else _object_or_number_array(list(values))


def _object_or_number_array(values: list) -> np.ndarray:
    if values and isinstance(values[0], list | tuple | np.ndarray | float | np.floating):
        return np.asarray(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
