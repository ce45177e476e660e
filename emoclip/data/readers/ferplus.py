# SPDX-License-Identifier: Apache-2.0
"""FERPlus (Barsoum et al., ICMI 2016): ten people's votes on the stills of FER2013, by the majority rule.

    [data/]{FER2013Train,FER2013Valid,FER2013Test}/label.csv      fer0000000.png,"(0, 0, 48, 48)",v1..v10, no header
    [data/]{...}/fer0000000.png            as FERPlus' own script writes them,
    fer2013.csv, fer2013new.csv            or Kaggle's table beside FERPlus' own: then the stills are unpacked beside the manifest

Votes: neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, no face. Labels are those of the `label.csv`
files, which the papers used and in which a name stands once; `fer2013new.csv` has other votes for 1,602 names, and four names twice:
there the later picture overwrites the earlier one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from .fer2013 import Stills
from .layout import find, find_or_none, listed, media_of
from .lists import read_csv
from .reader import Publication, Reader, Row, counts_of


NAMES = CLASS_ORDERS["ferplus"]
NUM_VOTES = 10
SPLITS = {"train": "FER2013Train", "validation": "FER2013Valid", "test": "FER2013Test"}
COUNTS = counts_of(
    NAMES,
    train=[8733, 7284, 3136, 3022, 2098, 116, 536, 120],
    validation=[1180, 862, 411, 348, 289, 25, 60, 16],
    test=[1083, 892, 394, 382, 269, 16, 86, 15],
)


def reader_of(root: Path, media_folder: Path | None) -> Reader:
    """Return the reader of a folder; where it holds Kaggle's table instead of stills, they are unpacked into `media_folder`."""
    place = find_or_none(root, "data") or root
    pixels = find_or_none(root, r"fer2013\.csv")
    has_stills = any((place / folder).is_dir() and any((place / folder).glob("*.png")) for folder in SPLITS.values())
    if has_stills or pixels is None or media_folder is None:
        return READER
    stills = Stills(pixels, find(root, r"fer2013new\.csv"), media_folder)
    return replace(READER, rows=partial(rows, stills=stills))


def rows(root: Path, task: str, stills: Stills | None = None) -> Iterator[Row]:
    """Yield the stills whose votes have a majority for one of the eight emotions."""
    place = find_or_none(root, "data") or root
    for split, folder in SPLITS.items():
        path = find(place, folder, r"label\.csv")
        chosen: dict[str, tuple[int | None, str]] = {}
        for number, fields in read_csv(path):
            if fields[0] in chosen:
                raise ValueError(
                    f"{path}:{number}: every still must be listed once, {fields[0]} is in {chosen[fields[0]][1]} too."
                )
            chosen[fields[0]] = majority(_votes(fields, f"{path}:{number}")), listed(path, number)
        for name in _written(stills, folder, chosen) if stills else chosen:
            label, where = chosen[name]
            if label is not None:
                picture = (stills.folder / folder if stills else path.parent) / name
                row = {"clip_id": picture.stem, **media_of(picture), "label": label, "split": split}
                yield {**row, "listed": where}


def _written(stills: Stills, folder: str, names: Collection[str]) -> Iterator[str]:
    """Names as their stills are written; in the end those that have none, which are then told as missing."""
    left = dict.fromkeys(names)
    for picture in stills.write(folder):
        if picture.name in left:
            del left[picture.name]
            yield picture.name
    yield from left


def majority(votes: list[int]) -> int | None:
    """Return the emotion that has more than half of the votes, those of one person alone taken away; else `None`.

    Source: FERPlus `src/ferplus.py`.
    """
    kept = [vote if vote > 1 else 0 for vote in votes]
    best = max(range(NUM_VOTES), key=kept.__getitem__)
    return best if best < len(NAMES) and 2 * kept[best] > sum(kept) else None


def _votes(fields: list[str], place: str) -> list[int]:
    votes = fields[2:]
    if len(votes) != NUM_VOTES or not all(vote.strip().isdecimal() for vote in votes):
        raise ValueError(f"{place}: a row must have a name, a box and {NUM_VOTES} votes, got {','.join(fields)!r}.")
    return [int(vote) for vote in votes]


READER = Reader(
    name="ferplus",
    title="FERPlus",
    tasks={"majority": NAMES},
    licence="labels MIT; pixels of FER2013 without a clear licence",
    access="https://github.com/microsoft/FERPlus, pixels from Kaggle",
    source="https://github.com/microsoft/FERPlus",
    rows=rows,
    counts={"majority": COUNTS},
    publication=Publication(
        "annotations", "the votes are under the MIT licence, the pixels of FER2013 under no clear one", "mit"
    ),
)
