# SPDX-License-Identifier: Apache-2.0
"""People's own clips: a table beside the files, or a folder for each class.

    metadata.csv, .jsonl or .parquet with `file_name` and `label`, `caption` or both; `split`, `fold` and `subject_id` if known
    <class>/<clip>     or     {train,validation,test}/<class>/<clip>

Files are videos, stills, or folders of frames. This is also the layout of `videofolder` and `imagefolder` of `datasets`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from .folder_table import TABLES, read_table
from .layout import PICTURES, VIDEOS, media_of, natural_order
from .reader import Publication, Reader, Row


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
            f"{root} must hold {', '.join(TABLES[:-1])} or {TABLES[-1]}, or a folder for each class with clips in it, found neither."
        )
    names = tuple(sorted({entry["label"] for entry in entries if entry["label"] is not None}))
    rows = [{**entry, "label": None if entry["label"] is None else names.index(entry["label"])} for entry in entries]
    return replace(READER, tasks={"classes": names}, rows=lambda *_: iter(rows))


def _from_table(path: Path) -> Iterator[Row]:
    for number, line in read_table(path):
        unknown = sorted(set(line) - set(COLUMNS))
        name, label, caption = (str(line.get(key) or "").strip() for key in ("file_name", "label", "caption"))
        if not name or not (label or caption):
            raise ValueError(f"{path}:{number}: a row must have `file_name` and `label` or `caption`, got {line}.")
        fold = line.get("fold")
        refuse_loop(path.parent / name)
        yield {
            "clip_id": name,
            **media_of(path.parent / name),
            "listed": f"{path.name}:{number}",
            "label": label or None,
            "captions": [caption] if caption else None,
            "split": str(line.get("split") or "train"),
            "test_fold": int(fold) if fold not in (None, "") else None,
            "subject_id": str(line["subject_id"]) if line.get("subject_id") else None,
            **{key: line[key] for key in unknown},
        }


def _from_folders(root: Path) -> Iterator[Row]:
    splits = [name for name in SPLITS if (root / name).is_dir()]
    places: list[str | None] = [*splits] or [None]
    for split in places:
        place = root / split if split else root
        for folder in sorted(place.iterdir()):
            refuse_loop(folder)
            if not folder.is_dir() or folder.name.startswith("."):
                continue
            for clip in sorted(folder.iterdir(), key=natural_order):
                refuse_loop(clip)
                if clip.suffix.lower() in (*VIDEOS, *PICTURES) or clip.is_dir():
                    clip_id = clip.relative_to(root).as_posix()
                    yield {"clip_id": clip_id, **media_of(clip), "label": folder.name, "split": split or "train"}


def refuse_loop(path: Path) -> None:
    """Raise ValueError for a symbolic link that leads to itself or to a folder it lies in, which has no end."""
    if not path.is_symlink():
        return
    try:
        os.stat(path)  # noqa: PTH116, `Path.stat` and `Path.resolve` report a loop differently in each Python
    except OSError as error:
        if error.errno != errno.ELOOP:
            return  # Nothing there: told with the other missing clips.
        target = path.readlink()
    else:
        target = path.resolve()
        if target not in path.parent.resolve().parents and target != path.parent.resolve():
            return
    raise ValueError(f"{path} must lead to clips, it is a symbolic link in a circle, to {target}; remove it.")


READER = Reader(
    name="folder",
    title="your own folder",
    tasks={"classes": ()},
    licence="your own",
    access="your own",
    source="your own",
    rows=lambda root, task: iter(()),
    publication=Publication("media", "you have the right to publish your own clips", own=True),
)
