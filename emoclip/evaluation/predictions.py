# SPDX-License-Identifier: Apache-2.0
"""The prediction table: what a model said about each clip, the only thing that reports are computed from.

Parquet, one row a clip: `clip_id` (text), `reference` (true class, its position in `class_names`), `scores` (list of float32, in
the order of `class_names`). The schema's metadata hold `class_names` (JSON list), `model`, `revision`, `prompt_set` and
`manifest_sha256`, and here also `system`, the short name under which a report lists the model, `protocol`, under which it puts
tables side by side, and `dataset`, by which it finds published results. Further columns say what a clip belongs to: `fold`,
`subject_id`, `captions` (list of texts); every other column of texts is a subgroup, such as `gender`. Tables of other tasks are in
`emoclip.evaluation.target_predictions`.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


CLASSIFICATION = "classification"
ZERO_SHOT = "zero_shot"
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
        columns: Name -> one value per row, of what else is known of a clip: its `fold`, its `subject_id`.
        protocol: What was done; a report puts tables of one protocol side by side.
        dataset: Name of the data set as in its manifest.
        published: What published rows must have to be the counterpart of this table: field -> value, for each kind of row.

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
    columns: Mapping[str, Sequence] = field(default_factory=dict)
    protocol: str = ZERO_SHOT
    dataset: str = ""
    published: Sequence[Mapping[str, str]] = ()

    def __post_init__(self) -> None:
        _check_shape(self)
        check_columns(self.columns, len(self.clip_ids))
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
    columns = {
        "clip_id": pa.array(table.clip_ids, pa.string()),
        "reference": pa.array(table.references, pa.int64()),
        "scores": float_lists(table.scores),
        **{name: pa.array(values) for name, values in table.columns.items()},
    }
    return write_arrow(pa.table(columns), table, path)


def float_lists(matrix: np.ndarray) -> pa.Array:
    """The rows of a matrix (rows, width) as a column of lists of float32."""
    matrix = np.ascontiguousarray(matrix, dtype=np.float32)
    offsets = np.arange(0, matrix.size + 1, matrix.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(matrix.ravel()))


def _storage(schema: pa.Schema) -> dict[str, Any]:
    """How the columns are compressed: numbers of a list byte by byte, which is a third less, all else by its different values."""
    lists = [field.name for field in schema if pa.types.is_list(field.type)]
    floats = [f"{name}.list.element" for name in lists if pa.types.is_float32(schema.field(name).type.value_type)]
    others = [f"{f.name}.list.element" if f.name in lists else f.name for f in schema]
    dictionaries = [name for name in others if name not in floats]
    options = {"use_byte_stream_split": floats} if floats else {}
    return {"compression": "zstd", "compression_level": 9, "use_dictionary": dictionaries, **options}


def write_arrow(arrow_table: pa.Table, table: Any, path: str | Path, **metadata: str) -> Path:
    """Writes the columns of a table with its metadata, whole or not at all, and returns the path.

    Args:
        arrow_table: The columns.
        table: Has `class_names`, `model`, `revision`, `prompt_set`, `manifest_sha256`, `system`, `protocol`, `dataset` and
            `published`.
        path: The file to write.
        metadata: Further entries.

    Raises:
        FileExistsError: If the file exists.
    """
    path = Path(path)
    if path.exists():
        raise FileExistsError(
            f"The prediction table must not exist yet, got {path}; choose another name or delete it."
        )
    arrow_table = arrow_table.replace_schema_metadata(
        {
            "class_names": json.dumps(list(table.class_names), ensure_ascii=False),
            "model": table.model,
            "revision": table.revision,
            "prompt_set": table.prompt_set,
            "manifest_sha256": table.manifest_sha256,
            "system": table.system,
            "protocol": table.protocol,
            "dataset": table.dataset,
            **({"published": json.dumps(list(table.published))} if table.published else {}),
            **metadata,
        }
    )
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        pq.write_table(arrow_table, partial, **_storage(arrow_table.schema))
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
    arrow_table = read_arrow(path)
    metadata = table_metadata(arrow_table, path)
    if metadata.get("task", CLASSIFICATION) != CLASSIFICATION:
        raise ValueError(f"{path} is a table of {metadata['task']}, not of classification; see target_predictions.")
    try:
        class_names = class_names_of(metadata)
        return PredictionTable(
            clip_ids=text_column(arrow_table, "clip_id"),
            references=_ids(arrow_table, class_names),
            scores=score_matrix(arrow_table, "scores", len(class_names)),
            class_names=class_names,
            model=metadata["model"],
            revision=metadata["revision"],
            prompt_set=metadata["prompt_set"],
            manifest_sha256=metadata["manifest_sha256"],
            system=metadata.get("system", path.stem),
            columns={n: arrow_table[n].to_pylist() for n in arrow_table.column_names if n not in _COLUMNS},
            protocol=metadata.get("protocol", ZERO_SHOT),
            dataset=metadata.get("dataset", ""),
            published=json_list(metadata, "published", dict),
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_arrow(path: Path) -> pa.Table:
    """The columns of a prediction table of any task, unchecked.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is no Parquet file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"The prediction table must exist, got {path}; run evaluate.py to make one.")
    try:
        return pq.read_table(path)
    except PermissionError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise ValueError(
            f"A prediction table must be a Parquet file, got {path}; make it anew with evaluate.py."
        ) from error


def check_columns(columns: Mapping[str, Sequence], num_clips: int) -> None:
    """Checks that further columns have one value per clip and names of their own.

    Raises:
        ValueError: If one has not.
    """
    for name, values in columns.items():
        if name in _COLUMNS or len(values) != num_clips:
            raise ValueError(
                f"A further column must have {num_clips} values and a name that is none of {', '.join(_COLUMNS)}, got "
                f"{len(values)} values of `{name}`."
            )


def check_clip_ids(clip_ids: Sequence[str]) -> None:
    """Checks that every clip occurs once, and at least one does.

    Raises:
        ValueError: If one occurs twice, or none does.
    """
    if not clip_ids:
        raise ValueError("A prediction table must hold at least one clip, got 0.")
    seen: set[str] = set()
    for clip_id in clip_ids:
        if clip_id in seen:
            raise ValueError(f"Every clip must occur once, got {clip_id!r} twice; remove the repeated rows.")
        seen.add(clip_id)


def check_finite(values: np.ndarray, clip_ids: Sequence[str], name: str = "scores") -> None:
    """Checks that every number of a matrix (clips, width) is finite.

    Raises:
        ValueError: If one is not.
    """
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise ValueError(
            f"`{name}` must be finite numbers, got {np.asarray(values)[bad[0]].tolist()} "
            f"for the clip {clip_ids[bad[0]]!r}; the model's weights or its input are damaged."
        )


def _check_shape(table: PredictionTable) -> None:
    num_clips, num_classes = len(table.clip_ids), len(table.class_names)
    if num_classes < 2 or len(set(table.class_names)) != num_classes:
        raise ValueError(f"`class_names` must hold at least 2 different names, got {list(table.class_names)}.")
    if not num_clips:
        check_clip_ids(table.clip_ids)
    if len(table.references) != num_clips:
        raise ValueError(f"`references` must be as many as the {num_clips} clip ids, got {len(table.references)}.")
    if np.shape(table.scores) != (num_clips, num_classes):
        raise ValueError(
            f"`scores` must have the shape (clips, classes) = ({num_clips}, {num_classes}), got {np.shape(table.scores)}."
        )


def _check_rows(table: PredictionTable) -> None:
    check_clip_ids(table.clip_ids)
    check_finite(table.scores, table.clip_ids)
    outside = [reference for reference in table.references if not 0 <= reference < len(table.class_names)]
    if outside:
        raise ValueError(f"References must be ids from 0 to {len(table.class_names) - 1}, got {outside[0]}.")


def table_metadata(arrow_table: pa.Table, path: Path) -> dict[str, str]:
    """The metadata of a prediction table of any task.

    Raises:
        ValueError: If an entry is missing.
    """
    metadata = {key.decode(): value.decode() for key, value in (arrow_table.schema.metadata or {}).items()}
    for name in _REQUIRED_METADATA:
        if name not in metadata:
            present = ", ".join(sorted(metadata)) or "none"
            raise ValueError(f"{path}: the metadata of a prediction table must hold `{name}`; got {present}.")
    return metadata


def class_names_of(metadata: Mapping[str, str]) -> list[str]:
    """The names of the classes or outputs in the metadata of a table.

    Raises:
        ValueError: If they are no JSON list of texts.
    """
    return json_list(metadata, "class_names", str)


def json_list(metadata: Mapping[str, str], name: str, kind: type) -> list[Any]:
    """An entry of the metadata that is a JSON list of values of a kind; empty where there is none.

    Raises:
        ValueError: If it is something else.
    """
    try:
        values = json.loads(metadata.get(name, "[]"))
    except json.JSONDecodeError:
        values = None
    if not isinstance(values, list) or not all(isinstance(value, kind) for value in values):
        said = {str: "texts", int: "whole numbers", dict: "objects"}[kind]
        raise ValueError(f"The metadata `{name}` must be a JSON list of {said}, got {metadata[name][:60]!r}.")
    return values


def text_column(arrow_table: pa.Table, name: str) -> list[str]:
    """The texts of a column that every row must have.

    Raises:
        ValueError: If it is missing, holds something else, or a value is missing.
    """
    column = _filled(arrow_table, name)
    if not _is_text(column.type):
        raise ValueError(f"The column `{name}` must hold texts, got {column.type}.")
    return column.to_pylist()


def integer_column(arrow_table: pa.Table, name: str) -> list[int]:
    """The whole numbers of a column that every row must have; numbers such as 1.0 are none, because others would be cut.

    Raises:
        ValueError: If it is missing, holds something else, or a value is missing.
    """
    column = _filled(arrow_table, name)
    if not pa.types.is_integer(column.type):
        raise ValueError(f"The column `{name}` must hold class ids (whole numbers), got {column.type}.")
    return column.to_pylist()


def score_matrix(arrow_table: pa.Table, name: str, width: int | None = None) -> np.ndarray:
    """A column of lists as float32 (rows, width); without `width` that of the first row.

    Raises:
        ValueError: If it is missing, holds no lists of numbers, or a row has another number of values.
    """
    column = _filled(arrow_table, name).combine_chunks()
    if not _is_numbers(column.type):
        raise ValueError(f"The column `{name}` must hold lists of numbers, got {column.type}.")
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    if width is None:
        width = int(lengths[0]) if len(lengths) else 0
    wrong = np.flatnonzero(lengths != width)
    if len(wrong):
        row = wrong[0]
        raise ValueError(f"Every row of `{name}` must hold {width} numbers, got {lengths[row]} in row {row}.")
    # A score that is null becomes NaN here and is refused with the others.
    values = column.flatten().cast(pa.float32()).to_numpy(zero_copy_only=False)
    return values.astype(np.float32, copy=False).reshape(len(lengths), width)


def _filled(arrow_table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in arrow_table.column_names:
        raise ValueError(f"A prediction table must have the columns {', '.join(_COLUMNS)}; `{name}` is missing.")
    column = arrow_table.column(name)
    if column.null_count:
        raise ValueError(f"The column `{name}` must have a value in every row, got {column.null_count} empty ones.")
    return column


def _is_text(kind: pa.DataType) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(value) or pa.types.is_large_string(value)


def _is_numbers(kind: pa.DataType) -> bool:
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return False
    return pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)


def _ids(arrow_table: pa.Table, class_names: list[str]) -> list[int]:
    """References as positions in `class_names`; other tools write names."""
    if not _is_text(_filled(arrow_table, "reference").type):
        return integer_column(arrow_table, "reference")
    references = text_column(arrow_table, "reference")
    unknown = sorted(set(references) - set(class_names))
    if unknown:
        raise ValueError(f"Every reference must be one of {', '.join(class_names)}; got {unknown[0]!r}.")
    return [class_names.index(reference) for reference in references]
