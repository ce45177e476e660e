# SPDX-License-Identifier: Apache-2.0
"""CREMA-D (Cao et al., TAC 2014): actors speaking with 6 emotions; open to everybody.

    VideoFlash/<actor>_<sentence>_<ANG|DIS|FEA|HAP|NEU|SAD>_<LO|MD|HI|XX>.flv

There is no official split: actors whose number is divisible by 5 are the test set here, and 5 folds of actors serve
cross-validation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from .layout import find, media_of
from .reader import Publication, Reader, Row


NAMES = CLASS_ORDERS["crema_d"]
CODES = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "NEU": "neutral", "SAD": "sadness"}
NAME = re.compile(r"(\d{4})_(\w{3})_(\w{3})_(\w{2})\.(flv|mp4)", re.IGNORECASE)
NUM_FOLDS = 5


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield every clip."""
    for clip in sorted(find(root, "VideoFlash").iterdir()):
        match = NAME.fullmatch(clip.name)
        if match is None:
            continue
        actor, sentence, code, level, _ = match.groups()
        if code.upper() not in CODES:
            raise ValueError(f"{clip}: the emotion must be one of {', '.join(CODES)}, got {code!r}.")
        fold = int(actor) % NUM_FOLDS + 1
        yield {
            "clip_id": clip.stem,
            **media_of(clip),
            "label": NAMES.index(CODES[code.upper()]),
            "subject_id": actor,
            "split": "test" if fold == 1 else "train",
            "test_fold": fold,
            "sentence": sentence.upper(),
            "intensity": level.upper(),
        }


READER = Reader(
    name="crema_d",
    title="CREMA-D",
    tasks={"emotion": NAMES},
    licence="ODbL",
    access="open, https://github.com/CheyneyComputerScience/CREMA-D",
    source="https://github.com/CheyneyComputerScience/CREMA-D",
    rows=rows,
    notes=("The layout is from general knowledge of the set; check it against your download. It has 7,442 clips.",),
    publication=Publication("media", "the Open Database License lets it be passed on under the same licence", "odbl"),
)
