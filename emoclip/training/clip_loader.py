# SPDX-License-Identifier: Apache-2.0
"""Batches from worker processes, with what a loader of PyTorch leaves open: workers deaf to stop signals, dead ones named with their clip."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from emoclip.training.signals import deaf_children


# What PyTorch says of a worker that ended by itself, and of one that a signal ended.
_DEATH = re.compile(r"DataLoader worker \(pid(?:\(s\))? (\d+(?:, \d+)*)\) (?:exited unexpectedly|is killed by signal)")
_MAX_WORKERS, _NOTE_BYTES = 256, 512


class WorkerNotes:
    """One line of text for each worker, in memory that the workers share with the process that made it."""

    def __init__(self) -> None:
        self._bytes = torch.zeros(_MAX_WORKERS, _NOTE_BYTES, dtype=torch.uint8).share_memory_()

    def write(self, text: str) -> None:
        """Note what this worker is at; outside of workers nothing."""
        worker = get_worker_info()
        if worker is None or worker.id >= _MAX_WORKERS:
            return
        line = self._bytes[worker.id].numpy()
        data = text.encode()[:_NOTE_BYTES]
        line[:] = 0
        line[: len(data)] = memoryview(data)

    def read(self, worker: int) -> str:
        """The line of a worker, empty if it wrote none."""
        if worker >= _MAX_WORKERS:
            return ""
        return self._bytes[worker].numpy().tobytes().rstrip(b"\0").decode(errors="replace")


class NotedClips(Dataset):
    """A data set whose workers note the clip that they are at.

    Args:
        clips: gives the items.
        clip_ids: of its rows.
        notes: where to.
    """

    def __init__(self, clips: Any, clip_ids: Sequence[str], notes: WorkerNotes):
        self.clips = clips
        self.clip_ids = clip_ids
        self.notes = notes

    def __getitem__(self, index: int) -> Any:
        self.notes.write(self.clip_ids[index])
        return self.clips[index]

    def __len__(self) -> int:
        return len(self.clips)


class ClipLoader:
    """Iterates over a loader of PyTorch; its workers end with the iteration, however that ends.

    Args:
        loader: a `DataLoader` or `StatefulDataLoader`.
        notes: what its workers write.
    """

    def __init__(self, loader: DataLoader, notes: WorkerNotes):
        self.loader = loader
        self.notes = notes
        self._iterator: Any = None

    def __iter__(self) -> Iterator[Any]:
        with deaf_children():
            self._iterator = iter(self.loader)
        try:
            yield from self._iterator
        finally:
            self._end_workers()

    def death(self, error: BaseException) -> str | None:
        """What to tell if an error, raised wherever the process was just then, says that a worker died; else None."""
        found = _DEATH.search(str(error))
        if found is None or self._iterator is None:
            return None
        dead = {int(pid) for pid in found[1].split(",")}
        numbers = [number for number, worker in enumerate(self._workers()) if worker.pid in dead]
        clips = [note for number in numbers if (note := self.notes.read(number))]
        where = f" at the clip {', '.join(clips)}" if clips else ""
        return (
            f"A process that decodes clips died{where}. If memory ran out, lower data.num_workers; if it is always this clip, leave "
            "it out of the manifest (data_scripts/check_media.py finds such clips). Then go on with --resume."
        )

    def _workers(self) -> list[Any]:
        return getattr(self._iterator, "_workers", [])

    def _end_workers(self) -> None:
        # They are deaf to the signal that PyTorch and Python end late workers with, and would be waited for without end.
        shut_down = getattr(self._iterator, "_shutdown_workers", None)
        if shut_down is not None:
            shut_down()
        for worker in self._workers():
            if worker.is_alive():
                worker.kill()


__all__ = ["ClipLoader", "NotedClips", "WorkerNotes"]
