# SPDX-License-Identifier: Apache-2.0
"""The clips of a data set as row numbers: which are judged, which are fitted on, in which fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoclip.data import load
from emoclip.data.selection import check_arguments, check_selection, needed_columns, selected
from emoclip.data.source import describe_source
from emoclip.evaluation.config import ClipsConfig
from emoclip.evaluation.subgroups import AGE, subgroup_names


if TYPE_CHECKING:
    from datasets import Dataset


# What is known of a clip beyond its class and goes into prediction tables where a manifest has it.
ABOUT_COLUMNS = ("subject_id", "captions", "gender", "age", "ethnicity")
# The Hub's data sets write it for clips without a class.
UNLABELLED = -1


@dataclass(frozen=True)
class Fold:
    """Rows that are judged together, and the rows that may be fitted on for them.

    Args:
        number: Of the test fold; None where there is a fixed split.
        test: Row numbers, int64.
        train: Row numbers, int64; empty where nothing is to be fitted on.
    """

    number: int | None
    test: np.ndarray
    train: np.ndarray


class ClipRows:
    """A data set opened for evaluation.

    Args:
        source: A manifest, a folder of shards, or the id of a data set on the Hub; see `emoclip.data.load`.
        revision: Of the data set on the Hub.
        subgroups: Columns whose values are subgroups besides `ABOUT_COLUMNS`.

    Attributes:
        about: What is known of the data set as a whole.
        rows: Of all splits, undecoded.

    Raises:
        FileNotFoundError: If the source or a clip does not exist.
        ValueError: If the source is malformed, a clip has no id, two have one, or a column of subgroups is missing or is none.
    """

    def __init__(self, source: str | Path, revision: str | None = None, subgroups: Sequence[str] = ()):
        self.path = Path(source)
        self.rows = load(self.path.as_posix(), revision=revision)
        self.about = describe_source(self.path, self.rows, revision)
        self._columns: dict[str, list] = {}
        self._groups = {name: subgroup_names(name, self.column(name)) for name in subgroups}
        names = list(self.about.class_names)
        if len(set(names)) < len(names):
            repeated = next(name for place, name in enumerate(names) if name in names[:place])
            raise ValueError(f"`class_names` must be different names, {repeated!r} occurs twice in {self.path}.")
        _check_rows(self.rows, self.path, len(names))
        if AGE not in self._groups and AGE in self.rows.column_names:
            ages = self.column(AGE)
            if len({value // 10 for value in ages if isinstance(value, int | float)}) > 1:
                self._groups[AGE] = subgroup_names(AGE, ages)

    def column(self, name: str) -> list:
        """Every value of a column.

        Raises:
            ValueError: If the manifest lacks it.
        """
        if name not in self.rows.column_names:
            raise ValueError(
                f"This protocol needs the column `{name}`, {self.path} has only {', '.join(self.rows.column_names)}."
            )
        if name not in self._columns:
            values = self.rows[name][:]
            self._columns[name] = [None if v == UNLABELLED else v for v in values] if name == "label" else values
        return self._columns[name]

    @property
    def labels(self) -> list[int | None]:
        """Class of every row, None where there is none; sets of captions or of numbers alone may lack the column."""
        return self.column("label") if "label" in self.rows.column_names else [None] * len(self.rows)

    def select(self, split: str | None, fold: int | None = None) -> np.ndarray:
        """Row numbers of a split, or of one side of a fold.

        Raises:
            ValueError: If there is no such split or fold.
        """
        check_arguments(split, fold, None)
        columns = needed_columns(split, fold, None)
        if not columns:
            return np.arange(len(self.rows))
        absent = [name for name in columns if name not in self.rows.column_names]
        if absent:
            remedy = "data.split=null for all clips" if fold is None else "data.fold=null"
            raise ValueError(
                f"Clips are chosen by the column `{absent[0]}`, {self.path} has only {', '.join(self.rows.column_names)}; "
                f"set {remedy}."
            )
        # Whole columns: nothing has been selected from what was opened.
        table = self.rows.data.table.select(columns)
        mask = selected(table, split, fold, None)
        check_selection(table, str(self.path), split, fold, None, mask)
        return pc.indices_nonzero(mask).to_numpy().astype(np.int64)

    def folds(self, config: ClipsConfig) -> list[Fold]:
        """The folds that a configuration asks for, one where there is a fixed split.

        Raises:
            ValueError: If there is no such split or fold.
        """
        if config.fold is None:
            train = self._split_or_nothing(config.train_split)
            return [Fold(None, self.select(config.split), train)]
        numbers = self.fold_numbers() if config.fold == "all" else [config.fold]
        return [Fold(number, self.select("test", number), self._train_of(number)) for number in numbers]

    def fold_numbers(self) -> list[int]:
        """Numbers of the test folds.

        Raises:
            ValueError: If no clip is in one.
        """
        numbers = sorted({number for number in self.column("test_fold") if number is not None})
        if not numbers:
            raise ValueError(f"`data.fold` needs clips with a `test_fold`, {self.path} has none; set data.fold=null.")
        return numbers

    def with_value(self, numbers: np.ndarray, name: str) -> np.ndarray:
        """Those of the rows that have a value in a column: not null, no empty list."""
        values = self.column(name)
        return np.array([n for n in numbers.tolist() if values[n] is not None and values[n] != []], dtype=np.int64)

    def known(self, numbers: Sequence[int]) -> dict[str, list]:
        """Column -> the values of these rows, for those of `ABOUT_COLUMNS` that the manifest fills, and the subgroups."""
        names = [name for name in ABOUT_COLUMNS if name in self.rows.column_names]
        whole = {name: self.column(name) for name in names} | self._groups
        columns = {name: [values[number] for number in numbers] for name, values in whole.items()}
        return {name: values for name, values in columns.items() if any(value not in (None, []) for value in values)}

    def _train_of(self, fold: int) -> np.ndarray:
        return self.select("train", fold) if len(self.fold_numbers()) > 1 else np.empty(0, np.int64)

    def _split_or_nothing(self, split: str | None) -> np.ndarray:
        if split is None or "split" not in self.rows.column_names or split not in self.rows.unique("split"):
            return np.empty(0, np.int64)
        return self.select(split)


def _check_rows(rows: Dataset, path: Path, num_classes: int) -> None:
    """What a manifest promises and other sources must keep as well: every clip has an id of its own, labels are class ids."""
    if "clip_id" not in rows.column_names:
        raise ValueError(
            f"Every clip needs a `clip_id`, {path} has only the columns {', '.join(rows.column_names)}; make a manifest of it: "
            f"emoclip data prepare --dataset hub --root {path} --output data/{path.name}.parquet."
        )
    ids = rows.data.column("clip_id")
    if pc.count_distinct(ids, mode="all").as_py() < len(ids) or ids.null_count:
        counts = ids.value_counts()
        repeated = counts.filter(pc.or_(pc.greater(counts.field("counts"), 1), pc.is_null(counts.field("values"))))
        raise ValueError(f"`clip_id` must be unique, {repeated[0]['values'].as_py()!r} occurs twice in {path}.")
    if "label" not in rows.column_names:
        return
    labels = rows.data.column("label").unique().drop_null()
    if len(labels) and not pa.types.is_integer(labels.type):
        raise ValueError(f"`label` must hold class ids, {path} has {labels.type}; cast it to datasets.ClassLabel.")
    wrong = [label for label in labels.to_pylist() if label != UNLABELLED and not 0 <= label < num_classes]
    if wrong:
        raise ValueError(f"`label` must be a class id from 0 to {num_classes - 1}, {path} has {wrong[0]}.")


__all__ = ["ABOUT_COLUMNS", "ClipRows", "Fold"]
