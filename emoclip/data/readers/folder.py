# SPDX-License-Identifier: Apache-2.0
"""People's own clips: a table beside the files, or a folder for each class.

    metadata.csv or metadata.jsonl with `file_name` and `label`, `caption` or both; `split`, `fold` and `subject_id` if known
    <class>/<clip>     or     {train,validation,test}/<class>/<clip>

Files are videos, stills, or folders of frames. This is also the layout of `videofolder` and `imagefolder` of `datasets`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from .layout import PICTURES, VIDEOS, media_of, natural_order, read_lines
from .reader import Reader, Row


TABLES = ("metadata.csv", "metadata.jsonl")
SPLITS = ("train", "validation", "test")
COLUMNS = ("file_name", "label", "caption", "split", "fold", "subject_id")


def reader_of(root: Path) -> Reader:
    """Return the reader of a folder; its classes are those found there, in alphabetical order.

    Raises:
        FileNotFoundError: There is neither a table nor a folder with clips.
        ValueError: The table lacks a column or has a row that says nothing.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"`--root` must be the folder of the data set, got {root}.")
    table = next((root / name for name in TABLES if (root / name).is_file()), None)
    entries = list(_from_table(table) if table else _from_folders(root))
    if not entries:
        raise FileNotFoundError(
            f"{root} must hold {' or '.join(TABLES)}, or a folder for each class with clips in it, found neither."
        )
    names = tuple(sorted({entry["label"] for entry in entries if entry["label"] is not None}))
    rows = [{**entry, "label": None if entry["label"] is None else names.index(entry["label"])} for entry in entries]
    return replace(READER, tasks={"classes": names}, rows=lambda *_: iter(rows))


def _from_table(path: Path) -> Iterator[Row]:
    for number, line in _read_table(path):
        unknown = sorted(set(line) - set(COLUMNS))
        name, label, caption = (str(line.get(key) or "").strip() for key in ("file_name", "label", "caption"))
        if not name or not (label or caption):
            raise ValueError(f"{path}:{number}: a row must have `file_name` and `label` or `caption`, got {line}.")
        fold = line.get("fold")
        yield {
            "clip_id": name,
            **media_of(path.parent / name),
            "label": label or None,
            "captions": [caption] if caption else None,
            "split": str(line.get("split") or "train"),
            "test_fold": int(fold) if fold not in (None, "") else None,
            "subject_id": str(line["subject_id"]) if line.get("subject_id") else None,
            **{key: line[key] for key in unknown},
        }


def _read_table(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if "file_name" not in (reader.fieldnames or []):
                raise ValueError(f"{path} must have the column `file_name`, got {reader.fieldnames}.")
            yield from enumerate(reader, start=2)
        return
    for number, line in read_lines(path):
        try:
            content = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}:{number}: a line must be a JSON object ({error.msg}).") from error
        if not isinstance(content, dict):
            raise ValueError(f"{path}:{number}: a line must be a JSON object, got {line[:60]!r}.")
        yield number, content


def _from_folders(root: Path) -> Iterator[Row]:
    splits = [name for name in SPLITS if (root / name).is_dir()]
    places: list[str | None] = [*splits] or [None]
    for split in places:
        place = root / split if split else root
        for folder in sorted(entry for entry in place.iterdir() if entry.is_dir() and not entry.name.startswith(".")):
            for clip in sorted(folder.iterdir(), key=natural_order):
                if clip.suffix.lower() in (*VIDEOS, *PICTURES) or clip.is_dir():
                    clip_id = clip.relative_to(root).as_posix()
                    yield {"clip_id": clip_id, **media_of(clip), "label": folder.name, "split": split or "train"}


READER = Reader(
    name="folder",
    title="your own folder",
    tasks={"classes": ()},
    licence="your own",
    access="your own",
    source="your own",
    rows=lambda root, task: iter(()),
)
