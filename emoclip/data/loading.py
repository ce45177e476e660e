# SPDX-License-Identifier: Apache-2.0
"""Rows of a manifest, a set of shards or a data set on the Hub, for one split or one fold; media stay encoded until a worker decodes them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .manifest import Manifest, read_manifest
from .mapped_rows import open_manifest
from .selection import check_arguments, check_selection, needed_columns, row_filter, selected
from .tables import open_hub, open_shards


if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset


# Parts that a streamed manifest is cut into, so that as many workers and processes can share it.
STREAM_PARTS = 64


@overload
def load(
    source: str | Path,
    split: str | None = None,
    fold: int | None = None,
    task: str | None = None,
    *,
    streaming: Literal[False] = False,
    revision: str | None = None,
    check_media: bool = True,
) -> Dataset: ...


@overload
def load(
    source: str | Path,
    split: str | None = None,
    fold: int | None = None,
    task: str | None = None,
    *,
    streaming: Literal[True],
    revision: str | None = None,
    check_media: bool = True,
) -> IterableDataset: ...


def load(
    source: str | Path,
    split: str | None = None,
    fold: int | None = None,
    task: str | None = None,
    *,
    streaming: bool = False,
    revision: str | None = None,
    check_media: bool = True,
) -> Dataset | IterableDataset:
    """The rows of a data set, in its order, undecoded; `ClipDataset` and `ClipStream` make model inputs of them in the worker.

    Args:
        source: a manifest (`.parquet`), a folder of shards (`data_scripts/shard.py`), or the id of a data set on the Hub,
            `user/name`.
        split: value of the `split` column; `None` takes all rows.
        fold: cross-validation instead of the fixed split: with `split="train"` the rows of all other folds, with `split="test"` or
            `None` those of this fold. Rows in no fold are left out.
        task: leave only rows that fit it: `captions` (with a caption), `classification` (one label), `multi_label` (labels),
            `regression` (targets); `None` leaves all.
        streaming: an `IterableDataset`, which reads shards as they are needed; else a `Dataset`, which has random access and copies
            shards once into the cache of `datasets`.
        revision: of the data set on the Hub: a branch, a tag or, what is safest, a commit.
        check_media: look for the files of a manifest first.

    Raises:
        FileNotFoundError: if the source or a clip is not there.
        ValueError: if the source is malformed or has no such split, fold or rows.
    """
    check_arguments(split, fold, task)
    path = Path(source)
    if path.is_file() or path.suffix == ".parquet":
        return _from_manifest(path, split, fold, task, streaming, check_media)
    if path.is_dir() and (path / "manifest.parquet").is_file():
        return _from_manifest(path / "manifest.parquet", split, fold, task, streaming, check_media)
    if path.is_dir():
        rows = open_shards(path, None if fold else split, streaming=streaming)
    elif re.fullmatch(r"[\w.-]+/[\w.-]+", str(source)):
        rows = open_hub(str(source), None if fold else split, revision, streaming=streaming)
    else:
        raise FileNotFoundError(
            f"A data set must be a manifest, a folder of shards or an id on the Hub such as user/name, got {source}."
        )
    return _filtered(rows, str(source), split, fold, task)


def _from_manifest(
    path: Path, split: str | None, fold: int | None, task: str | None, streaming: bool, check_media: bool
) -> Dataset | IterableDataset:
    manifest = read_manifest(path, check_media=check_media, checked_only=True)
    indices = _indices(manifest, split, fold, task)
    # What was read for the checks goes before `datasets` maps its own table, so that not both are held.
    del manifest
    rows = open_manifest(path)
    rows = rows if indices is None else rows.select(indices)
    return rows.to_iterable_dataset(num_shards=min(STREAM_PARTS, len(rows))) if streaming else rows


def _indices(manifest: Manifest, split: str | None, fold: int | None, task: str | None) -> np.ndarray | None:
    columns = needed_columns(split, fold, task)
    if not columns:
        return None
    absent = [name for name in columns if name not in manifest.table.column_names]
    table = manifest.table
    for name in set(absent) & set(pq.read_schema(manifest.path).names):
        # Captions and targets are left on disk by the checks.
        table = table.append_column(name, manifest.column(name))
    mask = selected(table, split, fold, task)
    check_selection(table, str(manifest.path), split, fold, task, mask)
    return pc.indices_nonzero(mask).to_numpy().astype(np.int64)


def _filtered(
    rows: Dataset | IterableDataset, name: str, split: str | None, fold: int | None, task: str | None
) -> Dataset | IterableDataset:
    """Rows of shards or of the Hub, whose split was chosen by file if at all."""
    from datasets import Dataset

    split = split if fold is not None else None
    columns = needed_columns(split, fold, task)
    if not columns:
        return rows
    absent = [column for column in columns if column not in (rows.column_names or columns)]
    if absent:
        raise ValueError(
            f"This choice needs the column `{absent[0]}`, {name} has only {', '.join(rows.column_names)}."
        )
    if not isinstance(rows, Dataset):
        return rows.filter(row_filter(split, fold, task), input_columns=columns)
    table = rows.data.table.select(columns)
    mask = selected(table, split, fold, task)
    check_selection(table, name, split, fold, task, mask)
    return rows.select(pc.indices_nonzero(mask).to_numpy().astype(np.int64))


__all__ = ["load"]
