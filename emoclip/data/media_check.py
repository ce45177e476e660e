# SPDX-License-Identifier: Apache-2.0
"""Decoding every clip of a manifest once, so that nothing fails in the middle of a night of training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from .journal import Journal
from .manifest import Manifest, fingerprint, read_manifest
from .media import iter_clip
from .media_columns import MEDIA_COLUMNS
from .output import check_new_file, replacing
from .worker_pool import WorkerPool


COLUMNS = pa.schema(
    [("clip_id", pa.string()), ("path", pa.string()), ("num_frames", pa.int64()), ("error", pa.string())]
)
# Results are appended to the journal after as many clips, so that a kill costs no more.
CHUNK = 64
Progress = Callable[[Iterable["Checked"], int], Iterable["Checked"]]


@dataclass(frozen=True)
class Checked:
    """What became of one clip: frames that decoded, and the error if they were not all."""

    clip_id: str
    path: str
    num_frames: int
    error: str | None


def check_media(
    manifest_path: str | Path,
    output: str | Path,
    *,
    workers: int = 1,
    progress: Progress = lambda results, total: results,
) -> list[Checked]:
    """Decode every clip of a manifest and write a table of what failed and how many frames there are.

    Results are kept in a journal and become the table at the end; a run that was stopped goes on where it was, with the same
    manifest.

    Args:
        manifest_path: The manifest.
        output: The table to write, Parquet with `clip_id`, `path`, `num_frames` and `error`.
        workers: Processes that decode.
        progress: Wraps the iteration over results, which come with their number.

    Returns:
        The clips that failed.

    Raises:
        FileExistsError: The output exists.
        FileNotFoundError, ValueError: The manifest is missing or malformed.
    """
    output = Path(output)
    check_new_file(output)
    manifest = read_manifest(manifest_path, check_media=False)
    # Named by the manifest: results of another one must not be taken over.
    journal = Journal(output.with_name(f".{output.name}.{fingerprint(manifest_path)[:12]}.parts"), COLUMNS)
    done = {row["clip_id"] for row in journal.rows(["clip_id"])}
    waiting = (row for row in _rows(manifest) if row["clip_id"] not in done)
    results = iter(progress(_decode_all(waiting, workers), manifest.table.num_rows - len(done)))
    while chunk := list(islice(results, CHUNK)):
        journal.append([vars(one) for one in chunk])
    table = journal.table()
    with replacing(output) as temporary:
        pq.write_table(table, temporary)
    journal.remove()
    return [Checked(**row) for row in table.filter(pc.is_valid(table["error"])).to_pylist()]


def _rows(manifest: Manifest) -> Iterator[dict[str, Any]]:
    """What decoding needs of every clip, a few clips at a time."""
    wanted = [name for name in ("clip_id", "path", *MEDIA_COLUMNS) if name in manifest.table.column_names]
    for batch in manifest.table.select(wanted).to_batches(max_chunksize=CHUNK):
        for row in batch.to_pylist():
            yield {**row, "file": str(manifest.root / row["path"])}


def _decode_all(rows: Iterator[dict[str, Any]], workers: int) -> Iterator[Checked]:
    if workers <= 1:
        return map(_decode, rows)
    pool: WorkerPool[dict[str, Any], Checked] = WorkerPool(
        _decode, workers=workers, setup=_one_thread, arguments=(), on_death=_died
    )
    return pool.run(rows)


def _decode(row: dict[str, Any]) -> Checked:
    count = 0
    try:
        for _ in iter_clip(row):
            count += 1
    except (ValueError, OSError) as error:
        return Checked(row["clip_id"], row["path"], count, " ".join(str(error).split()))
    return Checked(row["clip_id"], row["path"], count, None if count else "no frame")


def _one_thread() -> None:
    torch.set_num_threads(1)


def _died(row: dict[str, Any]) -> Checked:
    return Checked(row["clip_id"], row["path"], 0, f"{row['path']} ended the process that decoded it")


__all__ = ["Checked", "check_media"]
