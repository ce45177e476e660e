# SPDX-License-Identifier: Apache-2.0
"""Jobs spread over processes, a few in flight at a time; a process that dies is told with the job that killed it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing.connection import Connection
from typing import Generic, TypeVar


Job = TypeVar("Job")
Result = TypeVar("Result")


class WorkerPool(Generic[Job, Result]):
    """Runs a function over jobs in fresh processes.

    Args:
        function: Of one job; must be importable.
        workers: Number of processes.
        setup: Called once in each process before its first job.
        arguments: Of `setup`.
        on_death: Makes the result of a job that killed its process.
    """

    def __init__(
        self,
        function: Callable[[Job], Result],
        *,
        workers: int,
        setup: Callable[..., None],
        arguments: tuple[object, ...],
        on_death: Callable[[Job], Result],
    ):
        self._function, self._workers, self._on_death = function, workers, on_death
        self._setup = (setup, arguments)

    def run(self, jobs: Iterable[Job]) -> Iterator[Result]:
        """Yield results as they come; jobs are taken as processes become free, so that millions may wait."""
        waiting = iter(jobs)
        while True:
            suspects = yield from self._run_until_death(waiting)
            if not suspects:
                return
            # Any of the jobs in flight may have killed its process. Alone, only the guilty one does.
            for job in suspects:
                yield self.run_alone(job)

    def _run_until_death(self, waiting: Iterator[Job]) -> Generator[Result, None, list[Job]]:
        """Yield results; return the jobs in flight when a process died, none at the end."""
        flying: dict[Future[Result], Job] = {}
        with self._pool(self._workers) as pool:
            while True:
                # One more for each process, so that none waits for this one.
                for job in islice(waiting, 2 * self._workers - len(flying)):
                    flying[_submit(pool, self._function, job)] = job
                if not flying:
                    return []
                finished, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in sorted(finished, key=list(flying).index):
                    if isinstance(future.exception(), BrokenProcessPool):
                        continue
                    flying.pop(future)
                    yield future.result()
                if any(future.done() for future in finished & flying.keys()):
                    return list(flying.values())

    def run_alone(self, job: Job) -> Result:
        """Return the result of a job in a process of its own, or what `on_death` makes of it."""
        with self._pool(1) as pool:
            try:
                return pool.submit(self._function, job).result()
            except BrokenProcessPool:
                return self._on_death(job)

    @contextmanager
    def _pool(self, workers: int) -> Iterator[ProcessPoolExecutor]:
        # A forked process would inherit the locks of threads that it has not, of PyAV's and OpenCV's among them.
        context = multiprocessing.get_context("spawn")
        # Nothing is ever sent. The workers' end closes when this process closes its own, or dies.
        theirs, ours = context.Pipe(duplex=False)
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(theirs, *self._setup))
        try:
            yield pool
            pool.shutdown()
        finally:
            ours.close()
            pool.shutdown(cancel_futures=True)
            theirs.close()


def _submit(pool: ProcessPoolExecutor, function: Callable[[Job], Result], job: Job) -> Future[Result]:
    """A future also from a pool that is broken already."""
    try:
        return pool.submit(function, job)
    except BrokenProcessPool as error:
        future: Future[Result] = Future()
        future.set_exception(error)
        return future


def _start(pipe: Connection, setup: Callable[..., None], arguments: tuple[object, ...]) -> None:
    # Ctrl-C reaches the whole group of processes; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, args=(pipe,), daemon=True).start()
    setup(*arguments)


def _die_with_parent(pipe: Connection) -> None:
    """End this process at once when the first one stops early or is killed; nobody else would."""
    with suppress(EOFError, OSError):
        pipe.recv()
    os._exit(1)


__all__ = ["WorkerPool"]
