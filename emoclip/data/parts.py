# SPDX-License-Identifier: Apache-2.0
"""Tables written and read a part at a time, so that the memory they take does not grow with their length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


# Rows that are held as Python's own at once.
ROWS_PER_PART = 1000
# What is written and read at once. Of fewer rows, a reader of a million would hold more of what tells groups apart than of rows.
ROWS_PER_GROUP = 2000
# A group is closed earlier where rows are wide, as those with a box for each frame.
BYTES_PER_GROUP = 2**20


def write_parts(path: Path, schema: pa.Schema, parts: Iterable[pa.Table]) -> int:
    """Write the parts of a table one after the other and return the number of rows.

    Args:
        path: Parquet file to write.
        schema: Of the file, with its metadata; parts are cast to it.
        parts: Of any number of rows.
    """
    count = 0
    with pq.ParquetWriter(path, schema) as writer:
        for group in _groups(part.cast(schema) for part in parts):
            writer.write_table(group, row_group_size=ROWS_PER_GROUP)
            count += group.num_rows
            # Left to itself Arrow keeps what it has freed.
            pa.default_memory_pool().release_unused()
    return count


def read_parts(path: Path, columns: Sequence[str] | None = None, *, rows: int = ROWS_PER_PART) -> Iterator[pa.Table]:
    """Yield the rows of a Parquet file in tables of at most `rows`; of `columns` only, if given."""
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=rows, columns=columns):
            yield pa.Table.from_batches([batch])


def _groups(parts: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Parts put together, and cut, to groups of a file."""
    waiting: list[pa.Table] = []
    for part in parts:
        for start in range(0, part.num_rows, ROWS_PER_GROUP):
            waiting.append(part.slice(start, ROWS_PER_GROUP))
            if sum(map(len, waiting)) >= ROWS_PER_GROUP or sum(one.nbytes for one in waiting) >= BYTES_PER_GROUP:
                yield pa.concat_tables(waiting)
                waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


__all__ = ["BYTES_PER_GROUP", "ROWS_PER_GROUP", "ROWS_PER_PART", "read_parts", "write_parts"]
