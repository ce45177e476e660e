# SPDX-License-Identifier: Apache-2.0
"""Numbers from prediction tables: metrics with intervals, comparisons on the same clips, and the test against chance.

Pure functions; the metrics go through the `evaluate` module `emotion_recognition`. All values are fractions.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from emoclip.evaluation.predictions import PredictionTable
from emoclip.metrics import chance_interval, confusion_matrix, load_module, paired_bootstrap_difference, uar


TASK = "zero-shot-video-classification"


@dataclass(frozen=True)
class Resampling:
    """How intervals are computed.

    Args:
        num_resamples: Draws of the bootstrap and of the permutations.
        confidence: Share inside the intervals.
        seed: Of the draws.
    """

    num_resamples: int = 2000
    confidence: float = 0.95
    seed: int = 0


def summarize(tables: Sequence[PredictionTable], resampling: Resampling | None = None) -> dict[str, Any]:
    """All numbers of a report as plain JSON values; the first table is the main result.

    Raises:
        ValueError: If there is no table, or the tables are not about the same clips and classes.
    """
    resampling = resampling or Resampling()
    if not tables:
        raise ValueError("A report needs at least one prediction table, got 0.")
    tables = [tables[0], *(_aligned(table, tables[0]) for table in tables[1:])]
    results = [score(table, resampling) for table in tables]
    main = tables[0]
    headline = [f"{name}{part}" for name in ("uar", "war", "macro_f1") for part in ("", "_interval")]
    return {
        "task": TASK,
        **{name: results[0][name] for name in headline},
        "num_classes": len(main.class_names),
        "class_names": list(main.class_names),
        "num_clips": len(main.clip_ids),
        "clips_per_class": {name: list(main.references).count(i) for i, name in enumerate(main.class_names)},
        "manifest_sha256": main.manifest_sha256,
        "resampling": asdict(resampling),
        "results": results,
        "comparisons": compare(tables, resampling),
    }


def score(table: PredictionTable, resampling: Resampling) -> dict[str, Any]:
    """The numbers of one table: metrics with intervals, per-class recall, confusion matrix, and the test against chance."""
    references = [table.class_names[index] for index in table.references]
    predictions = [table.class_names[index] for index in table.predictions]
    metrics = load_module("emotion_recognition").compute(
        references=references, predictions=predictions, **asdict(resampling)
    )
    recall = metrics.pop("per_class_recall")
    matrix = confusion_matrix(references, predictions, labels=table.class_names)
    return {
        "system": table.system,
        "prompt_set": table.prompt_set,
        "model": table.model,
        "revision": table.revision,
        **metrics,
        "per_class_recall": {name: recall[name] for name in table.class_names if name in recall},
        "chance": _against_chance(references, predictions, metrics["uar"], resampling),
        "confusion_matrix": matrix.tolist(),
    }


def compare(tables: Sequence[PredictionTable], resampling: Resampling) -> list[dict[str, Any]]:
    """UAR of the first system minus UAR of each other one, for every prompt set, on the same clips."""
    first = tables[0].system
    leading = {table.prompt_set: table for table in tables if table.system == first}
    comparisons = []
    for table in tables:
        if table.system == first or table.prompt_set not in leading:
            continue
        ours = leading[table.prompt_set]
        outcome = paired_bootstrap_difference(
            uar, ours.references, ours.predictions, table.predictions, **asdict(resampling)
        )
        comparisons.append(
            {
                "metric": "uar",
                "system": first,
                "other": table.system,
                "prompt_set": table.prompt_set,
                "difference": outcome.difference,
                "interval": list(outcome.interval),
                "excludes_zero": outcome.excludes_zero,
            }
        )
    return comparisons


def _against_chance(
    references: list[str], predictions: list[str], value: float, resampling: Resampling
) -> dict[str, Any]:
    """Where UAR would lie if the same predictions were shuffled over the clips, and whether it lies there."""
    interval = chance_interval(uar, references, predictions, **asdict(resampling))
    return {"uar_interval": list(interval), "within": interval.contains(value)}


def _aligned(table: PredictionTable, main: PredictionTable) -> PredictionTable:
    """The table with its rows in the order of the main one.

    Raises:
        ValueError: If it is about other clips, classes or references.
    """
    if list(table.class_names) != list(main.class_names) or table.manifest_sha256 != main.manifest_sha256:
        raise ValueError(
            f"Tables of one report must come from one manifest and its classes, got {main.system} with "
            f"{main.manifest_sha256} and {table.system} with {table.manifest_sha256}; report them apart."
        )
    position = {clip_id: row for row, clip_id in enumerate(table.clip_ids)}
    if set(position) != set(main.clip_ids):
        different = sorted(set(position) ^ set(main.clip_ids))
        raise ValueError(
            f"Tables of one report must hold the same clips, got {len(different)} clips that are only in {main.system} or "
            f"only in {table.system}, first {different[0]!r}; evaluate both on the same clips."
        )
    order = [position[clip_id] for clip_id in main.clip_ids]
    fields = {name: getattr(table, name) for name in PredictionTable.__dataclass_fields__}
    fields["references"] = [table.references[row] for row in order]
    fields["columns"] = {name: [values[row] for row in order] for name, values in table.columns.items()}
    if fields["references"] != list(main.references):
        raise ValueError(f"Tables of one report must agree on the true classes, got others in {table.system}.")
    return PredictionTable(**{**fields, "clip_ids": list(main.clip_ids), "scores": table.scores[order]})
