# SPDX-License-Identifier: Apache-2.0
"""The numbers of one table of several labels, of numbers, or of retrieval, as plain JSON values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from emoclip.evaluation.classification_results import (
    MAX_SCORE_RESAMPLES,
    interval_groups,
    intervals_over,
    num_score_resamples,
    number,
)
from emoclip.evaluation.resampling_options import Resampling
from emoclip.evaluation.target_predictions import MULTI_LABEL, NO_CLASS, RetrievalTable, TargetTable
from emoclip.metrics import (
    UndefinedMetricError,
    auc,
    bootstrap_interval,
    ccc,
    mae,
    mean_average_precision,
    mse,
    pcc,
    per_class_auc,
    per_class_average_precision,
    per_target,
    precision_at_k,
    r2,
    recall_at_k,
    retrieval_metrics,
    retrieval_ranks,
    rmse,
    score_intervals,
    top_k_accuracy,
    war,
)


REGRESSION_METRICS: dict[str, Callable[[Any, Any], float]] = {
    "mae": mae,
    "rmse": rmse,
    "mse": mse,
    "pcc": pcc,
    "ccc": ccc,
    "r2": r2,
}
MULTI_LABEL_METRICS: dict[str, Callable[[Any, Any], float]] = {
    "mean_average_precision": mean_average_precision,
    "auc": auc,
    "top_1": lambda references, scores: top_k_accuracy(references, scores, k=1),
}
# Metrics that are computed anew on every resample get none on tables that are too long to wait for.
_MAX_ROWS = 20_000


def score_targets(table: TargetTable, resampling: Resampling) -> dict[str, Any]:
    """All numbers of one table of labels or numbers, with intervals, and those of each output."""
    metrics = MULTI_LABEL_METRICS if table.task == MULTI_LABEL else REGRESSION_METRICS
    references, scores = np.asarray(table.references, dtype=np.float64), np.asarray(table.scores, dtype=np.float64)
    result: dict[str, Any] = {}
    intervals = _label_intervals(table, references, scores, resampling) if table.task == MULTI_LABEL else {}
    for name, metric in metrics.items():
        result[name] = number(defined_value(metric, references, scores))
        if name == "top_1":
            intervals[f"{name}_interval"] = _top_1_interval(table, references, scores, resampling)
        elif f"{name}_interval" not in intervals:
            intervals[f"{name}_interval"] = _interval(metric, table, references, scores, resampling)
    result |= {**intervals, "num_resamples": _num_resamples(resampling), **intervals_over(table.columns)}
    result["per_target"] = _per_target(table, references, scores)
    return result


def top_1_hits(references: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Whether each clip's highest score, the first of them on a tie, is of a label that it has: bool (clips,)."""
    return np.take_along_axis(references, scores.argmax(axis=1)[:, None], axis=1)[:, 0] > 0


def defined_value(metric: Callable[[Any, Any], float], references: np.ndarray, scores: np.ndarray) -> float | None:
    """The metric, None where these clips have none, such as an AUC where every clip has every label."""
    try:
        return metric(references, scores)
    except UndefinedMetricError:
        return None


def score_retrieval(table: RetrievalTable, resampling: Resampling) -> dict[str, Any]:
    """Both directions' metrics at the table's `ks`, with intervals of recall over queries."""
    ks = table.ks
    similarity = table.similarity()
    texts = caption_ids(table)
    directions: dict[str, Any] = retrieval_metrics(similarity, video_ids=texts, text_ids=texts, ks=ks)
    for name, matrix in (("video_to_text", similarity), ("text_to_video", similarity.T)):
        directions[name] |= _class_precision(table, matrix)
        ranks = retrieval_ranks(matrix, texts, texts)
        for k in ks:
            if k <= len(ranks):
                directions[name][f"recall_at_{k}_interval"] = _recall_interval(ranks, k, table.columns, resampling)
    return {
        "directions": directions,
        "exact_by": "clip" if texts is None else "caption",
        **intervals_over(table.columns),
    }


def _class_precision(table: RetrievalTable, similarity: np.ndarray) -> dict[str, Any]:
    """Class-relevance precision of the clips that have a class, searched among these, and their number; nothing where none has.

    Of a clip without a class nobody knows whether it is a right answer, so that it is neither asked for nor found.
    """
    labelled = [row for row, label in enumerate(table.references) if label != NO_CLASS]
    if not labelled:
        return {}
    classes, judged = [table.references[row] for row in labelled], similarity[np.ix_(labelled, labelled)]
    found: dict[str, Any] = {
        f"class_precision_at_{k}": precision_at_k(judged, k, classes, classes) for k in table.ks if k <= len(labelled)
    }
    return {**found, "num_class_queries": len(labelled)}


def caption_ids(table: RetrievalTable) -> list[str] | None:
    """The texts that were embedded, where the table has them and some are shared: another clip's equal text is right too."""
    texts = table.columns.get("caption")
    if texts is None or any(not text for text in texts):
        return None
    return list(texts) if len(set(texts)) < len(texts) else None


def _per_target(table: TargetTable, references: np.ndarray, scores: np.ndarray) -> dict[str, dict[str, Any]]:
    """Output -> its metrics."""
    names = list(table.class_names)
    if table.task == MULTI_LABEL:
        columns = {
            "average_precision": dict(
                zip(names, per_class_average_precision(references, scores).tolist(), strict=True)
            ),
            "auc": dict(zip(names, per_class_auc(references, scores).tolist(), strict=True)),
            "positives": dict(zip(names, references.sum(axis=0).tolist(), strict=True)),
        }
    else:
        columns = {name: per_target(metric, references, scores, names) for name, metric in REGRESSION_METRICS.items()}
    return {name: {key: number(values[name]) for key, values in columns.items()} for name in names}


def _label_intervals(
    table: TargetTable, references: np.ndarray, scores: np.ndarray, resampling: Resampling
) -> dict[str, Any]:
    """Intervals of AUC and average precision."""
    found = score_intervals(
        references,
        scores,
        groups=interval_groups(table.columns),
        num_resamples=num_score_resamples(scores.shape, resampling),
        confidence=resampling.confidence,
        seed=resampling.seed,
    )
    # Of labels that may be several there is no calibration of a single answer.
    names = ("auc", "mean_average_precision")
    intervals: dict[str, Any] = {f"{n}_interval": list(i) if (i := found.intervals[n]) else None for n in names}
    left_out = {name: found.left_out[name] for name in names if found.left_out[name]}
    return {**intervals, "num_score_resamples": found.num_resamples, "resamples_left_out": left_out}


def _interval(
    metric: Callable[[Any, Any], float],
    table: TargetTable,
    references: np.ndarray,
    scores: np.ndarray,
    resampling: Resampling,
) -> list[float] | None:
    if len(references) > _MAX_ROWS:
        return None
    interval = bootstrap_interval(
        metric,
        references,
        scores,
        groups=interval_groups(table.columns),
        num_resamples=_num_resamples(resampling),
        confidence=resampling.confidence,
        seed=resampling.seed,
    )
    return list(interval)


def _top_1_interval(
    table: TargetTable, references: np.ndarray, scores: np.ndarray, resampling: Resampling
) -> list[float]:
    """Top-1 is the share of clips that are right, whose resamples are draws of counts."""
    hits = top_1_hits(references, scores).astype(np.int64)
    options = asdict(resampling) | {"num_resamples": _num_resamples(resampling)}
    groups = interval_groups(table.columns)
    return list(bootstrap_interval(war, np.ones_like(hits), hits, groups=groups, **options))


def _num_resamples(resampling: Resampling) -> int:
    return min(resampling.num_resamples, MAX_SCORE_RESAMPLES)


def _recall_interval(ranks: np.ndarray, k: int, columns: Any, resampling: Resampling) -> list[float]:
    """Of a share over clips the bootstrap is a binomial draw; where subjects have several clips, whole subjects are drawn."""
    if (groups := interval_groups(columns)) is not None:
        hits = (ranks <= k).astype(np.int64)
        return list(bootstrap_interval(war, np.ones_like(hits), hits, groups=groups, **asdict(resampling)))
    share, count = recall_at_k(ranks, k), len(ranks)
    draws = np.random.default_rng(resampling.seed).binomial(count, share, resampling.num_resamples) / count
    ends = ((1 - resampling.confidence) / 2, (1 + resampling.confidence) / 2)
    return [float(end) for end in np.quantile(draws, ends)]


__all__ = [
    "MULTI_LABEL_METRICS",
    "REGRESSION_METRICS",
    "caption_ids",
    "score_retrieval",
    "score_targets",
    "top_1_hits",
]
