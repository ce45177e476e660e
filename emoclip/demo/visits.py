# SPDX-License-Identifier: Apache-2.0
"""What the server keeps for a visitor between clicks: the file and its windows, never longer than the visit."""

from __future__ import annotations

import filecmp
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from emoclip.analysis import Analysis

from . import wording


@dataclass
class Visit:
    """A visitor's things.

    Args:
        folder: Downloads are written here.
        found: Name of a part of the page -> what was found there last.
        paths: Name of a part of the page -> the file that it was found in.
        uploads: Files that the visitor handed over.
        last_used: On the clock of the book.
        busy: An analysis is running.
    """

    folder: Path
    found: dict[str, Analysis] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    uploads: set[Path] = field(default_factory=set)
    last_used: float = 0.0
    busy: bool = False


class VisitBook:
    """All visits, by the session of the browser tab or client; threads may share it.

    Args:
        root: Folder of everything that is kept; made and emptied by its owner.
        lifetime: Seconds after which an unused visit is forgotten.
        capacity: Visits that are kept at most; of more, the one unused for longest is forgotten.
        examples: Files of the page itself. The server keeps equal files once, so that a visitor's upload may be one of them; it stays.
        clock: Seconds that only rise.
    """

    def __init__(
        self,
        root: Path,
        lifetime: float = 1800.0,
        capacity: int = 100,
        examples: Iterable[str | Path] = (),
        clock: Callable[[], float] = time.monotonic,
    ):
        self.root = root
        self.lifetime = lifetime
        self.capacity = capacity
        self._examples = [Path(path) for path in examples]
        self._clock = clock
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._visits)

    def knows(self, session: str) -> bool:
        """Return whether a session has a visit."""
        return session in self._visits

    def visit(self, session: str) -> Visit:
        """Return the visit of a session, a new one at its first call; forgets old visits on the way."""
        with self._lock:
            self._forget_old(keep=session)
            if session not in self._visits:
                self.root.mkdir(parents=True, exist_ok=True)
                self._visits[session] = Visit(Path(tempfile.mkdtemp(prefix="visit-", dir=self.root)))
            visit = self._visits[session]
            visit.last_used = self._clock()
            return visit

    @contextmanager
    def working(self, session: str) -> Iterator[Visit]:
        """Give the visit of a session for one analysis at a time.

        Raises:
            ValueError: One is running already.
        """
        visit = self.visit(session)
        with self._lock:
            if visit.busy:
                raise ValueError(wording.STILL_BUSY)
            visit.busy = True
        try:
            yield visit
        finally:
            visit.busy = False
            visit.last_used = self._clock()
            # The tab may have been closed meanwhile.
            if self._visits.get(session) is not visit:
                self._remove(visit)

    def keep_upload(self, session: str, path: str | Path) -> None:
        """Note a file that must go with the visit."""
        self.visit(session).uploads.add(Path(path))

    def forget(self, session: str) -> None:
        """Delete everything of a session, if there is anything."""
        with self._lock:
            visit = self._visits.pop(session, None)
            if visit is not None and not visit.busy:
                self._remove(visit)

    def forget_all(self) -> None:
        """Delete everything."""
        for session in list(self._visits):
            self.forget(session)

    def forget_old(self) -> None:
        """Delete the visits that were not used for too long."""
        with self._lock:
            self._forget_old(keep=None)

    def _forget_old(self, keep: str | None) -> None:
        now = self._clock()
        idle = {name: now - visit.last_used for name, visit in self._visits.items() if name != keep and not visit.busy}
        old = [name for name, seconds in idle.items() if seconds > self.lifetime]
        spare = len(self._visits) - len(old) + (keep not in self._visits) - self.capacity
        longest = sorted((name for name in idle if name not in old), key=idle.__getitem__, reverse=True)
        for name in [*old, *longest[: max(spare, 0)]]:
            self._remove(self._visits.pop(name))

    def _remove(self, visit: Visit) -> None:
        visit.found.clear()
        shutil.rmtree(visit.folder, ignore_errors=True)
        shared = {path for other in self._visits.values() for path in other.uploads}
        for path in visit.uploads - shared:
            # The server puts every upload into a folder named by its content.
            if self.root.resolve() in path.resolve().parents and not self._is_example(path):
                path.unlink(missing_ok=True)

    def _is_example(self, path: Path) -> bool:
        return path.is_file() and any(filecmp.cmp(path, example, shallow=False) for example in self._examples)


__all__ = ["Visit", "VisitBook"]
