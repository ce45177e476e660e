# SPDX-License-Identifier: Apache-2.0
"""Rows that wait on disk."""

from pathlib import Path

import pyarrow as pa
import pytest

from emoclip.data import row_spool
from emoclip.data.manifest import MANIFEST_COLUMNS
from emoclip.data.row_spool import RowSpool


def test_columns_that_come_late_are_columns_of_all_rows(tmp_path: Path, monkeypatch) -> None:
    """A column that the first thousand rows lack, or a number that is whole in them, must not be lost or refused."""
    monkeypatch.setattr(row_spool, "ROWS_PER_PART", 2)
    rows = [{"clip_id": f"c{number}"} for number in range(5)]
    rows[1] |= {"score": 3, "age": None}
    rows[3] |= {"score": 0.5, "targets": [1.5]}
    with RowSpool(tmp_path) as spool:
        for row in rows:
            spool.add(row)
        assert len(spool) == 5
        for _ in range(2):
            parts = list(spool.parts())
            assert [part.num_rows for part in parts] == [2, 2, 1]
            assert len({str(part.schema) for part in parts}) == 1
            table = pa.concat_tables(parts)
            assert set(table.column_names) == {*MANIFEST_COLUMNS, "score", "age", "targets"}
            assert table["clip_id"].to_pylist() == ["c0", "c1", "c2", "c3", "c4"]
            assert table["score"].to_pylist() == [None, 3.0, None, 0.5, None]
            assert table["targets"].to_pylist() == [None, None, None, [1.5], None]


def test_columns_of_two_kinds_are_told(tmp_path: Path, monkeypatch) -> None:
    """Arrow's own error is none that a user's message is made of."""
    monkeypatch.setattr(row_spool, "ROWS_PER_PART", 1)
    with RowSpool(tmp_path) as spool:
        spool.add({"clip_id": "a", "take": 3})
        with pytest.raises(ValueError, match="A column must be of one kind in all rows, in rows 2 to 2 one is not"):
            spool.add({"clip_id": "b", "take": "x"})


def test_rows_leave_no_file_behind(tmp_path: Path) -> None:
    """Also not while they are there: a killed process cannot clean up."""
    with RowSpool(tmp_path) as spool:
        spool.add({"clip_id": "a"})
        assert [part.num_rows for part in spool.parts()] == [1]
        assert list(tmp_path.iterdir()) == []


def test_no_rows_are_one_empty_part(tmp_path: Path) -> None:
    """A table needs its columns also where it has no rows."""
    with RowSpool(tmp_path) as spool:
        assert [part.num_rows for part in spool.parts()] == [0]
