# SPDX-License-Identifier: Apache-2.0
"""CREMA-D (Cao et al., TAC 2014): actors speaking with 6 emotions; open to everybody.

    VideoFlash/<actor>_<sentence>_<ANG|DIS|FEA|HAP|NEU|SAD>_<LO|MD|HI|XX>.flv
    VideoDemographics.csv       ActorID,Age,Sex,Race,Ethnicity; taken over where it is there

There is no official split: actors whose number is divisible by 5 are the test set here, and 5 folds of actors serve
cross-validation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from .layout import entries, find, find_or_none, media_of
from .lists import read_table
from .reader import WHOLE, Publication, Reader, Row


NAMES = CLASS_ORDERS["crema_d"]
CODES = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "NEU": "neutral", "SAD": "sadness"}
NAME = re.compile(r"(\d{4})_(\w{3})_(\w{3})_(\w{2})\.(flv|mp4)", re.IGNORECASE)
NUM_FOLDS = 5


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield every clip."""
    actors = _actors(root)
    for clip in entries(find(root, "VideoFlash")):
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
            **actors.get(actor, {}),
        }


def _actors(root: Path) -> dict[str, dict[str, str]]:
    """Actor -> age, sex, race and ethnicity, by which errors of a model can be compared."""
    path = find_or_none(root, r"VideoDemographics\.csv")
    lines = read_table(path, ("ActorID", "Age", "Sex", "Race", "Ethnicity")) if path else ()
    return {line.pop("ActorID"): {name.lower(): value for name, value in line.items()} for _, line in lines}


READER = Reader(
    name="crema_d",
    title="CREMA-D",
    tasks={"emotion": NAMES},
    licence="ODbL",
    access="open, https://github.com/CheyneyComputerScience/CREMA-D",
    source="https://github.com/CheyneyComputerScience/CREMA-D",
    rows=rows,
    counts={"emotion": {WHOLE: {"": 7442}}},
    notes=("The layout is from general knowledge of the set; check it against your download.",),
    publication=Publication("media", "the Open Database License lets it be passed on under the same licence", "odbl"),
)
