# SPDX-License-Identifier: Apache-2.0
"""One evaluation run: manifest and systems become prediction tables and the record of how they were made."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch

from emoclip.config_loading import config_to_dict
from emoclip.data import load
from emoclip.data.manifest import Manifest, fingerprint, read_manifest
from emoclip.evaluation.config import EvaluationConfig
from emoclip.evaluation.predictions import PredictionTable
from emoclip.evaluation.prompts import class_texts, prompt_set_name
from emoclip.evaluation.systems import System, load_system
from emoclip.evaluation.zero_shot import (
    ClipEmbeddings,
    choose_device,
    choose_dtype,
    class_scores,
    encode_clips,
    encode_texts,
)
from emoclip.provenance import git_commit, package_versions


if TYPE_CHECKING:
    import datasets


@dataclass(frozen=True)
class EvaluationRun:
    """What a run leaves behind.

    Args:
        tables: One per system and prompt set, the main one first.
        record: Plain JSON values: command, commit, configuration, texts, clips left out, speed.
    """

    tables: list[PredictionTable]
    record: dict[str, Any]


def run_evaluation(config: EvaluationConfig, command: str = "") -> EvaluationRun:
    """Encodes clips and texts with every system and scores every clip with every prompt set.

    Everything that can be refused is refused before the first clip is decoded.

    Args:
        config: What to evaluate.
        command: For the record.

    Raises:
        FileNotFoundError: If the manifest, a clip, a model or a prompt file does not exist.
        ValueError: If one of them is not what it must be, or no clip is left to evaluate.
    """
    manifest = read_manifest(config.data.manifest, check_media=False)
    texts = _texts(config, manifest.class_names)
    rows = _labelled_rows(config)
    device = choose_device()
    dtype = choose_dtype(config.precision, device)
    systems = [load_system(spec, config.model) for spec in config.systems]
    for system in systems:
        cast(torch.nn.Module, system.model).to(device)
    start = time.perf_counter()
    clips = {key: _encode(group, rows, config, dtype) for key, group in _groups(systems).items()}
    seconds = time.perf_counter() - start
    tables = _tables(systems, clips, texts, rows, manifest, dtype)
    record = {
        "command": command,
        "commit": git_commit(),
        "dataset": _describe_dataset(config, manifest),
        "speed": f"{len(rows)} clips in {seconds:.1f} s, {len(rows) / seconds:.1f} clips/s",
        "number_format": str(dtype or torch.float32).removeprefix("torch."),
        "left_out": _left_out(clips, rows),
        "texts": texts,
        "versions": package_versions(),
        "config": config_to_dict(config),
    }
    return EvaluationRun(tables, record)


def _texts(config: EvaluationConfig, class_names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Prompt set name -> class name -> text."""
    if len(class_names) < 2:
        raise ValueError(f"There must be at least 2 classes to tell apart, the manifest has {list(class_names)}.")
    texts = {prompt_set_name(name): class_texts(name, class_names) for name in config.prompt_sets}
    if len(texts) < len(config.prompt_sets):
        raise ValueError(f"Files of prompt sets must differ in name, got {', '.join(config.prompt_sets)}.")
    return texts


def _labelled_rows(config: EvaluationConfig) -> datasets.Dataset:
    """The rows to evaluate, without those that have no single true class."""
    rows = load(config.data.manifest, config.data.split, config.data.fold)
    labelled = [index for index, label in enumerate(rows["label"]) if label is not None]
    if not labelled:
        raise ValueError(
            f"At least one clip must have a label, got none among {len(rows)} rows of {config.data.manifest} "
            f"(split {config.data.split}); choose another split."
        )
    return rows.select(labelled)


def _groups(systems: Sequence[System]) -> dict[str, list[System]]:
    """Systems that take the same frames, under the settings of their video processor."""
    groups: dict[str, list[System]] = {}
    for system in systems:
        groups.setdefault(_frames_key(system), []).append(system)
    return groups


def _frames_key(system: System) -> str:
    return system.processor.video_processor.to_json_string()


def _encode(
    systems: Sequence[System], rows: datasets.Dataset, config: EvaluationConfig, dtype: torch.dtype | None
) -> ClipEmbeddings:
    return encode_clips(
        {system.name: system.model for system in systems},
        systems[0].processor.video_processor,
        rows,
        batch_size=config.data.batch_size,
        num_workers=config.data.num_workers,
        dtype=dtype,
        show_progress=True,
    )


def _tables(
    systems: Sequence[System],
    clips: dict[str, ClipEmbeddings],
    texts: dict[str, dict[str, str]],
    rows: datasets.Dataset,
    manifest: Manifest,
    dtype: torch.dtype | None,
) -> list[PredictionTable]:
    """Prediction tables, all prompt sets of the first system first."""
    clip_ids, labels, checksum = rows["clip_id"], rows["label"], fingerprint(manifest.path)
    tables = []
    for system in systems:
        encoded = clips[_frames_key(system)]
        for prompt_set, descriptions in texts.items():
            text_embeds = encode_texts(system.model, system.processor, list(descriptions.values()), dtype=dtype)
            scores = class_scores(encoded.embeds[system.name], text_embeds, system.model.logit_scale)
            tables.append(
                PredictionTable(
                    clip_ids=[clip_ids[row] for row in encoded.rows],
                    references=[labels[row] for row in encoded.rows],
                    scores=scores,
                    class_names=manifest.class_names,
                    model=system.source,
                    revision=system.revision,
                    prompt_set=prompt_set,
                    manifest_sha256=checksum,
                    system=system.name,
                )
            )
    return tables


def _describe_dataset(config: EvaluationConfig, manifest: Manifest) -> dict[str, Any]:
    return {
        "name": manifest.dataset,
        "licence": manifest.licence,
        "source": manifest.source,
        "manifest": str(config.data.manifest),
        "split": config.data.split,
        "fold": config.data.fold,
        "notes": list(manifest.notes),
    }


def _left_out(clips: dict[str, ClipEmbeddings], rows: datasets.Dataset) -> list[dict[str, str]]:
    """Clips that could not be decoded, each once."""
    errors = {row: error for encoded in clips.values() for row, error in encoded.errors.items()}
    return [{"clip_id": rows[row]["clip_id"], "error": errors[row]} for row in sorted(errors)]
