# SPDX-License-Identifier: Apache-2.0
"""The prediction table: what a model said about each clip, the only thing that reports are computed from.

Parquet, one row a clip: `clip_id` (text), `reference` (true class, its position in `class_names`), `scores` (list of float32, in
the order of `class_names`). The schema's metadata hold `class_names` (JSON list), `model`, `revision`, `prompt_set` and
`manifest_sha256`, and here also `system`, the short name under which a report lists the model.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


_COLUMNS = ("clip_id", "reference", "scores")
_REQUIRED_METADATA = ("class_names", "model", "revision", "prompt_set", "manifest_sha256")


@dataclass(frozen=True)
class PredictionTable:
    """Scores of one model with one prompt set on the clips of one manifest.

    Args:
        clip_ids: One per row, none twice.
        references: True class of each row, as its position in `class_names`.
        scores: float32, (clips, classes), higher is likelier; softmax probabilities here, but any finite scores will do.
        class_names: The classes in the order of the scores.
        model: Folder or Hub id.
        revision: What fixes the weights: a commit of the Hub, a checksum, or the seed of an untrained model.
        prompt_set: Name of the texts that stood for the classes.
        manifest_sha256: Checksum of the manifest.
        system: Short name for tables.

    Raises:
        ValueError: If sizes differ, a clip id occurs twice, a score is not finite or a reference is not a class.
    """

    clip_ids: Sequence[str]
    references: Sequence[int]
    scores: np.ndarray
    class_names: Sequence[str]
    model: str
    revision: str
    prompt_set: str
    manifest_sha256: str
    system: str = "model"

    def __post_init__(self) -> None:
        _check_shape(self)
        _check_rows(self)

    @property
    def predictions(self) -> list[int]:
        """Position of the highest score of each row, the first of them on a tie."""
        return np.asarray(self.scores).argmax(axis=1).tolist()


def write_predictions(table: PredictionTable, path: str | Path) -> Path:
    """Writes a prediction table as Parquet, whole or not at all, and returns the path.

    Raises:
        FileExistsError: If the file exists.
    """
    path = Path(path)
    if path.exists():
        raise FileExistsError(
            f"The prediction table must not exist yet, got {path}; choose another name or delete it."
        )
    arrow_table = pa.table(
        {
            "clip_id": pa.array(table.clip_ids, pa.string()),
            "reference": pa.array(table.references, pa.int64()),
            "scores": pa.array(np.asarray(table.scores, dtype=np.float32).tolist(), pa.list_(pa.float32())),
        }
    ).replace_schema_metadata(
        {
            "class_names": json.dumps(list(table.class_names), ensure_ascii=False),
            "model": table.model,
            "revision": table.revision,
            "prompt_set": table.prompt_set,
            "manifest_sha256": table.manifest_sha256,
            "system": table.system,
        }
    )
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        pq.write_table(arrow_table, partial)
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def read_predictions(path: str | Path) -> PredictionTable:
    """The checked prediction table in a Parquet file; references may be ids or names there.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is no Parquet file, or a column, metadata or value is missing or wrong.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"The prediction table must exist, got {path}; run evaluate.py to make one.")
    try:
        arrow_table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"A prediction table must be a Parquet file, got {path}; make it anew with evaluate.py."
        ) from error
    metadata = _metadata(arrow_table, path)
    class_names = json.loads(metadata["class_names"])
    try:
        return PredictionTable(
            clip_ids=_column(arrow_table, "clip_id"),
            references=_ids(_column(arrow_table, "reference"), class_names),
            scores=_score_matrix(_column(arrow_table, "scores"), len(class_names)),
            class_names=class_names,
            model=metadata["model"],
            revision=metadata["revision"],
            prompt_set=metadata["prompt_set"],
            manifest_sha256=metadata["manifest_sha256"],
            system=metadata.get("system", path.stem),
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _check_shape(table: PredictionTable) -> None:
    num_clips, num_classes = len(table.clip_ids), len(table.class_names)
    if num_classes < 2 or len(set(table.class_names)) != num_classes:
        raise ValueError(f"`class_names` must hold at least 2 different names, got {list(table.class_names)}.")
    if not num_clips:
        raise ValueError("A prediction table must hold at least one clip, got 0.")
    if len(table.references) != num_clips:
        raise ValueError(f"`references` must be as many as the {num_clips} clip ids, got {len(table.references)}.")
    if np.shape(table.scores) != (num_clips, num_classes):
        raise ValueError(
            f"`scores` must have the shape (clips, classes) = ({num_clips}, {num_classes}), got {np.shape(table.scores)}."
        )


def _check_rows(table: PredictionTable) -> None:
    seen: set[str] = set()
    for clip_id in table.clip_ids:
        if clip_id in seen:
            raise ValueError(f"Every clip must occur once, got {clip_id!r} twice; remove the repeated rows.")
        seen.add(clip_id)
    bad = np.flatnonzero(~np.isfinite(table.scores).all(axis=1))
    if len(bad):
        raise ValueError(
            f"`scores` must be finite numbers, got {np.asarray(table.scores)[bad[0]].tolist()} "
            f"for the clip {table.clip_ids[bad[0]]!r}; the model's weights or its input are damaged."
        )
    outside = [reference for reference in table.references if not 0 <= reference < len(table.class_names)]
    if outside:
        raise ValueError(f"References must be ids from 0 to {len(table.class_names) - 1}, got {outside[0]}.")


def _metadata(arrow_table: pa.Table, path: Path) -> dict[str, str]:
    metadata = {key.decode(): value.decode() for key, value in (arrow_table.schema.metadata or {}).items()}
    for name in _REQUIRED_METADATA:
        if name not in metadata:
            present = ", ".join(sorted(metadata)) or "none"
            raise ValueError(f"{path}: the metadata of a prediction table must hold `{name}`; got {present}.")
    return metadata


def _column(arrow_table: pa.Table, name: str) -> list:
    if name not in arrow_table.column_names:
        raise ValueError(f"A prediction table must have the columns {', '.join(_COLUMNS)}; `{name}` is missing.")
    column = arrow_table.column(name)
    if column.null_count:
        raise ValueError(f"The column `{name}` must have a value in every row, got {column.null_count} empty ones.")
    return column.to_pylist()


def _ids(references: list, class_names: list[str]) -> list[int]:
    """References as positions in `class_names`; other tools write names."""
    if not all(isinstance(reference, str) for reference in references):
        return references
    unknown = sorted(set(references) - set(class_names))
    if unknown:
        raise ValueError(f"Every reference must be one of {', '.join(class_names)}; got {unknown[0]!r}.")
    return [class_names.index(reference) for reference in references]


def _score_matrix(scores: list[list[float]], num_classes: int) -> np.ndarray:
    for row, values in enumerate(scores):
        if len(values) != num_classes:
            raise ValueError(f"Every row of `scores` must hold {num_classes} numbers, got {len(values)} in row {row}.")
    # A score that is null becomes NaN here and is refused with the others.
    return np.array(scores, dtype=np.float32).reshape(len(scores), num_classes)
