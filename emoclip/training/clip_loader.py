# SPDX-License-Identifier: Apache-2.0
"""Batches from worker processes, with what a loader of PyTorch leaves open: workers deaf to stop signals, dead ones named with their clip."""

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

from emoclip.data.worker_notes import WorkerNotes, end_workers, tell_death
from emoclip.training.signals import deaf_children


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
            end_workers(self._iterator)

    def death(self, error: BaseException) -> str | None:
        """What to tell if an error, raised wherever the process was just then, says that a worker died; else None."""
        if self._iterator is None:
            return None
        return tell_death(error, self._iterator, self.notes, remedy="go on with --resume")


__all__ = ["ClipLoader"]
