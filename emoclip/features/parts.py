# SPDX-License-Identifier: Apache-2.0
"""Part files: Arrow, memory-mapped, each complete once it has its name; and where in them a clip is."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from emoclip.data.output import replacing

from .clip_keys import KEY_BYTES


NUM_BUCKETS = 64
STORAGE_TYPES = {"float32": pa.float32(), "float16": pa.float16()}


@dataclass(frozen=True)
class ClipRecord:
    """What is kept of one clip.

    Args:
        num_frames: Frames of the clip.
        positions: int32 (n,), which of them are kept, increasing.
        embeds: (views, n, D) in the type of the store.
    """

    num_frames: int
    positions: np.ndarray
    embeds: np.ndarray


def bucket_of(key: bytes) -> int:
    """Return the bucket of a clip, in [0, 64): the unit that a process takes on at once."""
    return int(key[:2], 16) % NUM_BUCKETS


def write_part(folder: Path, bucket: int, keys: Sequence[bytes], records: Sequence[ClipRecord], storage: str) -> Path:
    """Write records as a new part of a bucket, whole or not at all."""
    path = folder / f"{bucket:02}-{uuid.uuid4().hex}.arrow"
    positions = [record.positions for record in records]
    embeds = [record.embeds.reshape(-1) for record in records]
    batch = pa.record_batch(
        {
            "key": pa.array(keys, pa.binary(KEY_BYTES)),
            "num_frames": pa.array([record.num_frames for record in records], pa.int64()),
            "positions": _lists(positions, pa.int32()),
            "embeds": _lists(embeds, STORAGE_TYPES[storage]),
        }
    )
    with (
        replacing(path) as temporary,
        pa.OSFile(str(temporary), "wb") as file,
        pa.ipc.new_file(file, batch.schema) as w,
    ):
        w.write_batch(batch)
    return path


def _lists(values: Sequence[np.ndarray], kind: pa.DataType) -> pa.LargeListArray:
    ends = np.cumsum([0, *(len(value) for value in values)])
    return pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), pa.array(np.concatenate(values), kind))


@dataclass
class PartFiles:
    """The parts of a store, opened as they are read; a copy in another process opens its own.

    Args:
        paths: Of the parts, or of some buckets' parts.
    """

    paths: list[Path]
    _batches: dict[int, pa.RecordBatch] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, folder: Path, bucket: int | None = None) -> PartFiles:
        """The parts in a folder now, of one bucket if given."""
        return cls(sorted(folder.glob("*.arrow" if bucket is None else f"{bucket:02}-*.arrow")))

    def __getstate__(self) -> dict[str, Any]:
        return {"paths": self.paths, "_batches": {}}

    def batch(self, part: int) -> pa.RecordBatch:
        """The one record batch of a part, mapped.

        Raises:
            ValueError: The file is damaged.
        """
        if part not in self._batches:
            path = self.paths[part]
            try:
                with pa.memory_map(str(path)) as source:
                    self._batches[part] = pa.ipc.open_file(source).get_batch(0)
            except (pa.ArrowException, OSError) as error:
                raise ValueError(
                    f"A part of the frame features must be an Arrow file, {path} is damaged ({error}); delete it, its clips are "
                    "embedded again."
                ) from error
        return self._batches[part]

    def find(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return part and row of each key, int32 (n,) each, -1 where a key is in no part."""
        found = [np.full(len(keys), -1, dtype=np.int32) for _ in range(2)]
        stored = [self._keys(part) for part in range(len(self.paths))]
        if not stored or not len(keys):
            return found[0], found[1]
        every = np.concatenate(stored)
        order = np.argsort(every, kind="stable")
        places = np.searchsorted(every, keys, sorter=order).clip(max=len(every) - 1)
        hits = every[order[places]] == keys
        parts = np.repeat(np.arange(len(stored)), [len(part) for part in stored])
        rows = np.concatenate([np.arange(len(part)) for part in stored])
        for target, values in zip(found, (parts, rows), strict=True):
            target[hits] = values[order[places[hits]]]
        return found[0], found[1]

    def record(self, part: int, row: int, num_views: int) -> ClipRecord:
        """What is kept of a clip, without copying."""
        batch = self.batch(part)
        positions = batch.column("positions")[row].values.to_numpy(zero_copy_only=True)
        embeds = batch.column("embeds")[row].values.to_numpy(zero_copy_only=True)
        num_frames = batch.column("num_frames")[row].as_py()
        return ClipRecord(num_frames, positions, embeds.reshape(num_views, len(positions), -1))

    def _keys(self, part: int) -> np.ndarray:
        column = self.batch(part).column("key")
        return np.frombuffer(column.buffers()[1], dtype=f"S{KEY_BYTES}", count=len(column))


__all__ = ["NUM_BUCKETS", "STORAGE_TYPES", "ClipRecord", "PartFiles", "bucket_of", "write_part"]
