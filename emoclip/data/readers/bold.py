# SPDX-License-Identifier: Apache-2.0
"""BoLD (Luo et al., IJCV 2020): persons in film clips with 26 categories, valence, arousal and dominance.

    annotations/{train,val}.csv            37 columns, no header: clip, person, first and last frame, 26 scores, V, A, D, ...
    videos/003/IzvOYVMltkI.mp4/0114.mp4    the name holds `.mp4` twice
    mmextract/003/IzvOYVMltkI.mp4/0114.mp4/img_00001.jpg    frames, where only they were kept
    joints/003/IzvOYVMltkI.mp4/0114.npy    rows: frame, person, 18 x (x, y, confidence)

One row is one person of a clip; a person that is listed again with other frames is one more row, `clip#person@first-last`. A category
counts where its score is at least one half (EmotionCLIP). Frame numbers of the joints count in the source film and are moved so that
the clip begins at 0. The test labels are not public.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from . import overlaps
from .arrays import load_array
from .layout import find, frames_of, listed, media_of
from .lists import read_csv
from .reader import Reader, Row


NAMES = CLASS_ORDERS["bold"]
NUM_COLUMNS = 37
POSITIVE = 0.5
FIRST_FRAME = 2
FIRST_SCORE = 4
AFFECT = ("valence", "arousal", "dominance")
ABOUT = ("gender", "age", "ethnicity", "confidence")


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the persons of the training and validation clips, with a box for each frame where joints are known."""
    for split, name in (("train", "train"), ("validation", "val")):
        path = find(root, "annotations", rf"{name}\.csv")
        stretches: dict[str, set[str]] = defaultdict(set)
        for number, fields in read_csv(path):
            if len(fields) != NUM_COLUMNS:
                raise ValueError(f"{path}:{number}: a row must have {NUM_COLUMNS} fields, got {len(fields)}.")
            row = _row(root, fields, split, f"{path}:{number}")
            frames, known = "-".join(fields[FIRST_FRAME:FIRST_SCORE]), stretches[row["clip_id"]]
            # The same person with the same frames keeps the id, which is then refused with both places.
            if known and frames not in known:
                row["clip_id"] += f"@{frames}"
            known.add(frames)
            yield {**row, "listed": listed(path, number)}


def _row(root: Path, fields: list[str], split: str, place: str) -> Row:
    clip, person = fields[0], fields[1]
    try:
        numbers = [float(field) for field in fields[FIRST_SCORE : FIRST_SCORE + len(NAMES) + len(AFFECT)]]
        person_number = int(float(person))
    except ValueError:
        raise ValueError(f"{place}: scores and the person must be numbers, got {fields!r}.") from None
    scores, affect = numbers[: len(NAMES)], numbers[len(NAMES) :]
    if not all(0 <= score <= 1 for score in scores):
        raise ValueError(f"{place}: a score must be from 0 to 1, got {scores}; were columns moved?")
    joints = root / "joints" / f"{clip.removesuffix('.mp4')}.npy"
    return {
        "clip_id": f"{clip}#{person_number}",
        **_media(root, clip),
        "labels": [label for label, score in enumerate(scores) if score >= POSITIVE],
        "split": split,
        "subject_id": f"{clip}#{person_number}",
        "boxes": person_boxes(load_array(joints), person_number) if joints.is_file() else None,
        "scores": scores,
        **dict(zip(AFFECT, affect, strict=True)),
        **dict(zip(ABOUT, fields[-len(ABOUT) :], strict=True)),
    }


def _media(root: Path, clip: str) -> Row:
    frames = root / "mmextract" / clip
    return (
        frames_of(frames)
        if frames.is_dir() and not (root / "videos" / clip).is_file()
        else media_of(root / "videos" / clip)
    )


def person_boxes(joints: np.ndarray, person: int) -> list[list[float]]:
    """Return a box `[x1, y1, x2, y2]` for each frame, empty where the person is not seen.

    Args:
        joints: (rows, 56): frame, person, 18 x (x, y, confidence); a joint of zeros was not seen.
        person: Whose boxes.
    """
    first = int(joints[:, 0].min()) if len(joints) else 0
    boxes: list[list[float]] = [[] for _ in range(int(joints[:, 0].max()) - first + 1 if len(joints) else 0)]
    for row in joints[joints[:, 1] == person]:
        points = row[2:].reshape(-1, 3)[:, :2]
        points = points[(points != 0).any(axis=1)]
        if len(points):
            corners = [*np.floor(points.min(axis=0)), *np.ceil(points.max(axis=0))]
            boxes[int(row[0]) - first] = [float(corner) for corner in corners]
    return boxes


READER = Reader(
    name="bold",
    title="BoLD",
    tasks={"categories": NAMES},
    licence="research",
    access="registration, https://cydar.ist.psu.edu/emotionchallenge",
    source="https://cydar.ist.psu.edu/emotionchallenge",
    rows=rows,
    # Of several labels only the number of persons is known.
    counts={"categories": {"train": {"": 9222}, "validation": {"": 1153}}},
    notes=(overlaps.BOLD,),
    test_split="validation",
)
