# SPDX-License-Identifier: Apache-2.0
"""Filling a store: what is missing is embedded, each clip by one of the processes that work on it at the same time.

Clips fall into buckets by their keys. A process takes a bucket by a file lock, which ends with the process, looks what is still
missing, and writes parts. Whoever finds a bucket taken goes on with another and comes back.
"""

from __future__ import annotations

import logging
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from tqdm import tqdm

from .parts import NUM_BUCKETS, ClipRecord, PartFiles, bucket_of, write_part
from .pieces import Piece
from .prefetch import Prefetcher
from .tower import FrameTower


logger = logging.getLogger(__name__)

# A part is written at this size or age, whichever comes first: a kill costs no more.
PART_BYTES = 256 * 2**20
PART_SECONDS = 60.0
# Folder of the lock files in a store.
LOCKS = "locks"
# Between two looks at buckets that other processes have.
_PAUSE = 0.2


@dataclass
class Filling:
    """Embeds the missing clips of one store.

    Args:
        folder: Of the store, which exists, with a folder for the locks.
        rows: Of a table, as `emoclip.data.load` gives them.
        keys: Of the rows, bytes (rows,).
        tower: Embeds.
        storage: Type of the numbers on disk.
        num_workers: Threads that decode ahead.
        show_progress: Draw a bar with the rate, on terminals only.
    """

    folder: Path
    rows: Any
    keys: np.ndarray
    tower: FrameTower
    storage: str
    num_workers: int = 1
    show_progress: bool = True
    errors: dict[int, str] = field(default_factory=dict)

    def run(self, wanted: np.ndarray) -> dict[int, str]:
        """Embed the rows `wanted` that are missing still; return a sentence for each that cannot be read."""
        pending = self._buckets(wanted)
        total = sum(len(rows) for rows in pending.values())
        # `disable=None` switches the bar off where the output is no terminal.
        with tqdm(
            total=total, unit="clip", desc="frame features", disable=None if self.show_progress else True
        ) as bar:
            while pending:
                taken = [bucket for bucket in self._order(pending) if self._try_bucket(bucket, pending[bucket], bar)]
                for bucket in taken:
                    del pending[bucket]
                if pending and not taken:
                    time.sleep(_PAUSE)
        return self.errors

    def _buckets(self, wanted: np.ndarray) -> dict[int, list[int]]:
        """Rows by bucket; of rows with the same content the first stands for all."""
        first = {self.keys[row]: int(row) for row in reversed(wanted)}
        buckets: dict[int, list[int]] = defaultdict(list)
        for row in sorted(first.values()):
            buckets[bucket_of(self.keys[row])].append(row)
        return buckets

    def _order(self, pending: dict[int, list[int]]) -> list[int]:
        """Each process starts somewhere else, so that they rarely meet."""
        start = os.getpid() * 37 % NUM_BUCKETS
        return sorted(pending, key=lambda bucket: (bucket - start) % NUM_BUCKETS)

    def _try_bucket(self, bucket: int, rows: list[int], bar: tqdm) -> bool:
        """Complete a bucket, unless another process has it."""
        try:
            with FileLock(self.folder / LOCKS / f"{bucket:02}.lock", timeout=0):
                for half in self.folder.glob(f".{bucket:02}-*.tmp"):
                    half.unlink()
                parts, _ = PartFiles.of(self.folder, bucket).find(self.keys[rows])
                missing = [row for row, part in zip(rows, parts, strict=True) if part < 0]
                bar.update(len(rows) - len(missing))
                self._embed(bucket, missing, bar)
        except Timeout:
            return False
        return True

    def _embed(self, bucket: int, rows: list[int], bar: tqdm) -> None:
        writer = _PartWriter(self.folder, bucket, self.storage)
        prefetcher: Prefetcher[int, Piece] = Prefetcher(self._pieces, min(self.num_workers, len(rows)))
        started, frames = time.perf_counter(), 0
        for row, pieces in prefetcher.run(rows):
            try:
                record = self.tower.embed(pieces, clip=int(self.keys[row][:8], 16))
            except (ValueError, OSError) as error:
                logger.warning("clip left out: %s", error)
                self.errors[row] = str(error)
            else:
                writer.add(self.keys[row], record)
                frames += record.embeds.shape[0] * record.embeds.shape[1]
            bar.update()
            bar.set_postfix_str(f"{frames / (time.perf_counter() - started):.0f} frames/s", refresh=False)
        writer.flush()

    def _pieces(self, row: int) -> Iterator[Piece]:
        return self.tower.reader.pieces(self.rows[row])


class _PartWriter:
    """Collects records and writes them as parts."""

    def __init__(self, folder: Path, bucket: int, storage: str):
        self._folder, self._bucket, self._storage = folder, bucket, storage
        self._reset()

    def _reset(self) -> None:
        self._keys: list[bytes] = []
        self._records: list[ClipRecord] = []
        self._bytes, self._since = 0, time.perf_counter()

    def add(self, key: bytes, record: ClipRecord) -> None:
        self._keys.append(key)
        self._records.append(record)
        self._bytes += record.embeds.nbytes
        if self._bytes >= PART_BYTES or time.perf_counter() - self._since >= PART_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._keys:
            write_part(self._folder, self._bucket, self._keys, self._records, self._storage)
        self._reset()


__all__ = ["LOCKS", "PART_BYTES", "PART_SECONDS", "Filling"]
