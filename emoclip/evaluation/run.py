# SPDX-License-Identifier: Apache-2.0
"""One evaluation run: manifest and systems become prediction tables and the record of how they were made."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emoclip.config_loading import config_to_dict
from emoclip.data.output import check_writable
from emoclip.evaluation.alignment import take_rows
from emoclip.evaluation.clip_rows import ClipRows
from emoclip.evaluation.config import EvaluationConfig
from emoclip.evaluation.embeddings import EmbeddingTable
from emoclip.evaluation.kept_features import KeptFeatures
from emoclip.evaluation.predictions import PredictionTable
from emoclip.evaluation.processes import own_device, process_count
from emoclip.evaluation.protocols import leave_one_out, linear_probe, retrieval, symptoms, zero_shot
from emoclip.evaluation.protocols.attention import attention_of_systems
from emoclip.evaluation.protocols.context import Context
from emoclip.evaluation.subject_attention import SystemAttention
from emoclip.evaluation.target_predictions import RetrievalTable, TargetTable
from emoclip.evaluation.zero_shot import choose_dtype
from emoclip.provenance import git_commit, package_versions


AnyTable = PredictionTable | TargetTable | RetrievalTable


@dataclass(frozen=True)
class EvaluationRun:
    """What a run leaves behind.

    Args:
        tables: The main one first: the first system with the first prompt set.
        record: Plain JSON values: command, commit, configuration, texts, clips left out, speed.
        embeddings: Of clips and class texts, one per system.
        attention: Of systems that prompt by subject, on their best and worst clips.
    """

    tables: list[AnyTable]
    record: dict[str, Any]
    embeddings: list[EmbeddingTable] = field(default_factory=list)
    attention: list[SystemAttention] = field(default_factory=list)


@dataclass(frozen=True)
class _Step:
    """A protocol that was asked for."""

    check: Callable[[], object]
    rows: Callable[[], np.ndarray]
    tables: Callable[[], list]


def run_evaluation(config: EvaluationConfig, command: str = "", features: Path | None = None) -> EvaluationRun:
    """Encodes clips and texts with every system and makes the tables of every protocol.

    Everything that can be refused is refused before the first clip is decoded.

    Args:
        config: What to evaluate.
        command: For the record.
        features: Folder where features of clips are kept unless the configuration names one; None keeps them in memory.

    Raises:
        FileNotFoundError: If the manifest, a clip, a model or a prompt file does not exist.
        ValueError: If one of them is not what it must be, or no clip is left to evaluate.
    """
    context, steps = _prepared(config, features)
    start = time.perf_counter()
    rows = [step.rows() for step in steps]
    context.encode_shared(np.unique(np.concatenate(rows)))
    tables = [_with_published(table, config) for step in steps for table in step.tables()]
    tables = [_readable_by_all(table, context.errors) for table in tables]
    total = time.perf_counter() - start
    clips, seconds = context.encoded
    record = {
        "command": command,
        "commit": git_commit(),
        "dataset": _describe_dataset(config, context.clips),
        "speed": f"{clips} clips in {seconds:.1f} s, {clips / seconds:.1f} clips/s" if clips else "",
        "seconds": {"features": round(seconds, 3), "all": round(total, 3), "processes": process_count()},
        "number_format": str(context.dtype or torch.float32).removeprefix("torch."),
        "left_out": [{"clip_id": name, "error": error} for name, error in sorted(context.errors.items())],
        "texts": context.texts,
        "notes": _fold_notes(context),
        "versions": package_versions(),
        "config": config_to_dict(config),
    }
    embeddings = zero_shot.embedding_tables(context) if config.protocols.zero_shot else []
    return EvaluationRun(tables, record, embeddings, attention_of_systems(context, tables, config.attention_clips))


def check_evaluation(config: EvaluationConfig) -> None:
    """Refuses what `run_evaluation` would refuse, without decoding anything; for runs that come late in a row.

    Raises:
        FileNotFoundError: See `run_evaluation`.
        ValueError: See `run_evaluation`.
    """
    _, steps = _prepared(config, None)
    for step in steps:
        step.rows()


def _prepared(config: EvaluationConfig, features: Path | None) -> tuple[Context, list[_Step]]:
    if config.features is not None:
        check_writable(config.features)
    device = own_device()
    clips = ClipRows(config.clips.manifest, config.clips.revision, config.clips.subgroups)
    kept = KeptFeatures(config.features or features)
    context = Context(config, clips, kept, device, choose_dtype(config.precision, device))
    steps = _steps(context)
    for step in steps:
        step.check()
    return context, steps


def _steps(context: Context) -> list[_Step]:
    """The protocols in the order of the report."""
    chosen = context.config.protocols
    nothing = np.empty(0, np.int64)
    steps = []
    if chosen.zero_shot:
        steps.append(
            _Step(
                lambda: zero_shot.check_zero_shot(context),
                lambda: zero_shot.labelled_rows(context),
                lambda: zero_shot.zero_shot_tables(context),
            )
        )
    if (compound := chosen.compound) is not None:
        steps.append(
            _Step(
                lambda: zero_shot.check_compound(context, compound),
                lambda: zero_shot.labelled_rows(context),
                lambda: zero_shot.compound_tables(context, compound),
            )
        )
    if (loo := chosen.leave_one_out) is not None:
        steps.append(
            _Step(
                lambda: leave_one_out.check_leave_one_out(context, loo),
                lambda: nothing,
                lambda: leave_one_out.leave_one_out_tables(context, loo),
            )
        )
    for name, probe in chosen.linear_probe.items():
        steps.append(
            _Step(
                lambda name=name, probe=probe: linear_probe.check_probe(context, name, probe),  # type: ignore[misc]
                lambda probe=probe: linear_probe.probe_rows(context, probe),  # type: ignore[misc]
                lambda name=name, probe=probe: linear_probe.linear_probe_tables(context, name, probe),  # type: ignore[misc]
            )
        )
    if (symptom := chosen.symptoms) is not None:
        steps.append(
            _Step(
                lambda: symptoms.check_symptoms(context, symptom),
                lambda: nothing,
                lambda: symptoms.symptom_tables(context, symptom),
            )
        )
    return steps + _text_steps(context)


def _text_steps(context: Context) -> list[_Step]:
    """The protocols about texts."""
    chosen = context.config.protocols
    steps = []
    if (found := chosen.retrieval) is not None:
        steps.append(
            _Step(
                lambda: retrieval.check_retrieval(context, found),
                lambda: retrieval.captioned_rows(context, found.captions),
                lambda: retrieval.retrieval_tables(context, found),
            )
        )
    if (sensitivity := chosen.prompt_sensitivity) is not None:
        steps.append(
            _Step(
                lambda: zero_shot.check_sensitivity(context, sensitivity),
                lambda: zero_shot.labelled_rows(context),
                lambda: zero_shot.sensitivity_tables(context, sensitivity),
            )
        )
    if (ablation := chosen.caption_ablation) is not None:
        steps.append(
            _Step(
                lambda: retrieval.check_caption_ablation(context, ablation),
                lambda: retrieval.captioned_rows(context, ablation.captions),
                lambda: retrieval.caption_ablation_tables(context, ablation),
            )
        )
    return steps


def _readable_by_all(table: AnyTable, errors: Collection[str]) -> AnyTable:
    """The table without clips that any system could not read: systems are compared on the same clips.

    A file that is cut short can be read by a system that looks at its beginning and not by one that looks at its end.

    Raises:
        ValueError: If no clip is left.
    """
    kept = [row for row, clip_id in enumerate(table.clip_ids) if clip_id not in errors]
    if not kept:
        raise ValueError(
            f"At least one clip must be readable by all systems, got none in {table.protocol}; evaluate the systems apart."
        )
    return table if len(kept) == len(table.clip_ids) else take_rows(table, kept)


def _with_published(table: AnyTable, config: EvaluationConfig) -> AnyTable:
    """The table with what published rows must have to be its counterpart."""
    loo = config.protocols.leave_one_out
    if table.protocol == leave_one_out.PROTOCOL and loo is not None:
        rows = loo.published
    else:
        rows = next((system.published for system in config.systems if system.name == table.system), ())
    found = [row.of(table.protocol, table.prompt_set) for row in rows]
    return replace(table, published=[row for row in found if row is not None])


def _fold_notes(context: Context) -> list[str]:
    """What a reader of numbers by fold must know: classes that a fold lacks."""
    notes = []
    labels = context.clips.labels
    for fold in context.folds:
        present = {labels[row] for row in fold.test.tolist()}
        absent = [name for label, name in enumerate(context.class_names) if label not in present]
        if fold.number is not None and absent and present != {None}:
            notes.append(
                f"Fold {fold.number} has no clip of {', '.join(absent)}: a class without clips counts in its UAR, as 0, only where "
                "it is predicted, and in leave-one-class-out not at all."
            )
    return notes


def _describe_dataset(config: EvaluationConfig, clips: ClipRows) -> dict[str, Any]:
    about = clips.about
    return {
        "name": about.dataset,
        "licence": about.licence,
        "source": about.source,
        "manifest": config.clips.manifest.as_posix(),
        "split": config.clips.split if config.clips.fold is None else None,
        "fold": config.clips.fold,
        "revision": config.clips.revision,
        "notes": list(about.notes),
    }
