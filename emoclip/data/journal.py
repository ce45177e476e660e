# SPDX-License-Identifier: Apache-2.0
"""What a long run has finished, in small files, so that a run that was stopped goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


class Journal:
    """A folder of Parquet files, one for each chunk of results; a file appears under its name only when complete.

    Args:
        folder: Made with the first chunk.
        schema: Of a result.
    """

    def __init__(self, folder: Path, schema: pa.Schema):
        self.folder = folder
        self.schema = schema
        self._mark = folder / "working_on"
        for half in folder.glob("*.tmp"):
            half.unlink()
        self._next = 1 + max((int(part.stem) for part in self._parts()), default=-1)

    def append(self, results: Sequence[dict[str, Any]]) -> None:
        """Keep a chunk of results."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"{self._next:06}.parquet"
        temporary = part.with_suffix(".tmp")
        pq.write_table(pa.Table.from_pylist(list(results), schema=self.schema), temporary)
        temporary.replace(part)
        self._next += 1

    def rows(self, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield every result that was kept, in the order of keeping; of `columns` only, if given."""
        for part in self._parts():
            yield from pq.read_table(part, columns=columns).to_pylist()

    def tables(self, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """Yield what was kept a chunk at a time, at least one table, though it may be empty; of `columns` only, if given."""
        parts = self._parts()
        for part in parts:
            yield pq.read_table(part, columns=columns, schema=self.schema)
        if not parts:
            empty = self.schema.empty_table()
            yield empty if columns is None else empty.select(columns)

    def table(self, columns: list[str] | None = None) -> pa.Table:
        """Return every result that was kept as one table; of `columns` only, if given."""
        return pa.concat_tables(self.tables(columns))

    def by_number(self, column: str) -> Callable[[int, int], pa.Table]:
        """Return a function of two numbers to the results whose `column` lies from the first to before the second, in its order.

        Chunks that hold none of them are not read, so that results in almost this order are gone through with few in memory.
        """
        chunks = []
        for part in self._parts():
            numbers = pq.read_table(part, columns=[column])[column]
            chunks.append((part, pc.min(numbers).as_py(), pc.max(numbers).as_py()))

        def between(start: int, end: int) -> pa.Table:
            near = [
                pq.read_table(part, schema=self.schema) for part, low, high in chunks if low < end and high >= start
            ]
            table = pa.concat_tables(near) if near else self.schema.empty_table()
            inside = pc.and_(pc.greater_equal(table[column], start), pc.less(table[column], end))
            return table.filter(inside).sort_by(column).combine_chunks()

        return between

    def mark(self, item: str) -> None:
        """Note what is being worked on in this process, so that the next run knows what ended it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._mark.write_text(item, encoding="utf-8")

    def marked(self) -> str | None:
        """Return what was being worked on when the last run was killed, None if it ended otherwise."""
        return self._mark.read_text(encoding="utf-8", errors="replace") if self._mark.is_file() else None

    def unmark(self) -> None:
        """Nothing is being worked on."""
        self._mark.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the folder, once its results stand somewhere else."""
        if self.folder.is_dir():
            for part in self.folder.iterdir():
                part.unlink()
            self.folder.rmdir()

    def _parts(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"), key=lambda part: int(part.stem))


__all__ = ["Journal"]
