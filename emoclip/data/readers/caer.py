# SPDX-License-Identifier: Apache-2.0
"""CAER and CAER-S (Lee et al., ICCV 2019): clips and stills of TV series with 7 emotions, a folder for each.

    {train,validation,test}/<Emotion>/0001.avi        CAER
    {train,test}/<Emotion>/0001.png                   CAER-S

Numbers start again in every folder, so that the whole path is the id.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from . import overlaps
from .layout import PICTURES, VIDEOS, class_id, entries, find, find_or_none, media_of
from .reader import WHOLE, Reader, Row


NAMES = CLASS_ORDERS["caer"]


def rows(root: Path, endings: tuple[str, ...], splits: tuple[str, ...]) -> Iterator[Row]:
    """Yield the clips or stills of every split that is there; the training split must be."""
    for split in splits:
        place = find(root, split) if split == "train" else find_or_none(root, split)
        for emotion in (entry for entry in entries(place) if entry.is_dir()) if place else ():
            label = class_id(emotion.name, NAMES, str(emotion))
            for clip in entries(emotion):
                if clip.suffix.lower() in endings:
                    clip_id = f"{split}/{emotion.name}/{clip.stem}"
                    yield {"clip_id": clip_id, **media_of(clip), "label": label, "split": split}


READER = Reader(
    name="caer",
    title="CAER",
    tasks={"single": NAMES},
    licence="research; exact terms not stated",
    access="https://caer-dataset.github.io/",
    source="https://caer-dataset.github.io/",
    rows=lambda root, task: rows(root, VIDEOS, ("train", "validation", "test")),
    # How many there are in each is not known here, but none of them is empty.
    counts={"single": {split: dict.fromkeys(NAMES) for split in ("train", "validation", "test")}},
    # The number that is usually told; no list confirms it.
    reported={"single": {WHOLE: {"": 13201}}},
    notes=(overlaps.TV_SERIES,),
)
STILLS = Reader(
    name="caer_s",
    title="CAER-S",
    tasks={"single": NAMES},
    licence="research; exact terms not stated",
    access="https://caer-dataset.github.io/",
    source="https://caer-dataset.github.io/",
    rows=lambda root, task: rows(root, PICTURES, ("train", "test")),
    # Only sums are known.
    counts={"single": {"train": {"": 49007}, "test": {"": 20992}}},
    notes=(overlaps.TV_SERIES,),
)
