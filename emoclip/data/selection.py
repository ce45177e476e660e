# SPDX-License-Identifier: Apache-2.0
"""Which rows belong to a split, a fold and a task: one rule for manifests, shards and streams."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .manifest import MANIFEST_SCHEMA


# Task -> the column that a row must have to fit it.
TASKS = {"captions": "captions", "classification": "label", "multi_label": "labels", "regression": "targets"}


def check_arguments(split: str | None, fold: int | None, task: str | None) -> None:
    """Refuse what no data set can have.

    Raises:
        ValueError: An unknown task, or a split that means nothing beside a fold.
    """
    if task is not None and task not in TASKS:
        raise ValueError(f"`task` must be one of {', '.join(TASKS)} or None, got {task!r}.")
    if fold is not None and split not in (None, "train", "test"):
        raise ValueError(f"With `fold`, `split` must be train, test or None, got {split!r}.")


def selected(table: pa.Table, split: str | None, fold: int | None, task: str | None) -> pa.ChunkedArray | pa.Array:
    """True for every row that belongs to a split, or to a side of a fold, and that fits a task.

    Args:
        table: With the columns `needed_columns` that are there.
        split, fold, task: As for `emoclip.data.load`.
    """
    mask: pa.ChunkedArray | pa.Array = pa.chunked_array(
        [pa.array([True]).take(pa.array([0] * len(table), pa.int64()))]
    )
    if fold is not None:
        folds = table["test_fold"]
        # Rows in no fold are neither equal nor unequal to one.
        inside = pc.not_equal(folds, fold) if split == "train" else pc.equal(folds, fold)
        mask = pc.fill_null(inside, False)
    elif split is not None:
        mask = pc.fill_null(pc.equal(table["split"], split), False)
    if task is not None:
        mask = pc.and_(mask, _has(table, TASKS[task]))
    return mask


def needed_columns(split: str | None, fold: int | None, task: str | None) -> list[str]:
    """Return the columns that a selection looks at."""
    place = [] if split is None and fold is None else ["split"] if fold is None else ["test_fold"]
    return [*place, *([TASKS[task]] if task else [])]


def check_selection(
    table: pa.Table, name: str, split: str | None, fold: int | None, task: str | None, mask: pa.Array
) -> None:
    """Refuse a selection without rows, and say what there is.

    Raises:
        ValueError: There is no such split or fold, or none of its rows fits the task.
    """
    # Before the rows: without a fold of this number all others are its training side.
    if fold is not None and not pc.any(pc.equal(table["test_fold"], fold)).as_py():
        present = ", ".join(map(str, sorted(table["test_fold"].unique().drop_null().to_pylist()))) or "no folds"
        raise ValueError(f"No fold {fold} in {name}; it has {present}.")
    if pc.any(mask).as_py():
        return
    if fold is None and split is not None and split not in table["split"].unique().to_pylist():
        present = ", ".join(sorted(table["split"].unique().drop_null().to_pylist())) or "no rows"
        raise ValueError(f"No split {split!r} in {name}; it has {present}.")
    if task is not None:
        raise ValueError(f"For the task {task} a row must have `{TASKS[task]}`, none of those chosen in {name} has.")


def row_filter(split: str | None, fold: int | None, task: str | None) -> partial:
    """The same rule as a function of the columns `needed_columns` of one row, which workers can be sent."""
    return partial(_keeps, split=split, fold=fold, task=task)


def _keeps(*values: Any, split: str | None, fold: int | None, task: str | None) -> bool:
    # With the types of a manifest: what is null has none of its own.
    columns = {
        name: pa.array([value], _type_of(name))
        for name, value in zip(needed_columns(split, fold, task), values, strict=True)
    }
    return bool(selected(pa.table(columns), split, fold, task)[0].as_py())


def _type_of(name: str) -> pa.DataType | None:
    return MANIFEST_SCHEMA.field(name).type if name in MANIFEST_SCHEMA.names else None


def _has(table: pa.Table, name: str) -> pa.ChunkedArray | pa.Array:
    if name not in table.column_names:
        return pa.array([False] * len(table))
    column = table[name]
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return pc.fill_null(pc.greater(pc.list_value_length(column), 0), False)
    return pc.is_valid(column)


__all__ = ["TASKS", "check_arguments", "check_selection", "needed_columns", "row_filter", "selected"]
