# SPDX-License-Identifier: Apache-2.0
"""RAF-DB (Li et al., CVPR 2017): stills with 7 basic and 11 compound emotions.

    {basic,compound}/EmoLabel/list_patition_label.txt      lines `train_00001.jpg 5`; the misspelling is official
    {basic,compound}/Image/aligned/train_00001_aligned.jpg

Labels count from 1; training names have 5 digits, test names 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from modeling_emoclip.labels_emoclip import CLASS_ORDERS, RAFDB_COMPOUND_CLASSES

from .layout import find, listed, media_of, numbered_id
from .lists import read_lines
from .reader import Reader, Row, counts_of


BASIC, COMPOUND = CLASS_ORDERS["rafdb"], CLASS_ORDERS["rafdb_compound"]
COUNTS = counts_of(
    BASIC,
    train=[1290, 281, 717, 4772, 1982, 705, 2524],
    test=[329, 74, 160, 1185, 478, 162, 680],
)


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the aligned stills of the basic or the compound part."""
    names = BASIC if task == "basic" else COMPOUND
    path = find(root, task, "EmoLabel", r"list_par?tition_label\.txt")
    pictures = find(root, task, "Image", "aligned")
    for number, line in read_lines(path):
        fields = line.split()
        split = fields[0].partition("_")[0]
        if len(fields) != 2 or split not in ("train", "test"):
            raise ValueError(f"{path}:{number}: a line must be `train_00001.jpg 5`, got {line!r}.")
        stem = Path(fields[0]).stem
        label = numbered_id(fields[1], dict(enumerate(names, start=1)), names, f"{path}:{number}")
        components = RAFDB_COMPOUND_CLASSES.get(names[label], (names[label],))
        yield {
            "clip_id": stem,
            "listed": listed(path, number),
            **media_of(pictures / f"{stem}_aligned.jpg"),
            "label": label,
            "labels": [label] if task == "basic" else None,
            "components": list(components),
            "split": split,
        }


READER = Reader(
    name="rafdb",
    title="RAF-DB",
    tasks={"basic": BASIC, "compound": COMPOUND},
    licence="research, not commercial, no redistribution",
    access="request to the authors, http://www.whdeng.cn/RAF/model1.html",
    source="http://www.whdeng.cn/RAF/model1.html",
    rows=rows,
    counts={"basic": COUNTS},
    # The numbers that are usually told; no list confirms them.
    reported={"compound": {"train": {"": 3162}, "test": {"": 792}}},
)
