# SPDX-License-Identifier: Apache-2.0
"""Two systems on the same clips: the difference of a metric, its interval, and the p-value of a paired test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from emoclip.evaluation.classification_results import LABEL_METRICS, interval_groups, label_metrics
from emoclip.evaluation.predictions import PredictionTable
from emoclip.evaluation.resampling_options import Resampling
from emoclip.evaluation.target_predictions import MULTI_LABEL, RetrievalTable, TargetTable
from emoclip.evaluation.target_results import REGRESSION_METRICS, caption_ids, top_1_hits
from emoclip.metrics import (
    fold_values,
    holm_adjusted,
    mcnemar_p,
    paired_bootstrap_difference,
    paired_folds_p,
    paired_permutation_p,
    paired_score_differences,
    retrieval_ranks,
)


Table = PredictionTable | TargetTable | RetrievalTable
# Metrics that are computed anew on every resample get fewer of them.
_MAX_RESAMPLES = 500
# Of metrics of scores: numbers, clips x classes x resamples, that take about a second, and the fewest resamples: p is never below 1/201.
_MAX_NUMBERS, _MIN_RESAMPLES = 50_000_000, 200
_LABELS = ("uar", "war", "macro_f1")
_NUMBERS = ("mae", "pcc", "ccc")
# References, the first system's predictions, the second's.
Triple = tuple[np.ndarray, np.ndarray, np.ndarray]


def compare(tables: Sequence[Table], resampling: Resampling) -> list[dict[str, Any]]:
    """The first system minus each other one, for every prompt set that both have.

    A system that shares no prompt set with the first is compared by its first table with the main one; then the prompt sets of
    both are named, because the difference may be theirs.

    Args:
        tables: Of one protocol, over the same clips in the same order.
        resampling: How intervals and p-values are computed.
    """
    first = tables[0].system
    leading: dict[str, Table] = {}
    others: dict[str, list[Table]] = {}
    for table in tables:
        if table.system == first:
            leading.setdefault(table.prompt_set, table)
        else:
            others.setdefault(table.system, []).append(table)
    pairs = []
    for group in others.values():
        shared = [(leading[table.prompt_set], table) for table in group if table.prompt_set in leading]
        pairs += shared or [(tables[0], group[0])]
    return corrected([{**_names(a, b), **entry} for a, b in pairs for entry in compare_pair(a, b, resampling)])


def corrected(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same with `p_holm`: p corrected for the number of pairs that are compared by that metric, in that direction.

    Each metric is a question of its own; all pairs of systems and prompt sets of a section are the answers to it. `num_compared` is
    their number.
    """
    families: dict[tuple, list[int]] = {}
    for place, entry in enumerate(entries):
        families.setdefault((entry["metric"], entry.get("direction")), []).append(place)
    result = list(entries)
    for places in families.values():
        for place, p in zip(places, holm_adjusted([entries[i]["p_value"] for i in places]), strict=True):
            result[place] = {**entries[place], "p_holm": p, "num_compared": len(places)}
    return result


def _names(a: Table, b: Table) -> dict[str, str]:
    prompt_set = a.prompt_set if a.prompt_set == b.prompt_set else f"{a.prompt_set} - {b.prompt_set}"
    return {"system": a.system, "other": b.system, "prompt_set": prompt_set}


def compare_pair(a: Table, b: Table, resampling: Resampling) -> list[dict[str, Any]]:
    """A minus B for each metric of their task: `metric`, `difference`, `interval`, `excludes_zero`, `p_value`, `test`.

    Both must be over the same clips in the same order; see `emoclip.evaluation.alignment`.
    """
    if isinstance(a, RetrievalTable) and isinstance(b, RetrievalTable):
        return _compare_retrieval(a, b, resampling)
    options = asdict(resampling)
    if isinstance(a, TargetTable) and isinstance(b, TargetTable):
        values = (
            np.asarray(a.references, np.float64),
            np.asarray(a.scores, np.float64),
            np.asarray(b.scores, np.float64),
        )
        if a.task == MULTI_LABEL:
            return _compare_labels(values, a, options)
        options["num_resamples"] = min(resampling.num_resamples, _MAX_RESAMPLES)
        return [_entry(name, REGRESSION_METRICS[name], values, a, options) for name in _NUMBERS]
    if isinstance(a, PredictionTable) and isinstance(b, PredictionTable):
        labels = np.asarray(a.references), np.asarray(a.predictions), np.asarray(b.predictions)
        of_labels = label_metrics(a.protocol)
        return [
            _entry(n, of_labels[n], labels, a, options) | _fold_test(of_labels[n], labels, a.columns) for n in _LABELS
        ]
    raise ValueError(f"Tables must be of one task, got {type(a).__name__} and {type(b).__name__}.")


def _entry(
    name: str, metric: Callable[[Any, Any], float], values: Triple, table: Table, options: dict[str, Any]
) -> dict[str, Any]:
    groups = interval_groups(table.columns)
    outcome = paired_bootstrap_difference(metric, *values, groups=groups, **options)
    if name == "war" and groups is None:
        p_value, test = mcnemar_p(*values), "exact McNemar test"
    else:
        draws = {key: options[key] for key in ("num_resamples", "seed")}
        p_value = paired_permutation_p(metric, *values, groups=groups, **draws)
        test = "paired permutation test" + ("" if groups is None else " of subjects")
    return {
        "metric": name,
        "difference": outcome.difference,
        "interval": list(outcome.interval),
        "excludes_zero": outcome.excludes_zero,
        "p_value": p_value,
        "test": test,
    }


def _compare_labels(values: Triple, table: Table, options: dict[str, Any]) -> list[dict[str, Any]]:
    """AUC and average precision from one sorting of the scores; top-1 is a share of hits, and so compared as WAR is."""
    references, *systems = values
    groups = interval_groups(table.columns)
    fewer = max(_MIN_RESAMPLES, _MAX_NUMBERS // references.size)
    drawn = options | {"num_resamples": min(options["num_resamples"], _MAX_RESAMPLES, fewer)}
    found = paired_score_differences(*values, groups=groups, **drawn)
    test = "paired permutation test" + ("" if groups is None else " of subjects")
    entries = [
        {
            "metric": name,
            "difference": found[name].difference,
            "interval": list(found[name].interval),
            "excludes_zero": found[name].excludes_zero,
            "p_value": found[name].p_value,
            "test": test,
        }
        for name in ("mean_average_precision", "auc")
        if name in found
    ]
    hits_a, hits_b = (top_1_hits(references, scores).astype(np.int64) for scores in systems)
    top_1 = _entry("war", LABEL_METRICS["war"], (np.ones_like(hits_a), hits_a, hits_b), table, options)
    return [*entries, top_1 | {"metric": "top_1"}]


def _fold_test(
    metric: Callable[[Any, Any], float], labels: Triple, columns: Mapping[str, Sequence]
) -> dict[str, float]:
    """The difference of the fold means and the p-value of its sign-flip test, where there are 2 to 20 folds."""
    folds = columns.get("fold")
    if folds is None or not 2 <= len(set(folds) - {None}) <= 20:
        return {}
    references, *systems = labels
    values = [list(fold_values(metric, references, predictions, folds).values()) for predictions in systems]
    return {
        "fold_difference": float(np.mean(values[0]) - np.mean(values[1])),
        "fold_p_value": paired_folds_p(*values),
    }


def _compare_retrieval(a: RetrievalTable, b: RetrievalTable, resampling: Resampling) -> list[dict[str, Any]]:
    """Recall at the two smallest k in both directions, query by query: the share of queries that are found is an accuracy."""
    entries = []
    for direction in ("video_to_text", "text_to_video"):
        matrices = [t.similarity() if direction == "video_to_text" else t.similarity().T for t in (a, b)]
        texts = caption_ids(a)
        ranks_a, ranks_b = (retrieval_ranks(matrix, texts, texts) for matrix in matrices)
        for k in a.ks[:2]:
            hits = np.ones(len(ranks_a), np.int64), (ranks_a <= k).astype(np.int64), (ranks_b <= k).astype(np.int64)
            entry = _entry("war", LABEL_METRICS["war"], hits, a, asdict(resampling))
            entries.append(entry | {"metric": f"recall_at_{k}", "direction": direction})
    return entries


__all__ = ["Table", "compare", "compare_pair", "corrected"]
