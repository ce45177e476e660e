# SPDX-License-Identifier: Apache-2.0
"""Workers of a loader of PyTorch note the clip that they are at, so that one that dies can be told with it."""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.data import Dataset, get_worker_info


# What PyTorch says of a worker that ended by itself, and of one that a signal ended.
_DEATH = re.compile(r"DataLoader worker \(pid(?:\(s\))? (\d+(?:, \d+)*)\) (?:exited unexpectedly|is killed by signal)")
_MAX_WORKERS, _NOTE_BYTES = 256, 512


def is_worker_death(error: BaseException) -> bool:
    """Whether an error of PyTorch, which may come up anywhere, says that a worker process has ended."""
    return _DEATH.search(str(error)) is not None


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


def tell_death(error: BaseException, iterator: Any, notes: WorkerNotes, *, remedy: str) -> str | None:
    """A sentence if an error, raised wherever the process was just then, says that a worker of PyTorch's died; else None.

    Args:
        error: any.
        iterator: over the loader.
        notes: what its workers wrote; the clip is told only of a worker of this loader.
        remedy: how to go on.
    """
    found = _DEATH.search(str(error))
    if found is None:
        return None
    dead = {int(pid) for pid in found[1].split(",")}
    numbers = [number for number, worker in enumerate(workers_of(iterator)) if worker.pid in dead]
    clips = [note for number in numbers if (note := notes.read(number))]
    where = f" at the clip {', '.join(clips)}" if clips else ""
    return (
        f"A process that decodes clips died{where}. If memory ran out, lower data.num_workers; if it is always this clip, leave it out "
        f"of the manifest (data_scripts/check_media.py finds such clips). Then {remedy}."
    )


def workers_of(iterator: Any) -> list[Any]:
    """The worker processes of an iterator over a loader; none where it has no workers or is over."""
    return getattr(iterator, "_workers", [])


def end_workers(iterator: Any) -> None:
    """End them whatever signals they are deaf to; PyTorch and Python would wait for them without end."""
    shut_down = getattr(iterator, "_shutdown_workers", None)
    if shut_down is not None:
        shut_down()
    for worker in workers_of(iterator):
        if worker.is_alive():
            worker.kill()


__all__ = ["NotedClips", "WorkerNotes", "end_workers", "is_worker_death", "tell_death", "workers_of"]
