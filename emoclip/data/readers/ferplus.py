# SPDX-License-Identifier: Apache-2.0
"""FERPlus (Barsoum et al., ICMI 2016): ten people's votes on the stills of FER2013, by the majority rule.

    [data/]{FER2013Train,FER2013Valid,FER2013Test}/label.csv      fer0000000.png,"(0, 0, 48, 48)",v1..v10, no header
    [data/]{...}/fer0000000.png

Votes: neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, no face. Four names occur twice; the later
picture overwrote the earlier one, and so does its row here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from .layout import find, find_or_none, media_of
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


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the stills whose votes have a majority for one of the eight emotions."""
    place = find_or_none(root, "data") or root
    for split, folder in SPLITS.items():
        pictures = find(place, folder)
        chosen: dict[str, int | None] = {}
        path = find(pictures, r"label\.csv")
        with path.open(newline="", encoding="utf-8") as file:
            for number, fields in enumerate(csv.reader(file), start=1):
                chosen[fields[0]] = majority(_votes(fields, f"{path}:{number}"))
        for name, label in chosen.items():
            if label is not None:
                yield {"clip_id": Path(name).stem, **media_of(pictures / name), "label": label, "split": split}


def majority(votes: list[int]) -> int | None:
    """Return the emotion that has more than half of the votes, those of one person alone taken away; else `None`.

    Source: FERPlus `src/ferplus.py`.
    """
    kept = [vote if vote > 1 else 0 for vote in votes]
    best = max(range(NUM_VOTES), key=kept.__getitem__)
    return best if best < len(NAMES) and 2 * kept[best] > sum(kept) else None


def _votes(fields: list[str], place: str) -> list[int]:
    votes = fields[2:]
    if len(votes) != NUM_VOTES or not all(vote.strip().isdigit() for vote in votes):
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
