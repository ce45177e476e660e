# SPDX-License-Identifier: Apache-2.0
"""The clips of a manifest as row numbers: which are judged, which are fitted on, in which fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from emoclip.data import load
from emoclip.data.manifest import fingerprint, read_manifest
from emoclip.data.selection import check_arguments, check_selection, needed_columns, selected
from emoclip.evaluation.config import ClipsConfig


# What is known of a clip beyond its class and goes into prediction tables where a manifest has it.
ABOUT_COLUMNS = ("subject_id", "captions", "gender", "age", "ethnicity")


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
    """A manifest opened for evaluation.

    Args:
        path: The manifest.

    Raises:
        FileNotFoundError: If the manifest or a clip does not exist.
        ValueError: If the manifest is malformed.
    """

    def __init__(self, path: Path):
        self.manifest = read_manifest(path, check_media=False, checked_only=True)
        self.rows = load(path)
        self.path = path
        self.sha256 = fingerprint(path)
        self._columns: dict[str, list] = {}

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
            self._columns[name] = self.rows[name][:]
        return self._columns[name]

    def select(self, split: str | None, fold: int | None = None) -> np.ndarray:
        """Row numbers of a split, or of one side of a fold.

        Raises:
            ValueError: If there is no such split or fold.
        """
        check_arguments(split, fold, None)
        columns = needed_columns(split, fold, None)
        if not columns:
            return np.arange(len(self.rows))
        table = pq.read_table(self.path, columns=columns)
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

    def about(self, numbers: Sequence[int]) -> dict[str, list]:
        """Column -> the values of these rows, for those of `ABOUT_COLUMNS` that the manifest fills."""
        names = [name for name in ABOUT_COLUMNS if name in self.rows.column_names]
        columns = {name: [self.column(name)[number] for number in numbers] for name in names}
        return {name: values for name, values in columns.items() if any(value not in (None, []) for value in values)}

    def _train_of(self, fold: int) -> np.ndarray:
        return self.select("train", fold) if len(self.fold_numbers()) > 1 else np.empty(0, np.int64)

    def _split_or_nothing(self, split: str | None) -> np.ndarray:
        if split is None or split not in _splits(self.path):
            return np.empty(0, np.int64)
        return self.select(split)


@lru_cache(maxsize=4)
def _splits(path: Path) -> frozenset[Any]:
    return frozenset(pq.read_table(path, columns=["split"])["split"].unique().to_pylist())


__all__ = ["ABOUT_COLUMNS", "ClipRows", "Fold"]
