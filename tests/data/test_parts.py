# SPDX-License-Identifier: Apache-2.0
"""Tables in parts."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from emoclip.data import parts
from emoclip.data.parts import read_parts, write_parts


SCHEMA = pa.schema([("number", pa.int64()), ("text", pa.string())], metadata={"about": "numbers"})


def table(start: int, end: int) -> pa.Table:
    return pa.table({"number": pa.array(range(start, end), pa.int32()), "text": [f"{n}" for n in range(start, end)]})


def test_parts_come_back_as_one_table(tmp_path: Path, monkeypatch) -> None:
    """Rows lost or doubled where one group of the file ends and the next begins."""
    monkeypatch.setattr(parts, "ROWS_PER_GROUP", 7)
    file = tmp_path / "t.parquet"
    assert write_parts(file, SCHEMA, [table(0, 3), table(3, 3), table(3, 23), table(23, 25)]) == 25
    assert pq.read_table(file).to_pylist() == table(0, 25).to_pylist()
    assert pq.read_schema(file).equals(SCHEMA, check_metadata=False)
    assert pq.read_schema(file).metadata[b"about"] == b"numbers"
    again = list(read_parts(file, ["number"], rows=4))
    assert max(map(len, again)) <= 4
    assert pa.concat_tables(again)["number"].to_pylist() == list(range(25))


def test_wide_rows_make_small_groups(tmp_path: Path, monkeypatch) -> None:
    """Twenty thousand rows with a box for each frame would be held at once."""
    monkeypatch.setattr(parts, "BYTES_PER_GROUP", 2000)
    wide = pa.schema([("boxes", pa.list_(pa.float32()))])
    rows = pa.table({"boxes": pa.array([[0.5] * 300] * 2, wide.field(0).type)})
    write_parts(tmp_path / "t.parquet", wide, [rows] * 3)
    assert pq.ParquetFile(tmp_path / "t.parquet").metadata.num_row_groups == 3


def test_no_rows_make_a_file(tmp_path: Path) -> None:
    """Nothing failed, nothing was listed: that is a result too."""
    assert write_parts(tmp_path / "t.parquet", SCHEMA, [table(0, 0)]) == 0
    assert pq.read_table(tmp_path / "t.parquet").num_rows == 0
