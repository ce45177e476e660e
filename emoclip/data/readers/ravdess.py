# SPDX-License-Identifier: Apache-2.0
"""RAVDESS (Livingstone and Russo, PLoS ONE 2018): actors speaking with 8 emotions; open to everybody.

    Actor_<NN>/<modality>-<channel>-<emotion>-<intensity>-<statement>-<repetition>-<actor>.mp4

Speech with picture and sound (modality 01, channel 01) by default. There is no official split: actors 21 to 24 are the test set here,
and folds of 4 or 5 actors serve cross-validation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from .layout import entries, find, media_of
from .reader import Publication, Reader, Row


NAMES = CLASS_ORDERS["ravdess"]
NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)\.mp4")
FIRST_TEST_ACTOR = 21
NUM_FOLDS = 5
# 60 clips an actor: 4 of neutral, 8 of each other emotion.
COUNTS = {
    "train": {name: 20 * (4 if name == "neutral" else 8) for name in NAMES},
    "test": {name: 4 * (4 if name == "neutral" else 8) for name in NAMES},
}


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the clips of speech that have picture and sound."""
    find(root, r"Actor_\d\d")
    for folder in sorted(root.glob("Actor_[0-9][0-9]")):
        for clip in entries(folder):
            match = NAME.fullmatch(clip.name)
            if match is None:
                if clip.suffix == ".mp4":
                    raise ValueError(f"{clip}: the name must have seven numbers of two digits with dashes between.")
                continue
            modality, channel, emotion, intensity, statement, _, actor = (int(part) for part in match.groups())
            if (modality, channel) != (1, 1):
                continue
            if not 1 <= emotion <= len(NAMES):
                raise ValueError(f"{clip}: the emotion must be from 01 to 08, got {emotion:02}.")
            yield {
                "clip_id": clip.stem,
                **media_of(clip),
                "label": emotion - 1,
                "subject_id": f"{actor:02}",
                "split": "test" if actor >= FIRST_TEST_ACTOR else "train",
                "test_fold": (actor - 1) % NUM_FOLDS + 1,
                "intensity": intensity,
                "statement": statement,
            }


READER = Reader(
    name="ravdess",
    title="RAVDESS",
    tasks={"speech": NAMES},
    licence="CC BY-NC-SA 4.0; look at your copy, tags differ",
    access="open, https://zenodo.org/records/1188976",
    source="https://zenodo.org/records/1188976",
    rows=rows,
    counts={"speech": COUNTS},
    notes=("The layout is from general knowledge of the set; check it against your download.",),
    publication=Publication(
        "media", "CC BY-NC-SA 4.0 lets it be passed on, not for profit and under the same licence", "cc-by-nc-sa-4.0"
    ),
)
