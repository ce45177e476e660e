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


def test_results_of_some_rows_come_in_their_order(tmp_path: Path) -> None:
    """Boxes of all clips do not fit in memory; those of a thousand must be theirs."""
    journal = Journal(tmp_path / "parts", SCHEMA)
    for numbers in ([4, 0], [1, 5], [9]):
        journal.append([{"clip_id": f"c{number}", "count": number} for number in numbers])
    between = journal.by_number("count")
    found = [between(start, start + 5)["clip_id"].to_pylist() for start in (0, 5, 10)]
    assert found == [["c0", "c1", "c4"], ["c5", "c9"], []]
    assert between(10, 15).schema == SCHEMA


def test_what_a_killed_run_worked_on_is_known(tmp_path: Path) -> None:
    """It may be what killed it."""
    journal = Journal(tmp_path / "parts", SCHEMA)
    assert journal.marked() is None
    journal.mark("clip ü")
    assert Journal(tmp_path / "parts", SCHEMA).marked() == "clip ü"
    journal.unmark()
    assert journal.marked() is None and journal.table().num_rows == 0
