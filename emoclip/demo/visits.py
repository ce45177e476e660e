# SPDX-License-Identifier: Apache-2.0
"""What the server keeps for a visitor between clicks: the file and its windows, never longer than the visit.

`sweeping` goes round by itself, so that it holds also for tabs that never said goodbye.
"""

from __future__ import annotations

import filecmp
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from emoclip.analysis import Analysis

from . import wording


# Closed sessions that are remembered.
MOST_LEFT = 10_000


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
        left: The tab was closed before; whatever still comes of it is kept for a short time only.
    """

    folder: Path
    found: dict[str, Analysis] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    uploads: set[Path] = field(default_factory=set)
    last_used: float = 0.0
    busy: bool = False
    left: bool = False

    def show(self, part: str, found: Analysis, path: str) -> None:
        """Keep what a part of the page shows now, and the file that it is about."""
        self.found[part], self.paths[part] = found, Path(path)


class VisitBook:
    """All visits, by the session of the browser tab or client; threads may share it.

    Args:
        root: Folder of everything that is kept, the server's own copies among it; made and removed by its owner.
        lifetime: Seconds after which an unused visit is forgotten.
        grace: Seconds that a file is kept after its last visit let go of it, and an unused visit whose tab was closed.
        waiting: Seconds that a file may lie in the root before a visit asks for it, as those of programs in the queue do.
        capacity: Visits that are kept at most; of more, the one unused for longest is forgotten.
        examples: Files of the page itself. The server keeps equal files once, so that a visitor's upload may be one of them; it stays.
        clock: Seconds that only rise.
    """

    def __init__(
        self,
        root: Path,
        lifetime: float = 1800.0,
        grace: float = 60.0,
        waiting: float = 600.0,
        capacity: int = 100,
        examples: Iterable[str | Path] = (),
        clock: Callable[[], float] = time.monotonic,
    ):
        self.root = root
        self.lifetime = lifetime
        self.grace = grace
        self.waiting = waiting
        self.capacity = capacity
        self._examples = [Path(path) for path in examples]
        self._clock = clock
        self._visits: dict[str, Visit] = {}
        self._left: dict[str, None] = {}
        self._kept: set[Path] = set()
        self._released: set[Path] = set()
        # Folders of requests that still run after their visit has ended.
        self._working: set[Path] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._visits)

    def find(self, session: str) -> Visit | None:
        """Return the visit of a session, `None` where it has none or none any more."""
        with self._lock:
            visit = self._visits.get(session)
            if visit is not None:
                visit.last_used = self._clock()
            return visit

    def visit(self, session: str) -> Visit:
        """Return the visit of a session, a new one at its first call; forgets old visits on the way."""
        with self._lock:
            self._forget_old(keep=session)
            if session not in self._visits:
                self.root.mkdir(parents=True, exist_ok=True)
                folder = Path(tempfile.mkdtemp(prefix="visit-", dir=self.root))
                self._visits[session] = Visit(folder, left=session in self._left)
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
            with self._lock:
                visit.busy = False
                visit.last_used = self._clock()
                # The tab may have been closed meanwhile.
                if self._visits.get(session) is not visit:
                    self._remove(visit)

    def keep_upload(self, session: str, path: str | Path) -> None:
        """Note a file that must go with the visit."""
        visit = self.visit(session)
        with self._lock:
            visit.uploads.add(Path(path))

    def drop_upload(self, session: str, path: str | Path) -> None:
        """Delete a file that a visitor handed over, where no other visitor uses it."""
        with self._lock:
            visit = self._visits.get(session)
            if visit is not None and Path(path) in visit.uploads:
                visit.uploads.remove(Path(path))
                self._delete_uploads({Path(path)})

    def leave(self, session: str) -> None:
        """Delete everything of a session whose tab was closed; what a late request makes anew goes after `grace` seconds."""
        with self._lock:
            self._left[session] = None
            while len(self._left) > MOST_LEFT:
                self._left.pop(next(iter(self._left)))
        self.forget(session)

    def forget(self, session: str) -> None:
        """Delete everything of a session, if there is anything."""
        with self._lock:
            visit = self._visits.pop(session, None)
            if visit is not None and visit.busy:
                self._working.add(visit.folder.resolve())
            elif visit is not None:
                self._remove(visit)

    def forget_all(self) -> None:
        """Delete everything."""
        for session in list(self._visits):
            self.forget(session)

    def forget_old(self) -> None:
        """Delete the visits that were not used for too long."""
        with self._lock:
            self._forget_old(keep=None)

    def keep_for_good(self) -> None:
        """Take what lies in the root now as the page's own, such as its examples: it is never swept."""
        with self._lock:
            self._kept |= {path.resolve() for path in self.root.rglob("*") if path.is_file()}

    def owns(self, path: Path) -> bool:
        """Return whether a file is the page's own, which stays."""
        return path.resolve() in self._kept or self._is_example(path)

    def sweep(self) -> None:
        """Delete old visits, and the files in the root that no visit uses any more, or asks for in time."""
        with self._lock:
            self._forget_old(keep=None)
            used = {path.resolve() for visit in self._visits.values() for path in visit.uploads}
            folders = {visit.folder.resolve() for visit in self._visits.values()} | self._working
            if not self.root.is_dir():
                return
            for path in sorted(self.root.resolve().iterdir()):
                if not path.is_dir():
                    self._sweep_loose(path)
                elif path not in folders:
                    self._sweep_folder(path, used)

    def _sweep_loose(self, path: Path) -> None:
        """An upload is written here until it is whole; one that still runs is young, one whose tab was closed midway grows old."""
        if path not in self._kept and _age(path) > self.waiting:
            path.unlink(missing_ok=True)

    def _sweep_folder(self, folder: Path, used: set[Path]) -> None:
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir():
                _remove_empty(path)
                continue
            most = self.grace if path in self._released else self.waiting
            if path not in used | self._kept and _age(path) > most and not self._is_example(path):
                path.unlink(missing_ok=True)
                self._released.discard(path)
        _remove_empty(folder)

    def _forget_old(self, keep: str | None) -> None:
        now = self._clock()
        idle = {name: now - visit.last_used for name, visit in self._visits.items() if name != keep and not visit.busy}
        old = [name for name, seconds in idle.items() if seconds > self._allowed(name)]
        spare = len(self._visits) - len(old) + (keep not in self._visits) - self.capacity
        longest = sorted((name for name in idle if name not in old), key=idle.__getitem__, reverse=True)
        for name in [*old, *longest[: max(spare, 0)]]:
            self._remove(self._visits.pop(name))

    def _allowed(self, session: str) -> float:
        return self.grace if self._visits[session].left else self.lifetime

    def _remove(self, visit: Visit) -> None:
        visit.found.clear()
        self._working.discard(visit.folder.resolve())
        shutil.rmtree(visit.folder, ignore_errors=True)
        self._delete_uploads(visit.uploads)

    def _delete_uploads(self, uploads: set[Path]) -> None:
        """The server keeps equal files once: what another visitor handed over too stays."""
        shared = {path for other in self._visits.values() for path in other.uploads}
        for path in (path.resolve() for path in uploads - shared):
            # The server puts every upload into a folder named by its content.
            if self.root.resolve() not in path.parents or path in self._kept or self._is_example(path):
                continue
            if _age(path) > self.grace:
                path.unlink(missing_ok=True)
                _remove_empty(path.parent)
            else:
                # Another visitor may have handed the same file over a moment ago: sweeping comes back for it.
                self._released.add(path)

    def _is_example(self, path: Path) -> bool:
        return path.is_file() and any(filecmp.cmp(path, example, shallow=False) for example in self._examples)


def _age(path: Path) -> float:
    """Seconds since a file was written or touched; 0 for one that is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # it holds something, or is gone
        folder.rmdir()


__all__ = ["Visit", "VisitBook"]
