# SPDX-License-Identifier: Apache-2.0
"""AFEW 7 (EmotiW): film clips with 7 emotions; the test labels are not public, so that the papers test on validation.

    {Train_AFEW,Val_AFEW}/<Emotion>/<9 digits>.avi                                as distributed
    AFEW_Face/{train,validation}/<Emotion>/<name>/*                               face frames, as the papers prepared them

The same video id occurs in both splits, so that the split is part of the id.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from . import overlaps
from .layout import VIDEOS, class_id, entries, find, find_or_none, media_of
from .reader import Reader, Row, counts_of


NAMES = CLASS_ORDERS["afew"]
# Of the face frames that the papers used.
FACE_COUNTS = counts_of(NAMES, train=[150, 117, 142, 135, 74, 74, 81], validation=[62, 61, 64, 63, 45, 40, 46])
# Of the distributed videos only sums: a few labels differ between versions.
VIDEO_COUNTS = {"train": {"": 773}, "validation": {"": 383}}


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the training and validation clips: face frames where the copy has them, else the videos."""
    faces = find_or_none(root, "AFEW_Face")
    for split, folder in (("train", "Train_AFEW"), ("validation", "Val_AFEW")):
        place = find(faces, split) if faces else find(root, folder)
        # Aligned faces and points lie beside the emotions.
        for emotion in (entry for entry in entries(place) if entry.is_dir() and not entry.name.startswith("Aligned")):
            label = class_id(emotion.name, NAMES, str(emotion))
            for clip in entries(emotion):
                if clip.is_dir() or clip.suffix.lower() in VIDEOS:
                    yield {"clip_id": f"{split}/{clip.stem}", **media_of(clip), "label": label, "split": split}


READER = Reader(
    name="afew",
    title="AFEW 7",
    tasks={"single": NAMES},
    licence="research only, on request",
    access="request to the organisers of EmotiW",
    source="https://cs.anu.edu.au/few/AFEW.html",
    rows=rows,
    counts={"single": FACE_COUNTS},
    alternatives={"single": [VIDEO_COUNTS]},
    notes=(overlaps.AFEW,),
    test_split="validation",
)
