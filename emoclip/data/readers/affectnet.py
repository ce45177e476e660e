# SPDX-License-Identifier: Apache-2.0
"""AffectNet (Mollahosseini et al., TAC 2017): stills with 8 emotions (7 without contempt), valence and arousal.

    {train_set,val_set}/images/<id>.jpg, annotations/<id>_{exp,val,aro}.npy                  the small release, faces
    Manually_Annotated_file_lists/{training,validation}.csv, Manually_Annotated_Images/...    the full one

Labels: 0 neutral, 1 happy, 2 sad, 3 surprise, 4 fear, 5 disgust, 6 anger, 7 contempt; 8 to 10 are no classes and are left out.
Stills that a list holds more than once, which the official numbers count as often, get `#2`, `#3` behind their id.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from .arrays import load_array
from .layout import entries, find, find_or_none, is_picture, listed, media_of
from .lists import read_csv
from .reader import Reader, Row, counts_of


SEVEN, EIGHT = CLASS_ORDERS["affectnet_7"], CLASS_ORDERS["affectnet_8"]
NUM_CODES = 11  # with none, uncertain and no face
TRAIN = [74874, 134415, 25459, 14090, 6378, 3803, 24882, 3750]
COLUMNS = [
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
]
INVALID = -2  # valence and arousal of stills without a face


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the stills of whichever release lies at the root."""
    names = SEVEN if task == "7" else EIGHT
    full = find_or_none(root, "Manually_Annotated_file_lists")
    for row, code in _full(root, full) if full else _small(root):
        if code < len(names):
            yield {**row, "label": code}


def _small(root: Path) -> Iterator[tuple[Row, int]]:
    for split, folder in (("train", "train_set"), ("validation", "val_set")):
        pictures, notes = find(root, folder, "images"), find(root, folder, "annotations")
        for picture in filter(is_picture, entries(pictures)):
            values = {name: _value(notes / f"{picture.stem}_{name}.npy") for name in ("exp", "val", "aro")}
            code = _code(f"{values['exp']:g}", str(notes / f"{picture.stem}_exp.npy"))
            affect = {"valence": _known(values["val"]), "arousal": _known(values["aro"])}
            yield {"clip_id": f"{split}/{picture.stem}", **media_of(picture), "split": split, **affect}, code


def _full(root: Path, lists: Path) -> Iterator[tuple[Row, int]]:
    pictures = find(root, "Manually_Annotated_Images")
    for split, name in (("train", "training"), ("validation", "validation")):
        path = find(lists, rf"{name}\.csv")
        seen: Counter[str] = Counter()
        for number, fields in read_csv(path):
            # Some copies lack the heading.
            if number == 1 and "/" not in fields[0]:
                _check_heading(fields, path)
                continue
            if len(fields) != len(COLUMNS):
                raise ValueError(f"{path}:{number}: a row must have {len(COLUMNS)} fields, got {len(fields)}.")
            line = dict(zip(COLUMNS, fields, strict=True))
            seen[fields[0]] += 1
            again = f"#{seen[fields[0]]}" if seen[fields[0]] > 1 else ""
            row = {"clip_id": f"{split}/{fields[0]}{again}", **media_of(pictures / fields[0]), "split": split}
            row["listed"] = listed(path, number)
            place = f"{path}:{number}"
            yield {**row, **_affect(line, place), "boxes": _box(line)}, _code(line["expression"], place)


def _check_heading(fields: list[str], path: Path) -> None:
    if [field.strip() for field in fields] != COLUMNS:
        raise ValueError(f"{path}:1: the columns must be {', '.join(COLUMNS)}, got {', '.join(fields)}.")


def _affect(line: dict[str, str], place: str) -> Row:
    try:
        values = {name: float(line[name]) for name in ("valence", "arousal")}
    except ValueError:
        raise ValueError(f"{place}: valence and arousal must be numbers, got {line}; were columns moved?") from None
    return {name: _known(value) for name, value in values.items()}


def _known(value: float) -> float | None:
    return None if value == INVALID or math.isnan(value) else value


def _box(line: dict[str, str]) -> list[list[float]] | None:
    try:
        x, y, width, height = (float(line[name]) for name in ("face_x", "face_y", "face_width", "face_height"))
    except ValueError:
        return None  # "NULL" where there is no face
    return [[x, y, x + width, y + height]]


def _value(path: Path) -> float:
    content = load_array(path)
    try:
        # Some copies hold text in the place of a number.
        return float(str(content))
    except ValueError:
        raise ValueError(f"{path} must hold one number, got {str(content)[:40]!r}.") from None


def _code(text: str, place: str) -> int:
    if not text.strip().isdecimal() or int(text) >= NUM_CODES:
        raise ValueError(f"{place}: the expression must be a number from 0 to {NUM_CODES - 1}, got {text!r}.")
    return int(text)


def _validation(surprise: int, names: tuple[str, ...]) -> dict[str, dict[str, int]]:
    numbers = [500] * len(names)
    numbers[names.index("surprise")] = surprise
    return counts_of(names, train=TRAIN[: len(names)], validation=numbers)


READER = Reader(
    name="affectnet",
    title="AffectNet",
    tasks={"8": EIGHT, "7": SEVEN},
    licence="research only, no redistribution",
    access="licence signed by a professor, http://mohammadmahoor.com/affectnet/",
    source="http://mohammadmahoor.com/affectnet/",
    rows=rows,
    counts={"8": _validation(499, EIGHT), "7": _validation(499, SEVEN)},
    # One still of surprise is missing from the small release, and from the papers' numbers.
    alternatives={"8": [_validation(500, EIGHT)], "7": [_validation(500, SEVEN)]},
    test_split="validation",
)
