# SPDX-License-Identifier: Apache-2.0
"""The numbers of one table of single-label recognition: metrics, their uncertainty, folds, subjects and subgroups.

Plain JSON values; fractions, and None where a value does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from emoclip.evaluation.original_scripts import LEAVE_ONE_OUT
from emoclip.evaluation.predictions import PredictionTable
from emoclip.evaluation.resampling_options import Resampling
from emoclip.evaluation.subgroups import MAX_SUBGROUPS
from emoclip.metrics import (
    are_probabilities,
    auc,
    balanced_accuracy,
    bootstrap_intervals,
    brier_score,
    chance_interval,
    confusion_matrix,
    expected_calibration_error,
    fold_values,
    macro_f1,
    mean_average_precision,
    per_class_auc,
    per_class_average_precision,
    per_class_f1,
    per_class_precision,
    per_class_recall,
    per_group,
    score_intervals,
    subject_balanced_uar,
    summarize_folds,
    top_k_accuracy,
    uar,
    war,
    weighted_f1,
)


LABEL_METRICS: dict[str, Callable[[Any, Any], float]] = {
    "uar": uar,
    "war": war,
    "macro_f1": macro_f1,
    "weighted_f1": weighted_f1,
}
# Each class of leave-one-class-out is judged by a model of its own, so that a class without clips is judged by none and has no
# place in the mean over classes, however often it was predicted.
_LEFT_OUT_METRICS = LABEL_METRICS | {"uar": balanced_accuracy}
_TOP = (2, 3, 5)
# Of metrics of scores; and numbers, clips x classes x resamples, that take about a second.
MAX_SCORE_RESAMPLES = 500
_MAX_SCORE_NUMBERS = 100_000_000
_OWN_COLUMNS = ("fold", "subject_id", "captions", "caption")


def label_metrics(protocol: str) -> dict[str, Callable[[Any, Any], float]]:
    """Name -> metric of true and predicted classes, as a protocol computes them."""
    return _LEFT_OUT_METRICS if protocol == LEAVE_ONE_OUT else LABEL_METRICS


def score_classification(table: PredictionTable, resampling: Resampling) -> dict[str, Any]:
    """All numbers of one table."""
    metrics = label_metrics(table.protocol)
    references, predictions = np.asarray(table.references), np.asarray(table.predictions)
    subjects = interval_groups(table.columns)
    intervals = bootstrap_intervals(metrics, references, predictions, groups=subjects, **asdict(resampling))
    labels = {name: metric(references, predictions) for name, metric in metrics.items()}
    chance = chance_interval(metrics["uar"], references, predictions, **asdict(resampling))
    return {
        **{
            key: value
            for name in labels
            for key, value in ((name, labels[name]), (f"{name}_interval", list(intervals[name])))
        },
        **intervals_over(table.columns),
        **_score_metrics(table, references),
        **_score_intervals(table, references, resampling),
        "per_class_recall": _by_name(table, per_class_recall(references, predictions)),
        "per_class": _per_class(table, references, predictions),
        "chance": {"uar_interval": list(chance), "within": chance.contains(labels["uar"])},
        "folds": _folds(table, references, predictions, resampling),
        "subjects": _subjects(table, references, predictions),
        "subgroups": _subgroups(table, references, predictions),
        "confusion_matrix": confusion_matrix(references, predictions, labels=range(len(table.class_names))).tolist(),
    }


def interval_groups(columns: Any) -> Sequence[Hashable] | None:
    """The subjects, where every clip has one and at least one shows several clips: only then do units differ from clips."""
    subjects = columns.get("subject_id")
    if subjects is None or any(subject is None for subject in subjects) or len(set(subjects)) in (1, len(subjects)):
        return None
    return subjects


def intervals_over(columns: Any) -> dict[str, Any]:
    """What a resample draws, `clips` or `subjects`, and how many there are."""
    subjects = interval_groups(columns)
    if subjects is None:
        return {"intervals_over": "clips"}
    return {"intervals_over": "subjects", "num_drawn_subjects": len(set(subjects))}


def num_score_resamples(shape: tuple[int, ...], resampling: Resampling) -> int:
    """Resamples for metrics of scores: 500 at most, and fewer for long tables, so that a report stays a matter of seconds."""
    return min(resampling.num_resamples, MAX_SCORE_RESAMPLES, max(100, _MAX_SCORE_NUMBERS // (shape[0] * shape[1])))


def subgroup_columns(columns: Any) -> dict[str, Sequence]:
    """The columns that name subgroups: texts, or None, with 2 to 20 different values."""
    found = {}
    for name, values in columns.items():
        present = [value for value in values if value is not None] if name not in _OWN_COLUMNS else []
        # Other columns may hold lists, which no set takes.
        if all(isinstance(value, str) for value in present) and 2 <= len(set(present)) <= MAX_SUBGROUPS:
            found[name] = values
    return found


def _score_metrics(table: PredictionTable, references: np.ndarray) -> dict[str, float | None]:
    scores, num_classes = np.asarray(table.scores), len(table.class_names)
    probabilities = are_probabilities(scores)
    single_class = len(np.unique(references)) < 2
    return {
        "auc": None if single_class else auc(references, scores),
        "mean_average_precision": mean_average_precision(references, scores),
        **{f"top_{k}": top_k_accuracy(references, scores, k=k) for k in _TOP if k < num_classes},
        "calibration_error": expected_calibration_error(references, scores) if probabilities else None,
        "brier_score": brier_score(references, scores) if probabilities else None,
    }


def _score_intervals(table: PredictionTable, references: np.ndarray, resampling: Resampling) -> dict[str, Any]:
    """Intervals of AUC, average precision and calibration error, and how many resamples they rest on."""
    scores = np.asarray(table.scores)
    found = score_intervals(
        references,
        scores,
        groups=interval_groups(table.columns),
        num_resamples=num_score_resamples(scores.shape, resampling),
        confidence=resampling.confidence,
        seed=resampling.seed,
    )
    intervals = {f"{name}_interval": list(ends) if ends else None for name, ends in found.intervals.items()}
    left_out = {name: count for name, count in found.left_out.items() if count}
    return {**intervals, "num_score_resamples": found.num_resamples, "resamples_left_out": left_out}


def _per_class(table: PredictionTable, references: np.ndarray, predictions: np.ndarray) -> dict[str, dict[str, Any]]:
    scores = np.asarray(table.scores)
    counts = np.bincount(references, minlength=len(table.class_names))
    columns: dict[str, dict] = {
        "recall": per_class_recall(references, predictions),
        "precision": per_class_precision(references, predictions),
        "f1": per_class_f1(references, predictions),
        "auc": dict(enumerate(per_class_auc(references, scores).tolist())),
        "average_precision": dict(enumerate(per_class_average_precision(references, scores).tolist())),
    }
    return {
        name: {"clips": int(counts[i]), **{key: number(values.get(i)) for key, values in columns.items()}}
        for i, name in enumerate(table.class_names)
    }


def _by_name(table: PredictionTable, values: dict) -> dict[str, float]:
    return {name: values[i] for i, name in enumerate(table.class_names) if i in values}


def _folds(
    table: PredictionTable, references: np.ndarray, predictions: np.ndarray, resampling: Resampling
) -> dict[str, Any] | None:
    """Mean and spread of each metric over folds, or None without folds."""
    folds = table.columns.get("fold")
    if folds is None or all(fold is None for fold in folds):
        return None
    scores = np.asarray(table.scores)
    result: dict[str, Any] = {}
    metrics = label_metrics(table.protocol)
    for name, metric, given in [*((n, m, predictions) for n, m in metrics.items()), ("auc", auc, scores)]:
        if name == "auc" and _has_fold_of_one_class(references, folds):
            continue
        summary = summarize_folds(fold_values(metric, references, given, folds), confidence=resampling.confidence)
        result[name] = {
            "mean": summary.mean,
            "std": number(summary.std),
            "interval": list(summary.interval) if summary.interval else None,
            "values": {str(fold): value for fold, value in summary.values.items()},
        }
    counts = per_group(lambda r, p: float(len(r)), references, predictions, folds)
    result["num_clips"] = {str(fold): int(count) for fold, count in counts.items()}
    result["absent_classes"] = _absent_classes(table, references, folds)
    return result


def _has_fold_of_one_class(references: np.ndarray, folds: Sequence) -> bool:
    return min(per_group(lambda r, p: float(len(np.unique(r))), references, references, folds).values()) < 2


def _absent_classes(table: PredictionTable, references: np.ndarray, folds: Sequence) -> dict[str, list[str]]:
    """Fold -> classes of the table that have no clip there but have some elsewhere."""
    everywhere = set(references.tolist())
    present: dict[Any, set[int]] = {}
    for fold, reference in zip(folds, references.tolist(), strict=True):
        if fold is not None:
            present.setdefault(fold, set()).add(reference)
    absent = {str(fold): sorted(everywhere - classes) for fold, classes in sorted(present.items())}
    return {fold: [table.class_names[i] for i in classes] for fold, classes in absent.items() if classes}


def _subjects(table: PredictionTable, references: np.ndarray, predictions: np.ndarray) -> dict[str, Any] | None:
    subjects = table.columns.get("subject_id")
    if subjects is None or all(subject is None for subject in subjects):
        return None
    values = per_group(war, references, predictions, subjects)
    return {
        "num_subjects": len(values),
        "balanced_uar": subject_balanced_uar(
            references, predictions, subjects, shown_only=table.protocol == LEAVE_ONE_OUT
        ),
        "balanced_war": float(np.mean(list(values.values()))),
        "worst_war": min(values.values()),
        "best_war": max(values.values()),
    }


def _subgroups(table: PredictionTable, references: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
    """Column -> subgroup -> its clips and metrics."""
    result, of_labels = {}, label_metrics(table.protocol)
    for name, values in subgroup_columns(table.columns).items():
        metrics = {key: per_group(of_labels[key], references, predictions, values) for key in ("uar", "war")}
        clips = per_group(lambda r, p: float(len(r)), references, predictions, values)
        result[name] = {
            str(group): {"clips": int(clips[group]), **{key: metrics[key][group] for key in metrics}}
            for group in clips
        }
    return result


def number(value: float | None) -> float | None:
    """The value, None where it is NaN: JSON has no NaN."""
    return None if value is None or np.isnan(value) else float(value)


__all__ = [
    "LABEL_METRICS",
    "MAX_SCORE_RESAMPLES",
    "interval_groups",
    "intervals_over",
    "label_metrics",
    "num_score_resamples",
    "number",
    "score_classification",
    "subgroup_columns",
]
