# SPDX-License-Identifier: Apache-2.0
"""From an official download to a checked manifest."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from .counts import RowCounter, differences, doubts, film_differences
from .manifest import write_manifest_table
from .output import check_new_file, replacing
from .readers import get_reader
from .readers.layout import is_file
from .readers.lists import read_lines
from .readers.reader import Counts, Reader, Row
from .row_spool import RowSpool


SHOWN = 20  # of a list that may have thousands of entries
# Called with the rows as they come; shows progress and hands them on.
Progress = Callable[[Iterable[Row]], Iterable[Row]]
# Called with the counts of what is there before any of them is refused.
Show = Callable[[Counts, Reader, str], None]


@dataclass(frozen=True)
class Prepared:
    """What was written.

    Args:
        output: The manifest.
        reader, task: What was read.
        counts: Group -> class -> number of clips in the manifest.
        missing: Ids of clips whose media are not there; they are not in the manifest.
        excluded: How many clips were left out on request.
        doubts: Counts that differ from those usually told, which nothing confirms.
    """

    output: Path
    reader: Reader
    task: str
    counts: Counts
    missing: list[str]
    excluded: int
    doubts: list[str] = field(default_factory=list)


def prepare(  # noqa: PLR0913, one argument for each flag of the command
    dataset: str,
    root: str | Path,
    output: str | Path,
    *,
    task: str | None = None,
    revision: str | None = None,
    allow_missing: bool = False,
    exclude_ids: Collection[str] = (),
    overwrite: bool = False,
    progress: Progress = lambda rows: rows,
    show: Show = lambda counts, reader, task: None,
) -> Prepared:
    """Read a data set and write its manifest, once its counts are the official ones.

    Args:
        dataset: A key of `emoclip.data.readers.READERS`.
        root: Folder of the official download, or for `hub` the name of a repository.
        output: The manifest to write, `.parquet`.
        task: One of the data set's tasks; its first one if absent.
        revision: Of a repository on the Hub.
        allow_missing: Write what is there although clips are missing or counts differ; both are recorded in the manifest's
            metadata, the ids of all missing clips under `missing`.
        exclude_ids: Clips to leave out, such as those shared with another data set. They do not count as missing.
        overwrite: Replace an existing manifest.
        progress: Wraps the iteration over rows.
        show: Is given the counts before they are compared.

    Raises:
        FileExistsError: The output exists and `overwrite` is false.
        FileNotFoundError: The root has not the layout of the data set, or clips are missing.
        ValueError: A list is malformed, an id occurs twice, or counts differ from the official ones; every one is named with
            file and row.
    """
    root, output = Path(root), Path(output)
    check_new_file(output, suffix=".parquet", overwrite=overwrite)
    # Where media go that come inside tables: beside the manifest, so that both can be moved together.
    media = output.with_name(f"{output.stem}_media")
    reader = get_reader(dataset, root, task=task, revision=revision, media_folder=media)
    task = reader.task_or_default(task)
    names = reader.tasks[task]
    folder = output.parent.resolve()
    with RowSpool(folder) as kept:
        told = _Told(set(exclude_ids), RowCounter(names), RowCounter(names, films=task in reader.films))
        for row in _unique(progress(reader.rows(root, task)), lambda: reader.rows(root, task)):
            if told.is_there(row, reader.never_published):
                kept.add(_as_written(row, folder))
        show(told.found.counts(), reader, task)
        wrong = differences(told.listed.counts(), reader, task)
        wrong += film_differences(told.listed.films(), reader, task)
        if not allow_missing:
            _refuse_missing(reader, root, output, told.places)
            _refuse_differences(reader, wrong)
        if not len(kept):
            raise FileNotFoundError(
                f"{root} must hold media of {reader.title}, found none of {len(told.missing)} listed clips."
            )
        doubtful = doubts(told.listed.counts(), reader, task)
        notes = [*reader.notes, *wrong, *doubtful, *_note_missing(told.missing), *_note_excluded(told.num_excluded)]
        _write(output, reader, task, kept.parts(), notes=notes, missing=told.missing)
    return Prepared(output, reader, task, told.found.counts(), told.missing, told.num_excluded, doubtful)


@dataclass
class _Told:
    """What is known of the rows that went by.

    Args:
        excluded: Ids to leave out.
        found: Counts of what is there.
        listed: Counts of what is there or missing for a known reason, to be compared with the official ones.
        missing: Ids of clips whose media are not there.
        places: Of those that should be.
        num_excluded: How many were left out on request.
    """

    excluded: set[str]
    found: RowCounter
    listed: RowCounter
    missing: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    num_excluded: int = 0

    def is_there(self, row: Row, never_published: Collection[str]) -> bool:
        """Count a row, and say whether it goes into the manifest."""
        if row["clip_id"] in self.excluded:
            self.num_excluded += 1
            self.listed.add(row)
            return False
        if _is_there(row):
            self.listed.add(row)
            self.found.add(row)
            return True
        self.missing.append(row["clip_id"])
        if row["clip_id"] in never_published:
            self.listed.add(row)
        else:
            self.places.append(_named(row))
        return False


def read_ids(path: str | Path) -> set[str]:
    """Return the ids of a text file, one a line; blank lines and lines that begin with # do not count.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is not in UTF-8.
    """
    return {line.strip() for _, line in read_lines(Path(path)) if not line.lstrip().startswith("#")}


def _unique(rows: Iterable[Row], again: Callable[[], Iterable[Row]]) -> Iterator[Row]:
    """The rows, once it is clear that none has the id of an earlier one.

    Args:
        rows: What the reader finds.
        again: Reads the same once more, to find where an id stood first: for millions of rows all places would not fit in memory.
    """
    seen: set[int] = set()
    for number, row in enumerate(rows):
        # Hashes take a third of the memory. Two ids may share one: then the first row of this id is this row.
        if hash(row["clip_id"]) in seen:
            first, place = next((n, _place(one)) for n, one in enumerate(again()) if one["clip_id"] == row["clip_id"])
            if first < number:
                raise ValueError(
                    f"Every clip must be listed once, {row['clip_id']!r} is in {place} and in {_place(row)}."
                )
        seen.add(hash(row["clip_id"]))
        yield row


def _as_written(row: Row, folder: Path) -> Row:
    """The row with its path relative to the manifest's folder, and without what only messages need."""
    path = Path(os.path.relpath(Path(row["path"]).resolve(), folder)).as_posix()
    return {**{name: value for name, value in row.items() if name != "listed"}, "path": path}


def _place(row: Row) -> str:
    if "listed" in row:
        return str(row["listed"])
    return f"fold {row['test_fold']}" if row.get("test_fold") is not None else str(row["split"])


def _named(row: Row) -> str:
    return f"{row['clip_id']} ({row['listed']})" if "listed" in row else str(row["clip_id"])


def _is_there(row: Row) -> bool:
    if row["media"] == "frames":
        return bool(row.get("num_frames"))
    return is_file(Path(row["path"]))


def _refuse_missing(reader: Reader, root: Path, output: Path, missing: list[str]) -> None:
    if not missing:
        return
    all_of_them = ""
    if len(missing) > SHOWN:
        path = output.with_name(f"{output.stem}.missing.txt")
        with replacing(path) as temporary:
            temporary.write_text("".join(f"{clip}\n" for clip in missing), encoding="utf-8")
        all_of_them = f" (all in {path})"
    raise FileNotFoundError(
        f"{root} must hold every clip that {reader.title} lists, {len(missing)} are missing: {_some(missing)}{all_of_them}; unpack "
        "the rest, or pass --allow-missing to go on without them."
    )


def _refuse_differences(reader: Reader, wrong: list[str]) -> None:
    if wrong:
        raise ValueError(
            f"The counts of {reader.title} must be the official ones, {len(wrong)} differ: {_some(wrong, '; ')}. Pass "
            "--allow-missing if your copy is another release."
        )


def _note_missing(missing: list[str]) -> list[str]:
    return [f"{len(missing)} listed clips were missing when this was written: {_some(missing)}."] if missing else []


def _note_excluded(count: int) -> list[str]:
    # A score on what is left is not one on the official set.
    return [f"{count} listed clips were left out on request."] if count else []


def _some(entries: list[str], between: str = ", ") -> str:
    more = f" and {len(entries) - SHOWN} more" if len(entries) > SHOWN else ""
    return between.join(entries[:SHOWN]) + more


def _write(
    output: Path, reader: Reader, task: str, parts: Iterable[pa.Table], *, notes: list[str], missing: list[str]
) -> None:
    write_manifest_table(
        output,
        parts,
        class_names=reader.tasks[task],
        dataset=f"{reader.name}/{task}",
        licence=reader.licence,
        source=reader.source,
        notes=notes,
        missing=missing,
    )


__all__ = ["Prepared", "prepare", "read_ids"]
