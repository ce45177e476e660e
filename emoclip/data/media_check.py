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
from .parts import read_parts, write_parts
from .worker_pool import WorkerPool


COLUMNS = pa.schema(
    [("clip_id", pa.string()), ("path", pa.string()), ("num_frames", pa.int64()), ("error", pa.string())]
)
# Results are appended to the journal after as many clips, so that a kill costs no more.
CHUNK = 64
# In the table's metadata: the fingerprint of the manifest that was checked.
MANIFEST_KEY = "manifest"
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
    manifest. Where the table is there already, of the same manifest, nothing is decoded.

    Args:
        manifest_path: The manifest.
        output: The table to write, Parquet with `clip_id`, `path`, `num_frames` and `error`.
        workers: Processes that decode.
        progress: Wraps the iteration over results, which come with their number.

    Returns:
        The clips that failed.

    Raises:
        FileExistsError: The output exists and is no table of this manifest.
        FileNotFoundError, ValueError: The manifest is missing or malformed.
    """
    output = Path(output)
    finished = is_checked(manifest_path, output)
    if not finished:
        check_new_file(output)
    manifest = read_manifest(manifest_path, check_media=False, checked_only=True)
    # Named by the manifest: results of another one must not be taken over.
    identity = fingerprint(manifest_path)
    journal = Journal(output.with_name(f".{output.name}.{identity[:12]}.parts"), COLUMNS)
    if not finished:
        _decode_rest(manifest, journal, workers, progress)
        with replacing(output) as temporary:
            write_parts(temporary, COLUMNS.with_metadata({MANIFEST_KEY: identity}), journal.tables())
    journal.remove()
    return _failed(output)


def is_checked(manifest_path: str | Path, output: str | Path) -> bool:
    """Whether a file is the finished table of this manifest."""
    try:
        found = (pq.read_schema(output).metadata or {}).get(MANIFEST_KEY.encode(), b"")
    except (OSError, pa.ArrowInvalid):
        return False
    return found.decode() == fingerprint(manifest_path)


def _failed(table: Path) -> list[Checked]:
    parts = (part.filter(pc.is_valid(part["error"])) for part in read_parts(table))
    return [Checked(**row) for part in parts for row in part.to_pylist()]


def _decode_rest(manifest: Manifest, journal: Journal, workers: int, progress: Progress) -> None:
    """Append the results of all clips that the journal has not."""
    done = {row["clip_id"] for row in journal.rows(["clip_id"])}
    _decode_suspect(manifest, journal, done)
    waiting = (row for row in _rows(manifest) if row["clip_id"] not in done)
    results = iter(progress(_decode_all(waiting, workers, journal), manifest.table.num_rows - len(done)))
    while chunk := list(islice(results, CHUNK)):
        journal.append([vars(one) for one in chunk])


def _decode_suspect(manifest: Manifest, journal: Journal, done: set[str]) -> None:
    """What was being decoded when the last run was killed may have killed it: in a process of its own, it cannot again."""
    suspect = journal.marked()
    if suspect is not None and suspect not in done:
        for row in (row for row in _rows(manifest) if row["clip_id"] == suspect):
            journal.append([vars(_pool(1).run_alone(row))])
            done.add(suspect)
    journal.unmark()


def _rows(manifest: Manifest) -> Iterator[dict[str, Any]]:
    """What decoding needs of every clip, a few clips at a time."""
    there = pq.read_schema(manifest.path).names
    wanted = [name for name in ("clip_id", "path", *MEDIA_COLUMNS) if name in there]
    for part in read_parts(manifest.path, wanted, rows=CHUNK):
        for row in part.to_pylist():
            yield {**row, "file": str(manifest.root / row["path"])}


def _decode_all(rows: Iterator[dict[str, Any]], workers: int, journal: Journal) -> Iterator[Checked]:
    if workers > 1:
        yield from _pool(workers).run(rows)
        return
    try:
        for row in rows:
            journal.mark(row["clip_id"])
            yield _decode(row)
    finally:
        journal.unmark()


def _pool(workers: int) -> WorkerPool[dict[str, Any], Checked]:
    return WorkerPool(_decode, workers=workers, setup=_one_thread, arguments=(), on_death=_died)


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


__all__ = ["Checked", "check_media", "is_checked"]
