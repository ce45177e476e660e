# SPDX-License-Identifier: Apache-2.0
"""People's own clips: a table beside the files, or a folder for each class.

    metadata.csv, .jsonl or .parquet with `file_name` and `label`, `caption` or both; `split`, `fold` and `subject_id` if known
    <class>/<clip>     or     {train,validation,test}/<class>/<clip>    (val, valid, dev, testing, and capitals, are understood)

Files are videos, stills, or folders of frames. This is also the layout of `videofolder` and `imagefolder` of `datasets`. The root
may be a table of another name, too. In JSON lines and Parquet `caption` (or `captions`) may be a list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from emoclip.data.manifest import MANIFEST_SCHEMA

from .folder_table import TABLES, read_table
from .layout import PICTURES, VIDEOS, entries, media_of, refuse_loop
from .reader import Publication, Reader, Row


# Name of a folder, in small letters -> split.
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
COLUMNS = ("file_name", "label", "caption", "captions", "split", "fold", "subject_id")
# Columns of the manifest that are made here and nowhere else.
RESERVED = ("path", "media", "test_fold", "listed", "file")
# Columns of the manifest that a table may give, and what they are where a table holds text alone.
GIVEN: dict[str, Callable[[str], Any]] = {"num_frames": int, "fps": float, "boxes": json.loads, "labels": json.loads}


def reader_of(root: Path) -> Reader:
    """Return the reader of a folder, or of a table; its classes are those found there, in alphabetical or numeric order.

    Raises:
        FileNotFoundError: There is neither a table nor a folder with clips.
        ValueError: The table lacks a column or has a row that says nothing, or folders of splits and of classes lie side by side.
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
    names = _in_order({row["label"] for row in found if row["label"] is not None})
    rows = [{**row, "label": None if row["label"] is None else names.index(row["label"])} for row in found]
    return replace(READER, tasks={"classes": names}, rows=lambda *_: iter(rows))


def _from_table(path: Path) -> Iterator[Row]:
    kinds: dict[str, type] = {}
    for number, line in read_table(path):
        place = f"{path}:{number}"
        taken = next((name for name in RESERVED if name in line), None)
        if taken is not None:
            raise ValueError(f"{place}: `{taken}` is a column of the manifest that is made here; rename yours.")
        name, label = (_text(line.get(key), key, place) for key in ("file_name", "label"))
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
            **{key: _given(line[key], key, place, kinds) for key in sorted(set(line) - set(COLUMNS))},
        }


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Classes in alphabetical order, or in that of the numbers where all are numbers: 2 before 10."""
    alphabetical = tuple(sorted(names))
    try:
        return tuple(sorted(alphabetical, key=float))
    except ValueError:
        return alphabetical


def _text(value: Any, column: str, place: str) -> str:
    """What a cell says; 0 is a label, and nothing or blanks are none."""
    if isinstance(value, list | dict):
        raise ValueError(f"{place}: `{column}` must be one word or number, got {value!r}; a clip has one label here.")
    return "" if value is None else str(value).strip()


def _given(value: Any, column: str, place: str, kinds: dict[str, type]) -> Any:
    """A further column as it is, in the kind of its first value, and one of the manifest's in its type."""
    if column not in MANIFEST_SCHEMA.names:
        kind = float if type(value) is int else type(value)
        if value is not None and kinds.setdefault(column, kind) is not kind:
            raise ValueError(
                f"{place}: `{column}` must be of one kind in all rows, {kinds[column].__name__} as above, got {value!r}."
            )
        return value
    field = MANIFEST_SCHEMA.field(column)
    try:
        if isinstance(value, str) and column in GIVEN:
            value = GIVEN[column](value) if value.strip() else None
        return pa.scalar(value, field.type).as_py()
    except (ValueError, TypeError, pa.ArrowException) as error:
        raise ValueError(f"{place}: `{column}` must be of the type {field.type}, got {value!r}.") from error


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
    for place, split in _split_folders(root) or [(root, "train")]:
        for folder in (entry for entry in entries(place) if entry.is_dir()):
            for clip in entries(folder):
                if clip.suffix.lower() in (*VIDEOS, *PICTURES) or clip.is_dir():
                    clip_id = clip.relative_to(root).as_posix()
                    yield {"clip_id": clip_id, **media_of(clip), "label": folder.name, "split": split}


def _split_folders(root: Path) -> list[tuple[Path, str]]:
    """Folders of splits and what split each is, training first; none where the folders are classes.

    Raises:
        ValueError: Some folders are splits and others not, or two are the same split.
    """
    folders = [entry for entry in entries(root) if entry.is_dir()]
    found = [(folder, SPLITS[folder.name.lower()]) for folder in folders if folder.name.lower() in SPLITS]
    others = [folder.name for folder in folders if folder.name.lower() not in SPLITS]
    if found and others:
        names = ", ".join(folder.name for folder, _ in found)
        raise ValueError(
            f"Beside folders of splits ({names}) {root} must hold no others, got {', '.join(others)}: a split must be called train, "
            "validation or test, and folders of classes lie inside of the splits; rename or move them."
        )
    for split in {split for _, split in found}:
        same = [folder.name for folder, one in found if one == split]
        if len(same) > 1:
            raise ValueError(
                f"{root} must hold one folder of the split {split}, got {', '.join(same)}; put them together."
            )
    order = tuple(dict.fromkeys(SPLITS.values()))
    return sorted(found, key=lambda one: order.index(one[1]))


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
