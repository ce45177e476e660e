# SPDX-License-Identifier: Apache-2.0
"""What a long run has finished, in small files, so that a run that was stopped goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
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

    def table(self) -> pa.Table:
        """Return every result that was kept as one table."""
        tables = [pq.read_table(part, schema=self.schema) for part in self._parts()]
        return pa.concat_tables(tables) if tables else self.schema.empty_table()

    def remove(self) -> None:
        """Delete the folder, once its results stand somewhere else."""
        if self.folder.is_dir():
            for part in self.folder.iterdir():
                part.unlink()
            self.folder.rmdir()

    def _parts(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"), key=lambda part: int(part.stem))


__all__ = ["Journal"]
