# SPDX-License-Identifier: Apache-2.0
"""Decoding ahead in threads: streams of pieces, read in order while later ones are being made."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Generic, TypeVar


Job = TypeVar("Job")
Piece = TypeVar("Piece")
# Pieces of one job that wait to be read; a long clip stops its thread here.
DEPTH = 2
_END = object()


class Prefetcher(Generic[Job, Piece]):
    """Runs a generator over jobs in threads; decoding and resizing leave Python's lock.

    Args:
        produce: Makes the pieces of a job.
        workers: Threads; 0 makes each piece when it is asked for.
    """

    def __init__(self, produce: Callable[[Job], Iterator[Piece]], workers: int):
        self._produce, self._workers = produce, workers
        self._stopped = threading.Event()

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Iterator[Piece]]]:
        """Yield each job, in order, with its pieces; read them before the next job."""
        if not self._workers:
            yield from ((job, self._produce(job)) for job in jobs)
            return
        waiting = iter(jobs)
        ahead: deque[tuple[Job, queue.Queue]] = deque()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="decode") as pool:
            try:
                while True:
                    for job in islice(waiting, self._workers + 1 - len(ahead)):
                        pieces: queue.Queue = queue.Queue(DEPTH)
                        pool.submit(self._fill, job, pieces)
                        ahead.append((job, pieces))
                    if not ahead:
                        return
                    job, pieces = ahead.popleft()
                    yield job, self._drained(pieces)
            finally:
                self._stopped.set()

    def _fill(self, job: Job, pieces: queue.Queue) -> None:
        try:
            for piece in self._produce(job):
                self._put(pieces, piece)
                if self._stopped.is_set():
                    return
            self._put(pieces, _END)
        except Exception as error:  # raised again by the reader
            self._put(pieces, error)

    def _put(self, pieces: queue.Queue, item: Any) -> None:
        while not self._stopped.is_set():
            try:
                return pieces.put(item, timeout=0.1)
            except queue.Full:
                continue

    def _drained(self, pieces: queue.Queue) -> Iterator[Piece]:
        while (item := pieces.get()) is not _END:
            if isinstance(item, Exception):
                raise item
            yield item


__all__ = ["DEPTH", "Prefetcher"]
