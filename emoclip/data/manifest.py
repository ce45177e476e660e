# SPDX-License-Identifier: Apache-2.0
"""The manifest: one Parquet file that describes a data set, one row a clip, the contract between data sets and everything else.

Here are its columns, writing, reading and checking. Selecting rows for training is `emoclip.data.load`.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .output import replacing
from .parts import read_parts, write_parts


MANIFEST_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("path", pa.string()),  # relative to the folder of the manifest
        ("media", pa.string()),
        ("num_frames", pa.int64()),
        ("fps", pa.float64()),
        ("label", pa.int64()),  # index into class_names, null if the clip has no single label
        ("labels", pa.list_(pa.int64())),
        ("captions", pa.list_(pa.string())),
        ("subject_id", pa.string()),
        ("split", pa.string()),
        ("test_fold", pa.int64()),  # 1..k, null if the clip is in no fold
        (
            "boxes",
            pa.list_(pa.list_(pa.float32())),
        ),  # x1, y1, x2, y2 a frame in pixels, of several persons one after another
        ("sha256", pa.string()),
    ]
)
MANIFEST_COLUMNS = tuple(MANIFEST_SCHEMA.names)
MEDIA_KINDS = ("video", "frames", "image")
# Clips whose files are looked for when a manifest is read: all of a usual set, a sample of a very large one.
NUM_CHECKED = 20_000
# Clips of which ids and paths are held at once.
ROWS_PER_CHECK = 20_000
# What the checks hold of all clips; ids, paths, captions and boxes of a large set are left on disk.
_CHECKED_COLUMNS = ("media", "label", "labels", "split", "test_fold")
_METADATA_KEYS = ("class_names", "dataset", "licence", "source")


@dataclass(frozen=True)
class Manifest:
    """A manifest that was read and checked; `table` has at least `MANIFEST_COLUMNS`, unless only what the checks need was read."""

    path: Path
    table: pa.Table
    class_names: list[str]
    dataset: str
    licence: str
    source: str
    notes: tuple[str, ...] = ()

    @property
    def root(self) -> Path:
        """Folder that the `path` column is relative to."""
        return self.path.parent

    def column(self, name: str) -> pa.ChunkedArray:
        """A column; from disk where only what the checks need was read."""
        held = name in self.table.column_names
        return self.table[name] if held else pq.read_table(self.path, columns=[name], pre_buffer=False)[name]

    @property
    def missing(self) -> list[str]:
        """Ids of clips that the data set lists and that were not there when the manifest was written."""
        return json.loads((self.table.schema.metadata or {}).get(b"missing", b"[]"))


def write_manifest(
    path: str | Path,
    rows: list[dict[str, Any]],
    *,
    class_names: Sequence[str],
    dataset: str,
    licence: str,
    source: str,
    notes: Sequence[str] = (),
) -> None:
    """Write rows as a manifest; the file appears under its name only when complete, replacing an older one.

    Args:
        rows: one dictionary a clip; a missing column is null, further keys become further columns.
        class_names: in the order of the label ids.
        notes: what a user of results must know, such as clips shared with other data sets; evaluation shows them.

    Raises:
        ValueError: if a row lacks `clip_id`, `path`, `media` or `split`, an id occurs twice, or a label is no class id.
    """
    for row in rows:
        missing = [key for key in ("clip_id", "path", "media", "split") if row.get(key) is None]
        if missing:
            raise ValueError(
                f"Every manifest row needs `{missing[0]}`, the row of clip {row.get('clip_id')!r} has none."
            )
    write_manifest_table(
        path,
        build_table(rows),
        class_names=class_names,
        dataset=dataset,
        licence=licence,
        source=source,
        notes=notes,
    )


def write_manifest_table(
    path: str | Path,
    parts: pa.Table | Iterable[pa.Table],
    *,
    class_names: Sequence[str],
    dataset: str,
    licence: str,
    source: str,
    notes: Sequence[str] = (),
    missing: Sequence[str] = (),
) -> int:
    """Write a table that has the columns of a manifest and return its number of rows; otherwise as `write_manifest`.

    Args:
        path, class_names, dataset, licence, source, notes: As for `write_manifest`.
        parts: The table, or its parts, at least one and all with the same columns, of which few are held at a time.
        missing: Ids of clips that the data set lists and this copy of it has not, kept as JSON under `missing` in the metadata.

    Raises:
        ValueError: if an id occurs twice, a kind of media is unknown or a label is no class id.
    """
    path = Path(path)
    metadata = {"class_names": json.dumps(list(class_names)), "dataset": dataset, "licence": licence, "source": source}
    if notes:
        metadata["notes"] = json.dumps(list(notes))
    if missing:
        metadata["missing"] = json.dumps(list(missing))
    remaining = iter([parts] if isinstance(parts, pa.Table) else parts)
    first = next(remaining)
    path.parent.mkdir(parents=True, exist_ok=True)
    hashes: set[int] = set()
    with replacing(path) as temporary:
        checked = (_checked_part(part, list(class_names), path, hashes) for part in chain([first], remaining))
        count = write_parts(temporary, first.schema.with_metadata(metadata), checked)
        if len(hashes) < count:
            _check_ids(pq.read_table(temporary, columns=["clip_id"])["clip_id"], path)
    return count


def read_manifest(path: str | Path, *, check_media: bool = True, checked_only: bool = False) -> Manifest:
    """Read a manifest and check columns, metadata, ids and labels and, with `check_media`, that the clips are there.

    Args:
        path: The Parquet file.
        check_media: Look for the clips' files, of more than `NUM_CHECKED` clips for a sample.
        checked_only: Hold only the columns that the checks need, for tables of millions of rows.

    Raises:
        FileNotFoundError: if the manifest or a clip it names does not exist.
        ValueError: if it is no Parquet file, lacks a column or metadata, or has a wrong id, label or kind of media.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No manifest at {path}; render or convert a data set first, see data_scripts/.")
    try:
        present = pq.read_schema(path).names
        missing = [name for name in MANIFEST_COLUMNS if name not in present]
        if missing:
            raise ValueError(f"A manifest needs the column `{missing[0]}`, {path} has only {', '.join(present)}.")
        looked_for = _check_ids_and_paths(path)
        pa.default_memory_pool().release_unused()
        # Without reading ahead, which would hold the file's bytes beside the table.
        columns = list(_CHECKED_COLUMNS) if checked_only else None
        table = pq.read_table(path, columns=columns, pre_buffer=False, memory_map=True)
    except pa.ArrowInvalid as error:
        raise ValueError(f"A manifest must be a Parquet file, {path} is none or is damaged ({error}).") from error
    table = _checked_types(table, path)
    metadata = _read_metadata(table, path)
    class_names = _read_class_names(metadata["class_names"], path)
    _check_values(table, class_names, path, lambda row: _id_of(path, row))
    if check_media:
        _check_media(looked_for, table.num_rows, path)
    notes = tuple(json.loads(metadata.get("notes", "[]")))
    return Manifest(path, table, class_names, metadata["dataset"], metadata["licence"], metadata["source"], notes)


def fingerprint(path: str | Path) -> str:
    """SHA-256 of the manifest file in hexadecimal, to name the data a result was computed on."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No manifest at {path}; cannot take its fingerprint.")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Return rows as a table: the contract's columns with their types, then further ones, sorted, with inferred types."""
    extra = sorted({key for row in rows for key in row} - set(MANIFEST_COLUMNS))
    columns = {field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in MANIFEST_SCHEMA}
    return pa.table(columns | {name: pa.array([row.get(name) for row in rows]) for name in extra})


def _read_metadata(table: pa.Table, path: Path) -> dict[str, str]:
    metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    missing = [key for key in _METADATA_KEYS if key not in metadata]
    if missing:
        raise ValueError(
            f"A manifest needs `{missing[0]}` in its schema metadata, {path} has only {sorted(metadata)}."
        )
    return metadata


def _checked_types(table: pa.Table, path: Path) -> pa.Table:
    """The table with the contract's types where they differ harmlessly (int32 for int64); without nulls where none may be."""
    for wanted in MANIFEST_SCHEMA:
        position = table.schema.get_field_index(wanted.name)
        if position < 0:
            continue  # left on disk
        column = table.column(position)
        kinds_differ = pa.types.is_nested(column.type) != pa.types.is_nested(wanted.type) or (
            _is_text(column.type) != _is_text(wanted.type)
        )
        try:
            if kinds_differ and not pa.types.is_null(column.type):
                raise pa.ArrowInvalid(f"{column.type} is no {wanted.type}")
            table = table.set_column(
                position, table.schema.field(position).with_type(wanted.type), column.cast(wanted.type)
            )
        except pa.ArrowException as error:
            raise ValueError(
                f"The column `{wanted.name}` of a manifest must be of the type {wanted.type}, {path} has {column.type}; "
                "write it with emoclip.data.manifest.write_manifest."
            ) from error
    for name in {"clip_id", "path", "media"} & set(table.column_names):
        if table[name].null_count:
            raise ValueError(
                f"`{name}` must be given for every clip, {table[name].null_count} rows of {path} have none."
            )
    return table


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _read_class_names(text: str, path: Path) -> list[str]:
    try:
        names = json.loads(text)
    except json.JSONDecodeError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"The metadata `class_names` must be a JSON list of names, {path} has {text[:80]!r}.")
    return names


def _check_ids_and_paths(path: Path) -> list[str]:
    """Refuse ids that are not there, are no text or occur twice, and return the paths to look for, spread evenly over a large set.

    In parts, of which only the hashes of the ids are kept: for a million rows the texts themselves would be most of the memory.
    """
    count = pq.read_metadata(path).num_rows
    step = max(1, count // NUM_CHECKED)
    hashes = np.empty(count, np.int64)
    looked_for: list[str] = []
    begin = 0
    for part in read_parts(path, ["clip_id", "path"], rows=ROWS_PER_CHECK):
        texts = _checked_types(part, path)
        end = begin + len(texts)
        hashes[begin:end] = np.fromiter(map(hash, texts["clip_id"].to_numpy()), np.int64, len(texts))
        places = pa.array(range(-begin % step, len(texts), step), pa.int64())
        looked_for += texts["path"].take(places).to_pylist()
        begin = end
    hashes.sort()
    # Two ids may share a hash.
    if (hashes[1:] == hashes[:-1]).any():
        _check_ids(pq.read_table(path, columns=["clip_id"])["clip_id"], path)
    return looked_for


def _check_ids(ids: pa.ChunkedArray, path: Path) -> None:
    if pc.count_distinct(ids).as_py() < len(ids):
        counts = ids.value_counts()
        repeated = counts.filter(pc.greater(counts.field("counts"), 1))[0]["values"].as_py()
        raise ValueError(f"`clip_id` must be unique, {repeated!r} occurs twice in {path}.")


def _checked_part(table: pa.Table, class_names: list[str], path: Path, hashes: set[int]) -> pa.Table:
    """The part, its values checked and the hashes of its ids, which take less memory than ids, added."""
    _check_values(table, class_names, path, lambda row: table["clip_id"][row].as_py())
    hashes.update(map(hash, table["clip_id"].to_pylist()))
    return table


def _check_values(table: pa.Table, class_names: list[str], path: Path, id_of: Callable[[int], str]) -> None:
    """Known kinds of media, labels that are class ids; column by column, for a million rows take a second."""
    _refuse_first(
        table["media"],
        pc.invert(pc.is_in(table["media"], pa.array(MEDIA_KINDS))),
        lambda row, value: (
            f"`media` must be one of {', '.join(MEDIA_KINDS)}, clip {id_of(row)!r} of {path} has {value!r}."
        ),
    )
    highest = len(class_names) - 1

    def told(row: int, value: Any) -> str:
        return f"`label` must be a class id from 0 to {highest}, clip {id_of(row)!r} of {path} has {value}."

    _refuse_first(table["label"], _outside(table["label"], highest), told)
    several = table["labels"].combine_chunks()
    wrong = pc.indices_nonzero(_outside(several.flatten(), highest))
    if len(wrong):
        row = several.value_parent_indices()[wrong[0].as_py()].as_py()
        raise ValueError(told(row, several.flatten()[wrong[0].as_py()].as_py()))


def _outside(numbers: Any, highest: int) -> Any:
    """True where a number is given and is no class id."""
    outside = pc.or_(pc.less(numbers, 0), pc.greater(numbers, highest))
    return pc.fill_null(outside, False)


def _refuse_first(column: pa.ChunkedArray, wrong: Any, told: Callable[[int, Any], str]) -> None:
    rows = pc.indices_nonzero(wrong)
    if len(rows):
        row = rows[0].as_py()
        raise ValueError(told(row, column[row].as_py()))


def _id_of(path: Path, row: int) -> str:
    """Of a row of a manifest on disk."""
    return pq.read_table(path, columns=["clip_id"])["clip_id"][row].as_py()


def _check_media(looked_for: Sequence[str], count: int, path: Path) -> None:
    """The file (or folder of frames) of each of these paths exists; of a large set they are a sample, and the rest is told as it is used."""
    missing = [name for name in looked_for if not (path.parent / name).exists()]
    if missing:
        looked_at = "" if len(looked_for) == count else f" ({len(looked_for)} of them were looked for)"
        raise FileNotFoundError(
            f"{path} names {count} clips, {len(missing)} of which are not there{looked_at}, first {missing[0]!r}; "
            "restore the files or write the manifest again."
        )
