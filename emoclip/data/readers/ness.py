# SPDX-License-Identifier: Apache-2.0
"""Interviews with symptom scores (NESS and the like): an open form, for the data are not public and no layout is known.

    scores.csv       header `video,patient_id,session,item,score`; one line for each item of each video
    <video>          the path of a video, a still or a folder of frames

The items become the classes, in alphabetical order, and the scores the column `targets` in that order; leave-one-patient-out
folds number the patients in alphabetical order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from .layout import find, listed, media_of
from .lists import read_table
from .reader import Reader, Row


COLUMNS = ("video", "patient_id", "session", "item", "score")
# Video -> where it stands first, its patient and session, and item -> score.
Videos = dict[str, tuple[str, tuple[str, str], dict[str, float]]]


def reader_of(root: Path) -> Reader:
    """Return the reader of a folder; its classes are the items found there.

    Raises:
        FileNotFoundError: There is no table.
        ValueError: The table lacks a column, scores a video twice, or leaves an item out.
    """
    path = find(root, r"scores\.csv")
    videos = _read(path)
    items = tuple(sorted({item for *_, scores in videos.values() for item in scores}))
    for video, (*_, scores) in videos.items():
        missing = [item for item in items if item not in scores]
        if missing:
            raise ValueError(f"{path}: every video must have every item, {video} has no {', '.join(missing)}.")
    return replace(READER, tasks={"regression": items}, rows=lambda root, task: _rows(root, videos, items))


def _rows(root: Path, videos: Videos, items: tuple[str, ...]) -> Iterator[Row]:
    patients = sorted({patient for _, (patient, _), _ in videos.values()})
    for video, (place, (patient, session), scores) in videos.items():
        yield {
            "clip_id": video,
            "listed": place,
            **media_of(root / video),
            "split": "all",
            "test_fold": patients.index(patient) + 1,
            "subject_id": patient,
            "session": session,
            "targets": [scores[item] for item in items],
        }


def _read(path: Path) -> Videos:
    videos: Videos = {}
    for number, line in read_table(path, COLUMNS, exactly=True):
        who = (line["patient_id"], line["session"])
        _, known, scores = videos.setdefault(line["video"], (listed(path, number), who, {}))
        if known != who:
            raise ValueError(f"{path}:{number}: {line['video']} must belong to one patient and session, got {who}.")
        if line["item"] in scores:
            raise ValueError(f"{path}:{number}: {line['item']!r} of {line['video']} must be scored once.")
        scores[line["item"]] = _score(line["score"], f"{path}:{number}")
    return videos


def _score(text: str, place: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise ValueError(f"{place}: a score must be a number, got {text!r}.")
    return score


READER = Reader(
    name="ness",
    title="symptom scores",
    tasks={"regression": ()},
    licence="your own; clinical",
    access="not public; an open form for your own interviews",
    source="Foteinopoulou and Patras, EmoCLIP, section IV-D",
    rows=lambda root, task: iter(()),
)
