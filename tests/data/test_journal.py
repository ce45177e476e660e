# SPDX-License-Identifier: Apache-2.0
"""Chunks of results survive a kill."""

from pathlib import Path

import pyarrow as pa

from emoclip.data.journal import Journal


SCHEMA = pa.schema([("clip_id", pa.string()), ("count", pa.int64())])


def test_results_are_read_back_in_order(tmp_path: Path) -> None:
    """A run that goes on must append behind what is there, not over it."""
    first = Journal(tmp_path / "parts", SCHEMA)
    first.append([{"clip_id": "b", "count": 3}])
    again = Journal(tmp_path / "parts", SCHEMA)
    again.append([{"clip_id": "a", "count": 5}, {"clip_id": "ü", "count": None}])
    assert [row["clip_id"] for row in again.rows()] == ["b", "a", "ü"]
    assert list(again.rows(["count"])) == [{"count": 3}, {"count": 5}, {"count": None}]
    assert again.table().schema == SCHEMA and again.table().num_rows == 3


def test_half_written_chunk_does_not_count(tmp_path: Path) -> None:
    """A kill in the middle of a write leaves a file that no reader could open."""
    journal = Journal(tmp_path / "parts", SCHEMA)
    journal.append([{"clip_id": "a", "count": 1}])
    (tmp_path / "parts" / "000001.tmp").write_bytes(b"PAR1")
    assert list(Journal(tmp_path / "parts", SCHEMA).rows()) == [{"clip_id": "a", "count": 1}]
    assert not list((tmp_path / "parts").glob("*.tmp"))


def test_removing_leaves_nothing(tmp_path: Path) -> None:
    """A finished run must not leave files that a later one takes for its own; nor must one without results fail."""
    journal = Journal(tmp_path / "parts", SCHEMA)
    journal.remove()
    assert journal.table().num_rows == 0
    journal.append([{"clip_id": "a", "count": 1}])
    journal.remove()
    assert list(tmp_path.iterdir()) == []
