# SPDX-License-Identifier: Apache-2.0
"""EMOTIC (Kosti et al., TPAMI 2019): persons in stills with 26 categories, valence, arousal and dominance.

    emotic/{ade20k,emodb_small,framesdb,mscoco}/images/*
    annotations_pre/{train,val,test}.csv       made from Annotations.mat by the usual converter (Tandon-A/emotic `mat2py.py`)

Columns: Index, Folder, Filename, Image Size, BBox, Categorical_Labels, Continuous_Labels, Gender, Age; lists are Python text. One
row is one person. Boxes may leave the picture and are cut to it.
"""

from __future__ import annotations

import ast
import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from .layout import class_id, find, find_or_none, listed, media_of
from .reader import Reader, Row


NAMES = CLASS_ORDERS["emotic"]
NEEDED = ("Index", "Folder", "Filename", "Image Size", "BBox", "Categorical_Labels", "Continuous_Labels")
AFFECT = ("valence", "arousal", "dominance")


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the persons of all three splits."""
    pictures = find_or_none(root, "emotic") or root
    for split, name in (("train", "train"), ("validation", "val"), ("test", "test")):
        path = find(root, "annotations_pre", rf"{name}\.csv")
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [column for column in NEEDED if column not in (reader.fieldnames or [])]
            if missing:
                raise ValueError(f"{path} must have the column {missing[0]}, got {reader.fieldnames}.")
            for number, line in enumerate(reader, start=2):
                yield {**_row(pictures, line, split, f"{path}:{number}"), "listed": listed(path, number)}


def _row(pictures: Path, line: dict[str, str], split: str, place: str) -> Row:
    labels = [class_id(word, NAMES, place) for word in _list(line, "Categorical_Labels", place)]
    affect = [float(value) for value in _list(line, "Continuous_Labels", place)]
    sides = [int(side) for side in _list(line, "Image Size", place)]
    return {
        "clip_id": f"{split}/{line['Index']}",
        **media_of(pictures / line["Folder"] / line["Filename"]),
        "labels": labels,
        "split": split,
        "boxes": [_cut(_list(line, "BBox", place), sides, place)],
        **{name: None if math.isnan(value) else value for name, value in zip(AFFECT, affect, strict=False)},
    }


def _cut(box: list[Any], sides: list[int], place: str) -> list[float]:
    if len(box) != 4:
        raise ValueError(f"{place}: a box must be [x1, y1, x2, y2], got {box}.")
    limits = [sides[0], sides[1]] * 2
    return [float(min(max(corner, 0), limit)) for corner, limit in zip(box, limits, strict=True)]


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
