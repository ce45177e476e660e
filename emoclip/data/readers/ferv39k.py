# SPDX-License-Identifier: Apache-2.0
"""FERV39k (Wang et al., CVPR 2022): clips of 22 scenes with 7 emotions.

    4_setups/All_scenes/{train,test}_All.csv        lines `Scene/Emotion/0010 Emotion`, no header, a space between
    2_ClipsforFaceCrop/<Scene>/<Emotion>/<0010>/*

Clip numbers repeat between scenes and emotions, so that the whole path is the id.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from .layout import class_id, find, listed, media_of
from .lists import read_lines
from .reader import Reader, Row, counts_of


NAMES = CLASS_ORDERS["ferv39k"]
COUNTS = counts_of(
    NAMES,
    train=[5854, 5523, 7790, 5906, 2502, 1833, 1680],
    test=[1473, 1393, 1958, 1487, 638, 467, 431],
)


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the training and test clips."""
    faces = find(root, r"2_ClipsforFaceCrop")
    for split in ("train", "test"):
        path = find(root, "4_setups", "All_scenes", rf"{split}_All\.csv")
        for number, line in read_lines(path):
            clip, _, word = line.strip().rpartition(" ")
            parts = clip.split("/")
            if len(parts) != 3:
                raise ValueError(f"{path}:{number}: a line must be `Scene/Emotion/0010 Emotion`, got {line!r}.")
            yield {
                "clip_id": clip,
                "listed": listed(path, number),
                **media_of(faces.joinpath(*parts)),
                "label": class_id(word, NAMES, f"{path}:{number}"),
                "split": split,
                "scene": parts[0],
            }


READER = Reader(
    name="ferv39k",
    title="FERV39k",
    tasks={"single": NAMES},
    licence="research, not commercial",
    access="application from a university account, https://wangyanckxx.github.io/Proj_CVPR2022_FERV39k.html",
    source="https://wangyanckxx.github.io/Proj_CVPR2022_FERV39k.html",
    rows=rows,
    counts={"single": COUNTS},
)
