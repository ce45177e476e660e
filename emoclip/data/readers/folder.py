# SPDX-License-Identifier: Apache-2.0
"""People's own clips: a table beside the files, or a folder for each class.

    metadata.csv, .jsonl or .parquet with `file_name` and `label`, `caption` or both; `split`, `fold` and `subject_id` if known
    <class>/<clip>     or     {train,validation,test}/<class>/<clip>

Files are videos, stills, or folders of frames. This is also the layout of `videofolder` and `imagefolder` of `datasets`. The root
may be a table of another name, too. In JSON lines and Parquet `caption` (or `captions`) may be a list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from .folder_table import TABLES, read_table
from .layout import PICTURES, VIDEOS, entries, media_of, refuse_loop
from .reader import Publication, Reader, Row


SPLITS = ("train", "validation", "test")
COLUMNS = ("file_name", "label", "caption", "captions", "split", "fold", "subject_id")
# Columns of the manifest that are made here and nowhere else.
RESERVED = ("path", "media", "test_fold", "listed")


def reader_of(root: Path) -> Reader:
    """Return the reader of a folder, or of a table; its classes are those found there, in alphabetical order.

    Raises:
        FileNotFoundError: There is neither a table nor a folder with clips.
        ValueError: The table lacks a column or has a row that says nothing.
    """
    if root.is_file():
        table: Path | None = root
    elif root.is_dir():
        table = next((root / name for name in TABLES if (root / name).is_file()), None)
    else:
        raise FileNotFoundError(f"`--root` must be the folder of the data set, or a table in it, got {root}.")
    found = list(_from_table(table) if table else _from_folders(root))
    if not found:
        raise FileNotFoundError(
            f"{root} must hold {', '.join(TABLES[:-1])} or {TABLES[-1]}, or a folder for each class with clips in it, found neither."
        )
    names = tuple(sorted({row["label"] for row in found if row["label"] is not None}))
    rows = [{**row, "label": None if row["label"] is None else names.index(row["label"])} for row in found]
    return replace(READER, tasks={"classes": names}, rows=lambda *_: iter(rows))


def _from_table(path: Path) -> Iterator[Row]:
    for number, line in read_table(path):
        place = f"{path}:{number}"
        taken = next((name for name in RESERVED if name in line), None)
        if taken is not None:
            raise ValueError(f"{place}: `{taken}` is a column of the manifest that is made here; rename yours.")
        name, label = (str(line.get(key) or "").strip() for key in ("file_name", "label"))
        captions = _captions(line)
        if not name or not (label or captions):
            raise ValueError(f"{place}: a row must have `file_name` and `label` or `caption`, got {line}.")
        yield {
            "clip_id": name,
            **_media(path.parent / name, place),
            "listed": f"{path.name}:{number}",
            "label": label or None,
            "captions": captions or None,
            "split": str(line.get("split") or "train"),
            "test_fold": _fold(line.get("fold"), place),
            "subject_id": str(line["subject_id"]) if line.get("subject_id") else None,
            **{key: line[key] for key in sorted(set(line) - set(COLUMNS))},
        }


def _media(path: Path, place: str) -> Row:
    try:
        refuse_loop(path)
        return media_of(path)
    except OSError as error:
        raise ValueError(
            f"{place}: `file_name` must be a file that can be opened, got {path} ({error.strerror})."
        ) from error


def _captions(line: dict[str, Any]) -> list[str]:
    """All captions of a row, from one text or a list of them."""
    given = [line.get(name) for name in ("caption", "captions")]
    texts = [text for value in given for text in (value if isinstance(value, list) else [value])]
    return [str(text).strip() for text in texts if text is not None and str(text).strip()]


def _fold(value: Any, place: str) -> int | None:
    if value in (None, ""):
        return None
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ValueError(f"{place}: `fold` must be a whole number, got {value!r}.") from None


def _from_folders(root: Path) -> Iterator[Row]:
    splits = [name for name in SPLITS if (root / name).is_dir()]
    places: list[str | None] = [*splits] or [None]
    for split in places:
        place = root / split if split else root
        for folder in (entry for entry in entries(place) if entry.is_dir()):
            for clip in entries(folder):
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
    publication=Publication("media", "you have the right to publish your own clips", own=True),
)
