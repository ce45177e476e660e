# SPDX-License-Identifier: Apache-2.0
"""From an official download to a checked manifest."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from .counts import RowCounter, differences
from .manifest import RowTable, write_manifest_table
from .output import check_new_file, replacing
from .readers import get_reader
from .readers.lists import read_lines
from .readers.reader import Counts, Reader, Row


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
    """

    output: Path
    reader: Reader
    task: str
    counts: Counts
    missing: list[str]
    excluded: int


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
    excluded = set(exclude_ids)
    kept, found, listed = RowTable(), RowCounter(names), RowCounter(names)
    num_excluded, missing, places = 0, [], []
    folder = output.parent.resolve()
    for row in _unique(progress(reader.rows(root, task))):
        if row["clip_id"] in excluded:
            num_excluded += 1
            listed.add(row)
        elif _is_there(row):
            listed.add(row)
            found.add(row)
            kept.add(_as_written(row, folder))
        else:
            missing.append(row["clip_id"])
            if row["clip_id"] in reader.never_published:
                listed.add(row)
            else:
                places.append(_named(row))
    show(found.counts(), reader, task)
    wrong = differences(listed.counts(), reader, task)
    if not allow_missing:
        _refuse_missing(reader, root, output, places)
        _refuse_differences(reader, wrong)
    table = kept.table()
    if not table.num_rows:
        raise FileNotFoundError(
            f"{root} must hold media of {reader.title}, found none of {len(missing)} listed clips."
        )
    notes = [*reader.notes, *wrong, *_note_missing(missing), *_note_excluded(num_excluded)]
    _write(output, reader, task, table, notes=notes, missing=missing)
    return Prepared(output, reader, task, found.counts(), missing, num_excluded)


def read_ids(path: str | Path) -> set[str]:
    """Return the ids of a text file, one a line; blank lines and lines that begin with # do not count.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is not in UTF-8.
    """
    return {line.strip() for _, line in read_lines(Path(path)) if not line.lstrip().startswith("#")}


def _unique(rows: Iterable[Row]) -> Iterator[Row]:
    seen: dict[str, str] = {}
    for row in rows:
        if row["clip_id"] in seen:
            raise ValueError(
                f"Every clip must be listed once, {row['clip_id']!r} is in {seen[row['clip_id']]} and in {_place(row)}."
            )
        seen[row["clip_id"]] = _place(row)
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
    return Path(row["path"]).is_file()


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


def _write(output: Path, reader: Reader, task: str, table: pa.Table, *, notes: list[str], missing: list[str]) -> None:
    write_manifest_table(
        output,
        table,
        class_names=reader.tasks[task],
        dataset=f"{reader.name}/{task}",
        licence=reader.licence,
        source=reader.source,
        notes=notes,
        missing=missing,
    )


__all__ = ["Prepared", "prepare", "read_ids"]
