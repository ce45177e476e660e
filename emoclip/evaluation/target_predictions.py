# SPDX-License-Identifier: Apache-2.0
"""Prediction tables of the tasks without one true class per clip: several labels, numbers, and retrieval.

Parquet with the metadata of a prediction table and `task` besides.

    multi_label, regression   `clip_id`, `reference` (list of float32: 0 and 1, or the true numbers) and `scores` (list of float32),
                              both in the order of `class_names`, which are labels or the names of the outputs
    retrieval                 `clip_id`, `reference` (class of the clip, -1 for none), `video_embeds` and `text_embeds` (lists of
                              float32): every clip with its own caption; similarities are cosines
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .predictions import (
    check_clip_ids,
    check_columns,
    check_finite,
    class_names_of,
    float_lists,
    integer_column,
    json_list,
    read_arrow,
    score_matrix,
    table_metadata,
    text_column,
    write_arrow,
)


MULTI_LABEL = "multi_label"
REGRESSION = "regression"
RETRIEVAL = "retrieval"
TASKS = (MULTI_LABEL, REGRESSION, RETRIEVAL)
_OWN_COLUMNS = ("clip_id", "reference", "scores", "video_embeds", "text_embeds")
# Written for a clip without a single class, which has exact retrieval but no class relevance.
NO_CLASS = -1


@dataclass(frozen=True)
class TargetTable:
    """Several outputs for each clip, labels or numbers.

    Args:
        task: `multi_label` or `regression`.
        clip_ids: One per row, none twice.
        references: float32 (clips, outputs): 0 and 1, or the true numbers.
        scores: float32 (clips, outputs): higher is likelier, or the predicted numbers.
        class_names: Names of the outputs.
        model: Folder or Hub id.
        revision: What fixes the weights.
        prompt_set: What made the scores of the embeddings, such as the name of a probe.
        manifest_sha256: Checksum of the manifest.
        system: Short name for tables.
        columns: Name -> one value per row of what else is known of a clip.
        protocol: What was done; a report puts tables of one protocol side by side.
        dataset: Name of the data set as in its manifest.
        published: As in `PredictionTable`.

    Raises:
        ValueError: If sizes differ, a clip id occurs twice, or a number is not finite.
    """

    task: str
    clip_ids: Sequence[str]
    references: np.ndarray
    scores: np.ndarray
    class_names: Sequence[str]
    model: str
    revision: str
    prompt_set: str
    manifest_sha256: str
    system: str = "model"
    columns: Mapping[str, Sequence] = field(default_factory=dict)
    protocol: str = "linear_probe"
    dataset: str = ""
    published: Sequence[Mapping[str, str]] = ()

    def __post_init__(self) -> None:
        if self.task not in (MULTI_LABEL, REGRESSION):
            raise ValueError(f"`task` must be {MULTI_LABEL} or {REGRESSION}, got {self.task!r}.")
        check_clip_ids(self.clip_ids)
        check_columns(self.columns, len(self.clip_ids))
        for name, values in (("references", self.references), ("scores", self.scores)):
            expected = (len(self.clip_ids), len(self.class_names))
            if np.shape(values) != expected:
                raise ValueError(
                    f"`{name}` must have the shape (clips, outputs) = {expected}, got {np.shape(values)}."
                )
            check_finite(values, self.clip_ids, name)
        if self.task == MULTI_LABEL and not np.isin(self.references, (0, 1)).all():
            raise ValueError("`references` of several labels must be 0 and 1, got other numbers.")


@dataclass(frozen=True)
class RetrievalTable:
    """Clips with their own captions, both as embeddings.

    Args:
        clip_ids: One per row, none twice.
        references: Class of each clip as its position in `class_names`, `NO_CLASS` for none.
        video_embeds: float32 (clips, D).
        text_embeds: float32 (clips, D), the caption of the clip in the same row.
        class_names: The classes.
        model, revision, prompt_set, manifest_sha256, system, columns, protocol, dataset, published: As in `TargetTable`; the
            prompt set names the captions.
        ks: Lengths of the lists that a report looks into, ascending.

    Raises:
        ValueError: If sizes differ, a clip id occurs twice, or a number is not finite.
    """

    clip_ids: Sequence[str]
    references: Sequence[int]
    video_embeds: np.ndarray
    text_embeds: np.ndarray
    class_names: Sequence[str]
    model: str
    revision: str
    prompt_set: str
    manifest_sha256: str
    system: str = "model"
    columns: Mapping[str, Sequence] = field(default_factory=dict)
    protocol: str = RETRIEVAL
    dataset: str = ""
    published: Sequence[Mapping[str, str]] = ()
    ks: tuple[int, ...] = (1, 5, 10)

    def __post_init__(self) -> None:
        check_clip_ids(self.clip_ids)
        check_columns(self.columns, len(self.clip_ids))
        shapes = np.shape(self.video_embeds), np.shape(self.text_embeds)
        if shapes[0] != shapes[1] or shapes[0][0] != len(self.clip_ids) or len(self.references) != len(self.clip_ids):
            raise ValueError(
                f"Clips, captions and classes must be as many as the {len(self.clip_ids)} clip ids and of one width, got "
                f"{shapes[0]}, {shapes[1]} and {len(self.references)}."
            )
        check_finite(self.video_embeds, self.clip_ids, "video_embeds")
        check_finite(self.text_embeds, self.clip_ids, "text_embeds")

    def similarity(self) -> np.ndarray:
        """Cosines of every clip with every caption, float32 (clips, captions)."""
        return _unit(self.video_embeds) @ _unit(self.text_embeds).T


def write_target_predictions(table: TargetTable | RetrievalTable, path: str | Path) -> Path:
    """Writes a table as Parquet, whole or not at all, and returns the path.

    Raises:
        FileExistsError: If the file exists.
    """
    columns: dict[str, Any] = {"clip_id": pa.array(table.clip_ids, pa.string())}
    if isinstance(table, RetrievalTable):
        columns["reference"] = pa.array(table.references, pa.int64())
        columns["video_embeds"] = float_lists(table.video_embeds)
        columns["text_embeds"] = float_lists(table.text_embeds)
    else:
        columns["reference"], columns["scores"] = float_lists(table.references), float_lists(table.scores)
    columns.update({name: pa.array(values) for name, values in table.columns.items()})
    about = (
        {"task": RETRIEVAL, "ks": json.dumps(table.ks)} if isinstance(table, RetrievalTable) else {"task": table.task}
    )
    return write_arrow(pa.table(columns), table, path, **about)


def read_target_predictions(path: str | Path) -> TargetTable | RetrievalTable:
    """The checked table in a Parquet file.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is no such table, or a column, metadata or value is missing or wrong.
    """
    path = Path(path)
    arrow_table = read_arrow(path)
    metadata = table_metadata(arrow_table, path)
    task = metadata.get("task", "")
    if task not in TASKS:
        raise ValueError(f"{path}: `task` must be {', '.join(TASKS)} or, of one class a clip, left out, got {task!r}.")
    shared: dict[str, Any] = {
        name: metadata[name] for name in ("model", "revision", "prompt_set", "manifest_sha256") if name in metadata
    }
    shared["system"] = metadata.get("system", path.stem)
    shared.update({name: metadata[name] for name in ("protocol", "dataset") if name in metadata})
    others = [name for name in arrow_table.column_names if name not in _OWN_COLUMNS]
    shared["columns"] = {name: arrow_table[name].to_pylist() for name in others}
    try:
        shared["class_names"] = class_names = class_names_of(metadata)
        shared["published"] = json_list(metadata, "published", dict)
        shared["clip_ids"] = text_column(arrow_table, "clip_id")
        if task == RETRIEVAL:
            if "ks" in metadata:
                shared["ks"] = tuple(json_list(metadata, "ks", int))
            return _retrieval(arrow_table, shared)
        width = len(class_names)
        references, scores = (score_matrix(arrow_table, name, width) for name in ("reference", "scores"))
        return TargetTable(task=task, references=references, scores=scores, **shared)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _retrieval(arrow_table: pa.Table, shared: dict[str, Any]) -> RetrievalTable:
    return RetrievalTable(
        references=integer_column(arrow_table, "reference"),
        video_embeds=score_matrix(arrow_table, "video_embeds"),
        text_embeds=score_matrix(arrow_table, "text_embeds"),
        **shared,
    )


def _unit(embeds: np.ndarray) -> np.ndarray:
    return embeds / np.maximum(np.linalg.norm(embeds, axis=1, keepdims=True), np.finfo(np.float32).tiny)


__all__ = [
    "MULTI_LABEL",
    "NO_CLASS",
    "REGRESSION",
    "RETRIEVAL",
    "RetrievalTable",
    "TargetTable",
    "read_target_predictions",
    "write_target_predictions",
]
