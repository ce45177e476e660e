# SPDX-License-Identifier: Apache-2.0
"""Signals that ask a run to save and end: those of job schedulers and of `kill`."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


# SIGUSR1 is what schedulers can send some minutes before the time is up (`sbatch --signal=USR1@120`).
STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class Stopper:
    """Remembers whether a stop was asked for; within `listening` a signal only sets this."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return self.signal is not None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.signal = signal.Signals(number)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """A block in which the signals do not end the process; outside of the main thread they do as before."""
        try:
            before: dict[signal.Signals, Any] = {name: signal.signal(name, self._handle) for name in STOP_SIGNALS}
        except ValueError:  # Python takes handlers in the main thread alone
            yield
            return
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)


@contextmanager
def deaf_children() -> Iterator[None]:
    """A block whose child processes never receive the stop signals.

    A scheduler signals the whole group of processes. Workers that died of it would end the run before it can save; the run ends them
    itself. The signals are blocked before the children are made: a child's first threads, which inherit the block, would otherwise let
    them through before it could block them itself.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


__all__ = ["STOP_SIGNALS", "Stopper", "deaf_children"]
