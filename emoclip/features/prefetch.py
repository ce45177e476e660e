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
        produce: Makes the pieces of a job; its error is raised where that job is read.
        workers: Threads; 0 makes each piece when it is asked for.
    """

    def __init__(self, produce: Callable[[Job], Iterator[Piece]], workers: int):
        self._produce, self._workers = produce, workers

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Iterator[Piece]]]:
        """Yield each job, in order, with its pieces; those that are not read before the next job are dropped."""
        if not self._workers:
            yield from ((job, self._produce(job)) for job in jobs)
            return
        waiting = iter(jobs)
        ahead: deque[tuple[Job, _Stream[Piece]]] = deque()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="decode") as pool:
            try:
                while True:
                    for job in islice(waiting, self._workers + 1 - len(ahead)):
                        stream: _Stream[Piece] = _Stream()
                        pool.submit(stream.fill, self._produce, job)
                        ahead.append((job, stream))
                    if not ahead:
                        return
                    job, stream = ahead.popleft()
                    try:
                        yield job, stream.read()
                    finally:
                        # A reader that gave up half-way would keep the thread waiting for ever.
                        stream.stopped.set()
            finally:
                for _, stream in ahead:
                    stream.stopped.set()


class _Stream(Generic[Piece]):
    """The pieces of one job on their way from a thread to the reader."""

    def __init__(self) -> None:
        self._pieces: queue.Queue = queue.Queue(DEPTH)
        self.stopped = threading.Event()

    def fill(self, produce: Callable[[Any], Iterator[Piece]], job: Any) -> None:
        """Put the pieces, then the end or the error."""
        try:
            for piece in produce(job):
                self._put(piece)
                if self.stopped.is_set():
                    return
            self._put(_END)
        except Exception as error:  # raised again by the reader
            self._put(error)

    def read(self) -> Iterator[Piece]:
        """Yield the pieces as they come."""
        while (item := self._pieces.get()) is not _END:
            if isinstance(item, Exception):
                raise item
            yield item

    def _put(self, item: Any) -> None:
        while not self.stopped.is_set():
            try:
                return self._pieces.put(item, timeout=0.1)
            except queue.Full:
                continue


__all__ = ["DEPTH", "Prefetcher"]
