# SPDX-License-Identifier: Apache-2.0
"""Decoding every clip of a manifest once, so that nothing fails in the middle of a night of training."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from modeling_emoclip.video_decoding_emoclip import iter_frames

from .journal import Journal
from .manifest import read_manifest


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

    The table grows under a temporary name and is renamed at the end; a run that was stopped goes on where it was.

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
    if output.exists():
        raise FileExistsError(f"The table must not exist yet, got {output}; choose another name or remove it.")
    manifest = read_manifest(manifest_path, check_media=False)
    output.parent.mkdir(parents=True, exist_ok=True)
    journal = Journal(output.with_name(f".{output.name}.parts"), COLUMNS)
    done = {row["clip_id"]: Checked(**row) for row in journal.rows()}
    columns = (manifest.table[name].to_pylist() for name in ("clip_id", "path"))
    waiting = [(clip, path) for clip, path in zip(*columns, strict=True) if clip not in done]
    root = str(manifest.root)
    results = iter(progress(_decode_all([(root, clip, path) for clip, path in waiting], workers), len(waiting)))
    while chunk := list(islice(results, CHUNK)):
        journal.append([vars(one) for one in chunk])
        done.update({one.clip_id: one for one in chunk})
    _write_table(output, list(done.values()))
    journal.remove()
    return [one for one in done.values() if one.error]


def _decode_all(jobs: list[tuple[str, str, str]], workers: int) -> Iterator[Checked]:
    if workers <= 1:
        yield from map(_decode, jobs)
        return
    with ProcessPoolExecutor(max_workers=workers) as pool:
        yield from pool.map(_decode, jobs, chunksize=8)


def _decode(job: tuple[str, str, str]) -> Checked:
    root, clip_id, path = job
    count = 0
    try:
        for _ in iter_frames(Path(root) / path):
            count += 1
    except (ValueError, OSError) as error:
        return Checked(clip_id, path, count, " ".join(str(error).split()))
    return Checked(clip_id, path, count, None if count else "no frame")


def _write_table(output: Path, results: list[Checked]) -> None:
    temporary = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    pq.write_table(pa.Table.from_pylist([vars(one) for one in results], schema=COLUMNS), temporary)
    temporary.replace(output)


__all__ = ["Checked", "check_media"]
