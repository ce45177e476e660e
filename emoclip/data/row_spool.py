# SPDX-License-Identifier: Apache-2.0
"""Rows that wait on disk until what stands at the head of their table is known: its columns, notes and what is missing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from .manifest import build_table
from .parts import ROWS_PER_PART


class RowSpool:
    """Rows of a manifest in a file without a name, which goes with the process, however that ends.

    Args:
        folder: Where the file lies; that of the manifest has room for it.
    """

    def __init__(self, folder: Path):
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115, closed by `__exit__`
        self._rows: list[dict[str, Any]] = []
        self._schema = build_table([]).schema
        self._places: list[int] = []
        self._num_written = 0

    def __enter__(self) -> RowSpool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._num_written + len(self._rows)

    def add(self, row: dict[str, Any]) -> None:
        """Append a row; a missing column is null, further keys become further columns.

        Raises:
            ValueError: A column holds values of two kinds.
        """
        self._rows.append(row)
        if len(self._rows) == ROWS_PER_PART:
            self._write()

    def parts(self) -> Iterator[pa.Table]:
        """Yield all rows a part at a time, all parts with the same columns; at least one part, though it may be empty."""
        self._write()
        for place in self._places:
            self._file.seek(place)
            part = pa.ipc.open_stream(self._file).read_all()
            yield pa.concat_tables([self._schema.empty_table(), part], promote_options="permissive").combine_chunks()

    def _write(self) -> None:
        """Every part is a stream of its own, for columns and their types may yet come."""
        if not self._rows and self._places:
            return
        try:
            part = build_table(self._rows)
            self._schema = pa.unify_schemas([self._schema, part.schema], promote_options="permissive")
        except pa.ArrowException as error:
            rows = f"{self._num_written + 1:,} to {len(self):,}"
            raise ValueError(
                f"A column must be of one kind in all rows, in rows {rows} one is not: {error}"
            ) from error
        self._places.append(self._file.seek(0, 2))
        with pa.ipc.new_stream(self._file, part.schema) as stream:
            stream.write_table(part)
        self._num_written += part.num_rows
        self._rows = []


__all__ = ["RowSpool"]
