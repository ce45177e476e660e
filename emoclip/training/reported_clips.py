# SPDX-License-Identifier: Apache-2.0
"""Which clips results are reported on: weights that were selected on them are not tested by them any more."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip.data.readers import READERS
from emoclip.data.source import source_terms
from emoclip.training.config import DataConfig


if TYPE_CHECKING:
    import datasets


def num_reported(data: DataConfig, rows: "datasets.Dataset", source: str | Path) -> int:
    """How many rows are kept for the test of a model that is trained on `data`.

    These are the fold and the person that training leaves out, else the split that is reported of the rows' data set.

    Args:
        data: what is trained on.
        rows: that weights would be selected on.
        source: of the rows.
    """
    dataset = source_terms(source).dataset
    # Folds and persons of another data set have the same numbers and mean others.
    is_same = dataset == source_terms(data.manifest).dataset
    if is_same and data.fold is not None:
        kept = [fold == data.fold for fold in _column(rows, "test_fold")]
    else:
        split = reported_split(dataset)
        kept = [name == split for name in _column(rows, "split")]
    if is_same and data.left_out_subject is not None:
        persons = _column(rows, "subject_id")
        kept = [one or person == data.left_out_subject for one, person in zip(kept, persons, strict=True)]
    return sum(kept)


def reported_split(dataset: str) -> str:
    """The split that results on a data set are reported on; `test` where its reader says no other."""
    reader = READERS.get(dataset.partition("/")[0])
    return "test" if reader is None else reader.test_split


def _column(rows: "datasets.Dataset", name: str) -> list[Any]:
    """Of a stranger's data set on the Hub, which has not every column, nothing for each row."""
    return list(rows[name]) if name in rows.column_names else [None] * len(rows)


__all__ = ["num_reported", "reported_split"]
