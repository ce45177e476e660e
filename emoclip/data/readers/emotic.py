# SPDX-License-Identifier: Apache-2.0
"""EMOTIC (Kosti et al., TPAMI 2019): persons in stills with 26 categories, valence, arousal and dominance.

    emotic/{ade20k,emodb_small,framesdb,mscoco}/images/*
    Annotations/Annotations.mat                as distributed, see `emotic_mat`
    annotations_pre/{train,val,test}.csv       or made from it by the usual converter (Tandon-A/emotic `mat2py.py`)

Columns: Index, Folder, Filename, Image Size, BBox, Categorical_Labels, Continuous_Labels, Gender, Age; lists are Python text. One
row is one person, numbered through its split. Boxes may leave the picture and are cut to it.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from .emotic_mat import Person, read_mat
from .layout import class_id, find, find_or_none, listed, media_of
from .lists import read_table
from .reader import Reader, Row


NAMES = CLASS_ORDERS["emotic"]
NEEDED = ("Index", "Folder", "Filename", "Image Size", "BBox", "Categorical_Labels", "Continuous_Labels")
AFFECT = ("valence", "arousal", "dominance")
SPLITS = {"train": "train", "validation": "val", "test": "test"}


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the persons of all three splits, from the official file where it is there."""
    pictures = find_or_none(root, "emotic") or root
    official = find_or_none(root, "Annotations", r"Annotations\.mat")
    for split, name in SPLITS.items():
        people = read_mat(official, name) if official else _read_csv(find(root, "annotations_pre", rf"{name}\.csv"))
        for person in people:
            yield {**_row(pictures, person), "clip_id": f"{split}/{person.index}", "split": split}


def _read_csv(path: Path) -> Iterator[Person]:
    for number, line in read_table(path, NEEDED):
        place = f"{path}:{number}"
        yield Person(
            index=line["Index"],
            folder=line["Folder"],
            filename=line["Filename"],
            sides=_list(line, "Image Size", place),
            box=_list(line, "BBox", place),
            categories=_list(line, "Categorical_Labels", place),
            affect=_list(line, "Continuous_Labels", place),
            place=place,
            listed=listed(path, number),
        )


def _row(pictures: Path, person: Person) -> Row:
    if len(person.affect) != len(AFFECT):
        raise ValueError(f"{person.place}: there must be {len(AFFECT)} continuous labels, got {person.affect}.")
    affect = (float(value) for value in person.affect)
    return {
        "listed": person.listed,
        **media_of(pictures / person.folder / person.filename),
        "labels": [class_id(word, NAMES, person.place) for word in person.categories],
        "boxes": [_cut(person.box, person.sides, person.place)],
        **{name: None if math.isnan(value) else value for name, value in zip(AFFECT, affect, strict=True)},
    }


def _cut(box: list[Any], sides: list[Any], place: str) -> list[float]:
    if len(box) != 4 or len(sides) != 2:
        raise ValueError(f"{place}: a box must be [x1, y1, x2, y2] and a size [width, height], got {box} and {sides}.")
    return [float(min(max(corner, 0), limit)) for corner, limit in zip(box, [*sides, *sides], strict=True)]


def _list(line: dict[str, str], column: str, place: str) -> list[Any]:
    # The converter writes missing numbers as a bare `nan`, which is no literal.
    text = re.sub(r"\bnan\b", "None", line[column])
    try:
        return [math.nan if entry is None else entry for entry in ast.literal_eval(text)]
    except (ValueError, SyntaxError, TypeError):
        raise ValueError(f"{place}: {column} must be a list, got {line[column]!r}.") from None


READER = Reader(
    name="emotic",
    title="EMOTIC",
    tasks={"categories": NAMES},
    licence="research and education, not commercial",
    access="request form, https://github.com/rkosti/emotic",
    source="https://github.com/rkosti/emotic",
    rows=rows,
    counts={"categories": {"train": {"": 23266}, "validation": {"": 3315}, "test": {"": 7203}}},
)
