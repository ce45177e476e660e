# SPDX-License-Identifier: Apache-2.0
"""Workers end with the iteration, and one that dies is named with its clip."""

import os
import signal

import pytest
from torch.utils.data import DataLoader, Dataset

from emoclip.data.worker_notes import NotedClips, WorkerNotes, workers_of
from emoclip.training.clip_loader import ClipLoader


class Numbers(Dataset):
    """Gives numbers; the process that comes to `deadly` is killed, as by a kernel that runs out of memory."""

    def __init__(self, deadly: int | None = None):
        self.deadly = deadly

    def __getitem__(self, index: int) -> int:
        if index == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return index

    def __len__(self) -> int:
        return 12


def loader_of(numbers: Numbers, num_workers: int = 2) -> ClipLoader:
    notes = WorkerNotes()
    clips = NotedClips(numbers, [f"clip_{number}é" for number in range(12)], notes)
    return ClipLoader(DataLoader(clips, batch_size=3, num_workers=num_workers, collate_fn=list), notes)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_come_in_order(num_workers: int) -> None:
    """The watching must change nothing."""
    assert list(loader_of(Numbers(), num_workers)) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]


def test_a_dead_worker_is_named_with_its_clip() -> None:
    """`DataLoader worker (pid 4711) is killed by signal` leaves the user with ten thousand clips to try."""
    loader = loader_of(Numbers(deadly=7))
    with pytest.raises(RuntimeError) as error:
        list(loader)
    assert "died at the clip clip_7é. If memory ran out" in str(loader.death(error.value))


def test_other_errors_are_no_death() -> None:
    """A defect of the model must keep its own message."""
    loader = loader_of(Numbers())
    list(loader)
    assert loader.death(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None


def test_workers_end_when_the_iteration_is_given_up() -> None:
    """They are deaf to the signal that Python ends forgotten ones with; it would wait for them for ever."""
    loader = loader_of(Numbers())
    batches = iter(loader)
    next(batches)
    workers = workers_of(loader._iterator)
    assert len(workers) == 2
    batches.close()
    for worker in workers:
        worker.join(timeout=60)
        assert worker.exitcode is not None
