# SPDX-License-Identifier: Apache-2.0
"""The rows of a manifest as a file that is mapped into memory, so that a million of them cost a start and a worker little."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .parts import ROWS_PER_GROUP, read_parts


if TYPE_CHECKING:
    from datasets import Dataset


# Opening touches the head of each piece, and with it the pages around: large pieces, of few bytes where rows are wide.
ROWS_PER_PIECE = 20_000
BYTES_PER_PIECE = 2**23
FILE = "file"


def open_manifest(path: Path) -> Dataset:
    """Return the rows of a manifest with the column `file`, the absolute path of each clip.

    A copy is made the first time, in the cache of `datasets`, for Parquet has no random access.

    Raises:
        OSError: The cache cannot be written.
        ValueError: The manifest has a column `file` of its own.
    """
    import datasets
    from datasets.table import MemoryMappedTable

    if FILE in pq.read_schema(path).names:
        raise ValueError(f"`{FILE}` is made when a manifest is opened, {path} has a column of that name; rename it.")
    # Media lie beside the name that was given, also where that is a link, as in the Hub's cache.
    path = path.parent.resolve() / path.name
    about = path.stat()
    # What a rewritten manifest changes; its content would have to be read as a whole.
    told = f"{path}:{about.st_size}:{about.st_mtime_ns}:{about.st_ino}"
    state = hashlib.sha256(told.encode()).hexdigest()[:32]
    target = Path(datasets.config.HF_DATASETS_CACHE) / "emoclip_manifests" / f"{state}.arrow"
    if not target.is_file():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(path, target)
        except OSError as error:
            raise OSError(
                f"The cache of `datasets`, HF_DATASETS_CACHE, must be writable and have room for the rows of {path}, got {target.parent}: "
                f"{error.strerror or error}."
            ) from error
    # Named by what it depends on: left to itself `datasets` would read all of it to name it.
    return datasets.Dataset(MemoryMappedTable.from_file(str(target)), fingerprint=state)


def _write(path: Path, target: Path) -> None:
    # The metadata are those of Parquet, and may tell `datasets` of columns that it is to decode.
    schema = pq.read_schema(path).remove_metadata().append(pa.field(FILE, pa.string()))
    root = pa.scalar(str(path.parent))
    # Several machines may share the cache, so the name must be nobody else's, and what others have begun stays.
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    os.close(number)
    temporary = Path(name)
    try:
        with pa.OSFile(name, "wb") as sink, pa.ipc.new_stream(sink, schema) as out:
            for piece in _pieces(path):
                files = pc.binary_join_element_wise(root, piece["path"].cast(pa.string()), os.sep)
                batch = piece.append_column(FILE, files).cast(schema).combine_chunks()
                out.write_table(batch)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    pa.default_memory_pool().release_unused()


def _pieces(path: Path) -> Iterator[pa.Table]:
    """All rows, in few tables."""
    waiting: list[pa.Table] = []
    for part in read_parts(path, rows=ROWS_PER_GROUP):
        waiting.append(part)
        if sum(map(len, waiting)) >= ROWS_PER_PIECE or sum(one.nbytes for one in waiting) >= BYTES_PER_PIECE:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


__all__ = ["open_manifest"]
