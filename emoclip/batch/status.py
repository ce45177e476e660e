# SPDX-License-Identifier: Apache-2.0
"""What became of each file: journals of every process while they work, one table at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from emoclip.console import printable
from emoclip.data.journal import Journal
from emoclip.data.output import check_writable, replacing


FOLDER = ".batch"
SETTINGS = "settings.json"
STATUS = "status.csv"
# A journal's chunk: so many rows, or what came within so many seconds.
CHUNK_ROWS, CHUNK_SECONDS = 50, 5.0
SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("place", pa.string()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("windows", pa.int64()),
        ("persons", pa.int64()),
        ("video_seconds", pa.float64()),
        ("took_seconds", pa.float64()),
        ("outputs", pa.string()),
        ("fingerprint", pa.string()),
        ("notes", pa.string()),
        ("kept_at", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Row:
    """What became of one file.

    Args:
        name: Of the source.
        place: Path or address.
        status: `done`, `no face` (done, but nothing was scored) or `failed`.
        error: Why it failed, in one line.
        windows: How many there are.
        persons: How many were seen.
        video_seconds: From the first to the last window.
        took_seconds: Of work.
        outputs: Files written, below the output folder, with bars between them.
        fingerprint: Of the source: another file under the same name is done again.
        notes: What must be known of a file that is done, such as that it was scored up to its damage.
        kept_at: Seconds since 1970 at which the row came, by which the newest of several processes' rows is told.
    """

    name: str
    place: str
    status: str
    error: str = ""
    windows: int = 0
    persons: int = 0
    video_seconds: float = 0.0
    took_seconds: float = 0.0
    outputs: str = ""
    fingerprint: str = ""
    notes: str = ""
    kept_at: float = field(default=0.0, compare=False)


class OtherBatch(FileExistsError):
    """A folder holds something else than this batch.

    Args:
        folder: The folder.
        differs: What differs, as the names of settings; empty where the folder holds no batch.
    """

    def __init__(self, folder: Path, differs: Sequence[str] = ()):
        self.folder, self.differs = folder, tuple(differs)
        super().__init__(
            f"{folder} holds a batch of other settings ({', '.join(differs)}); choose another --output, or pass --overwrite to "
            "do all again."
            if differs
            else f"The output must be a new folder or one of a batch that was stopped, got {folder}; choose another."
        )


def facts_of(analyses: Iterable[Any]) -> dict[str, Any]:
    """Return what a row says of analyses: `status`, `windows`, `persons`, `video_seconds` and `notes`."""
    analyses = list(analyses)
    windows = persons = 0
    seconds, scored = 0.0, False
    for analysis in analyses:
        timeline = analysis.timeline
        keys = timeline.drop_duplicates(["person", "start", "end"])
        windows += len(keys)
        persons += len(set(keys["person"]) - {0})
        seconds += float(timeline["end"].max() - timeline["start"].min()) if len(timeline) else 0.0
        scored |= bool(timeline["match"].notna().any())
    status = "done" if scored else "no face"
    notes = " ".join(warning for analysis in analyses for warning in analysis.warnings)
    counts = {"windows": windows, "persons": persons, "video_seconds": round(seconds, 3)}
    return {"status": status, **counts, "notes": notes}


class StatusBook:
    """The status of a batch in its output folder.

    Args:
        folder: The output folder.
        process: Number of this process among those that work on the batch.
    """

    def __init__(self, folder: Path, process: int = 0):
        self.folder = folder
        self._journal = Journal(folder / FOLDER / f"{process:05}", SCHEMA)
        self._waiting: list[Row] = []
        self._last = time.monotonic()

    def claim(self, settings: Mapping[str, Any], *, overwrite: bool = False) -> None:
        """Take the folder for these settings, or go on with a batch of the same.

        Settings of which nothing was done yet are replaced.

        Raises:
            OtherBatch: It holds a batch of other settings, or something else.
        """
        path = self.folder / FOLDER / SETTINGS
        others = [one for one in self.folder.iterdir() if one.name != FOLDER] if self.folder.is_dir() else []
        text = json.dumps(settings, sort_keys=True, default=str)
        if path.is_file() and path.read_text(encoding="utf-8") != text:
            if not overwrite and self.rows():
                raise OtherBatch(self.folder, _differences(path, text))
        elif not path.is_file() and others and not overwrite:
            raise OtherBatch(self.folder)
        if overwrite:
            _forget(self.folder)
        check_writable(path.parent)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def add(self, row: Row) -> None:
        """Keep a row; rows are written in chunks."""
        self._waiting.append(replace(row, kept_at=time.time()))
        if len(self._waiting) >= CHUNK_ROWS or time.monotonic() - self._last >= CHUNK_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._journal.append([_storable(row) for row in self._waiting])
            self._waiting = []
        self._last = time.monotonic()

    def rows(self) -> list[Row]:
        """Return the newest row of every file, of all processes."""
        newest: dict[str, Row] = {}
        for folder in sorted(path for path in (self.folder / FOLDER).glob("*") if path.is_dir()):
            # Another process may be writing: only complete chunks have their name.
            for part in sorted(folder.glob("*.parquet")):
                for values in pd.read_parquet(part).to_dict("records"):
                    row = Row(**{str(key): value for key, value in values.items()})
                    # A file need not be the same process's in every run.
                    if row.name not in newest or row.kept_at >= newest[row.name].kept_at:
                        newest[row.name] = row
        return list(newest.values())

    def write_table(self) -> Path:
        """Write `status.csv`, one row per file that was tried, and return its path."""
        self.flush()
        path = self.folder / STATUS
        rows = [asdict(row) for row in sorted(self.rows(), key=lambda row: row.name)]
        table = pd.DataFrame(rows, columns=SCHEMA.names)
        with replacing(path) as temporary:
            table.drop(columns=["fingerprint", "kept_at"]).to_csv(temporary, index=False, encoding="utf-8")
        return path


def _differences(path: Path, text: str) -> list[str]:
    """Names of the settings in which a file of them and a text differ."""
    kept, wanted = _flat(json.loads(path.read_text(encoding="utf-8"))), _flat(json.loads(text))
    return sorted(name for name in kept.keys() | wanted.keys() if kept.get(name) != wanted.get(name))


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    options = settings.get("options") or {}
    return {**{name: value for name, value in settings.items() if name != "options"}, **options}


def _storable(row: Row) -> dict[str, Any]:
    """Names of bytes that are no text cannot stand in a table."""
    return {key: printable(value) if isinstance(value, str) else value for key, value in asdict(row).items()}


def _forget(folder: Path) -> None:
    """Remove the journals; results are written over as they are done again."""
    for journal in (folder / FOLDER).glob("*"):
        if journal.is_dir():
            Journal(journal, SCHEMA).remove()


__all__ = ["STATUS", "OtherBatch", "Row", "StatusBook", "facts_of"]
