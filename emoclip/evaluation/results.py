# SPDX-License-Identifier: Apache-2.0
"""Numbers from prediction tables: metrics with intervals, comparisons on the same clips, and published results beside ours.

Pure functions. All values are fractions, or in the unit of the target; None where a value does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from emoclip.evaluation.alignment import align_tables, check_same_manifest
from emoclip.evaluation.classification_results import score_classification
from emoclip.evaluation.comparisons import Table, compare
from emoclip.evaluation.original_scripts import LEAVE_ONE_OUT, original_leave_one_out_uar, without_rankings
from emoclip.evaluation.predictions import CLASSIFICATION, PredictionTable
from emoclip.evaluation.published_rows import Ours, beside
from emoclip.evaluation.resampling_options import Resampling
from emoclip.evaluation.target_predictions import RETRIEVAL, RetrievalTable, TargetTable
from emoclip.evaluation.target_results import score_retrieval, score_targets


TASK = "zero-shot-video-classification"
COMPOUND = "compound"
_HEADLINE = ("uar", "uar_interval", "war", "war_interval", "macro_f1", "macro_f1_interval")


def summarize(
    tables: Sequence[Table], resampling: Resampling | None = None, *, shared_clips: bool = False
) -> dict[str, Any]:
    """All numbers of a report as plain JSON values; the first table is the main result.

    Tables of one protocol and one list of classes form a section. `results` and `comparisons` are those of all sections,
    each with the number of its section.

    Args:
        tables: Of one manifest.
        resampling: How intervals are computed.
        shared_clips: Keep the clips that all tables of a section have, instead of refusing tables with others.

    Raises:
        ValueError: If there is no table, or the tables of a section are not about the same clips and truths.
    """
    resampling = resampling or Resampling()
    if not tables:
        raise ValueError("A report needs at least one prediction table, got 0.")
    groups = [align_tables(group, shared_clips=shared_clips) for group in group_tables(tables)]
    results: list[dict[str, Any]] = []
    comparisons: list[dict[str, Any]] = []
    sections: list[dict[str, Any]] = []
    for position, group in enumerate(groups):
        scored = [{"section": position, **score(table, resampling)} for table in group]
        results.extend(scored)
        comparisons.extend({"section": position, **entry} for entry in compare(group, resampling))
        sections.append(_describe(group, scored))
    main = groups[0][0]
    return {
        "task": TASK if isinstance(main, PredictionTable) else task_of(main),
        **{name: results[0][name] for name in _HEADLINE if name in results[0]},
        "num_classes": len(main.class_names),
        "class_names": list(main.class_names),
        "num_clips": len(main.clip_ids),
        "clips_per_class": sections[0]["clips_per_class"],
        "manifest_sha256": main.manifest_sha256,
        "dataset": main.dataset,
        "resampling": asdict(resampling),
        "sections": sections,
        "results": results,
        "comparisons": comparisons,
    }


def group_tables(tables: Sequence[Table]) -> list[list[Table]]:
    """Tables by protocol, task and classes, in the order in which they first occur; see `section_key`.

    Raises:
        ValueError: If they come from several manifests.
    """
    for table in tables:
        check_same_manifest(tables[0], table)
    groups: dict[tuple, list[Table]] = {}
    for table in tables:
        groups.setdefault(section_key(table), []).append(table)
    return list(groups.values())


def section_key(table: Table) -> tuple[str, str, Any]:
    """What tables of one section share: protocol, task, and what may differ within a protocol of one data set.

    That are the outputs of probes, and the number of compound classes, 43 and 42. Elsewhere other classes are a mistake, which is
    told when the tables of the section are put side by side.
    """
    classes: Any = None
    if isinstance(table, TargetTable):
        classes = tuple(table.class_names)
    elif table.protocol.split(".")[0] == COMPOUND:
        classes = len(table.class_names)
    return table.protocol, task_of(table), classes


def task_of(table: Table) -> str:
    """`classification`, `multi_label`, `regression` or `retrieval`."""
    if isinstance(table, PredictionTable):
        return CLASSIFICATION
    return RETRIEVAL if isinstance(table, RetrievalTable) else table.task


def score(table: Table, resampling: Resampling) -> dict[str, Any]:
    """The numbers of one table, with what it is about."""
    names = ("protocol", "system", "prompt_set", "model", "revision")
    described: dict[str, Any] = {"task": task_of(table), **{name: getattr(table, name) for name in names}}
    if isinstance(table, PredictionTable):
        scored = score_classification(table, resampling)
        if table.protocol == LEAVE_ONE_OUT:
            described["original_script_uar"] = original_leave_one_out_uar(table)
            scored = without_rankings(scored)
        return described | scored
    if isinstance(table, TargetTable):
        return described | score_targets(table, resampling)
    return described | score_retrieval(table, resampling)


def _describe(group: Sequence[Table], scored: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the tables of a section share, and published results, each beside its counterpart among them."""
    table, counts = group[0], None
    ours = [Ours(t.system, t.prompt_set, t.published, _our_values(r)) for t, r in zip(group, scored, strict=True)]
    if not isinstance(table, TargetTable):
        counts = {name: list(table.references).count(i) for i, name in enumerate(table.class_names)}
    elif table.task != "regression":
        counts = dict(
            zip(table.class_names, np.asarray(table.references).sum(axis=0).astype(int).tolist(), strict=True)
        )
    return {
        "protocol": table.protocol,
        "task": task_of(table),
        "class_names": list(table.class_names),
        "num_clips": len(table.clip_ids),
        "clips_per_class": counts,
        "majority_share": max(counts.values()) / len(table.clip_ids)
        if counts and task_of(table) == CLASSIFICATION
        else None,
        "published": beside(table.dataset, len(table.class_names), table.protocol, ours),
    }


def _our_values(result: dict[str, Any]) -> dict[str, float]:
    """Our value of each metric as the papers report it: the mean over folds where there are folds."""
    numbers = {name: value for name, value in result.items() if isinstance(value, float)}
    for name, summary in (result.get("folds") or {}).items():
        if name in numbers:
            numbers[name] = summary["mean"]
    for target, values in (result.get("per_target") or {}).items():
        numbers |= {f"{name}/{target}": value for name, value in values.items() if value is not None}
    return numbers


__all__ = ["TASK", "Resampling", "group_tables", "score", "section_key", "summarize", "task_of"]
