# SPDX-License-Identifier: Apache-2.0
"""DFEW (Jiang et al., ACM MM 2020): film clips with 7 emotions in 5 folds.

EmoLabel_DataSplit/test(single-labeled)/set_{1..5}.csv        header video_name,label; ids unpadded, labels from 1
Clip/{clip_224x224,clip_224x224_16f}/<00001>/*  or  Clip/original/<00001>.mp4
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from . import overlaps
from .layout import find, listed, media_of, numbered_id
from .lists import read_table
from .reader import Reader, Row, counts_of


NAMES = CLASS_ORDERS["dfew"]
OFFICIAL_IDS = dict(enumerate(NAMES, start=1))
FRAMES = ("clip_224x224", "clip_224x224_16f")

COUNTS = counts_of(
    NAMES,
    fold_1=[489, 379, 534, 435, 294, 29, 181],
    fold_2=[489, 379, 534, 435, 294, 29, 181],
    fold_3=[489, 379, 534, 435, 294, 29, 180],
    fold_4=[489, 379, 534, 434, 294, 29, 180],
    fold_5=[489, 378, 533, 434, 293, 29, 180],
)


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the clips of the five test folds."""
    folder, suffix = _media_folder(root)
    for fold in range(1, 6):
        path = find(root, "EmoLabel_DataSplit", r"test\(single[-_]labeled\)", rf"set_{fold}\.csv")
        for number, line in read_table(path, ("video_name", "label"), exactly=True):
            clip = line["video_name"].strip().zfill(5)
            yield {
                "clip_id": clip,
                "listed": listed(path, number),
                **media_of(folder / f"{clip}{suffix}"),
                "label": numbered_id(line["label"], OFFICIAL_IDS, NAMES, f"{path}:{number}"),
                "split": "all",
                "test_fold": fold,
            }


def _media_folder(root: Path) -> tuple[Path, str]:
    """Where all clips lie and how their names end, face frames before whole pictures; one place, for the three differ in rate and view."""
    for name in FRAMES:
        if (path := root / "Clip" / name).is_dir() and any(entry.is_dir() for entry in path.iterdir()):
            return path, ""
    return root / "Clip" / "original", ".mp4"


READER = Reader(
    name="dfew",
    title="DFEW",
    tasks={"single": NAMES},
    licence="research and education, not commercial",
    access="application from a university account, https://dfew-dataset.github.io/",
    source="https://dfew-dataset.github.io/",
    rows=rows,
    counts={"single": COUNTS},
    notes=(overlaps.DFEW,),
)
