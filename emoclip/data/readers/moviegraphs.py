# SPDX-License-Identifier: Apache-2.0
"""MovieGraphs (Vicol et al., CVPR 2018): scenes of 51 films with 26 categories, several at once.

    official/mg/split.json                                      {"train": [films], "val": [...], "test": [...]}
    official/mg/py3loader/emotion_labels.json                   film -> scene -> class names
    official/mg_videoinfo/scene_boundaries/<film>.scenes.gt     first shot, last shot (from 1), flag
    official/mg_videoinfo/video_boundaries/<film>.videvents     a heading; then frame, time, CUT: where shots 2, 3, ... begin
    frames/<film>/frame_<N>.jpg                                 or films/<film>.mp4 (.mkv, .avi): owners' own copies

The names are free words in the package itself; `emotion_labels.json` is the grouping into 26 classes that Affect2MM and EmotionCLIP
use, and is made by a script of theirs. Scene numbers count the lines of `.scenes.gt` from 1. The last shot of a film has no end:
192 frames are taken, as EmotionCLIP does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from .layout import VIDEOS, class_id, find, find_or_none
from .lists import read_lines, read_text
from .reader import WHOLE, Reader, Row


NAMES = CLASS_ORDERS["moviegraphs"]
SPLITS = {"train": "train", "val": "validation", "test": "test"}
# What the package calls the class; the others have their own names.
SHORT = {"doubt/conf": "doubt/confusion"}
OPEN_END = 8 * 24
FRAME_NAME = "frame_{}.jpg"
# The film ends before the annotation does: (film, scene) -> frame after the last (EmotionCLIP `movie_graphs.py`).
ENDS = {("tt0388795", 207): 184272}


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the labelled scenes of all films."""
    split_path = find(root, "official", "mg", r"split\.json")
    split = _read_json(split_path)
    labels_path = find(root, "official", "mg", "py3loader", r"emotion_labels\.json")
    labels = _read_json(labels_path)
    info = find(root, "official", "mg_videoinfo")
    for name, films in split.items():
        if name not in SPLITS:
            raise ValueError(f"{split_path}: a split must be one of {', '.join(SPLITS)}, got {name!r}.")
        for film in films:
            scenes = read_scenes(info, film)
            media, num_frames = _media_of(root, film)
            for number, key, words in _labelled(labels, film, labels_path, split_path):
                place = f"{labels_path}, {film}, scene {number}"
                if not 1 <= number <= len(scenes):
                    raise ValueError(f"{place}: a scene must be one of 1 to {len(scenes)}, the lines of its film.")
                start, end = scenes[number - 1]
                end = ENDS.get((film, number), end)
                yield {
                    "clip_id": f"{film}/{number:03}",
                    "listed": f"{labels_path.name}, {film}, scene {key!r} ({name} in {split_path.name})",
                    **media,
                    "num_frames": end - start if num_frames else None,
                    "start_frame": start,
                    "end_frame": end,
                    "labels": sorted({class_id(SHORT.get(word.lower(), word), NAMES, place) for word in words}),
                    "split": SPLITS[name],
                    "subject_id": film,
                }


def _labelled(labels: dict[str, Any], film: str, path: Path, split_path: Path) -> list[tuple[int, str, list[str]]]:
    """Number, name and words of the scenes of a film, in order."""
    scenes = labels.get(film)
    if not scenes or not isinstance(scenes, dict):
        raise ValueError(f"{path}: every film of {split_path} must have labelled scenes, {film} has none.")
    for key, words in scenes.items():
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ValueError(f"{path}, {film}, scene {key!r}: a scene must have a list of words, got {words!r}.")
    return sorted((_number(key, f"{path}, {film}"), key, words) for key, words in scenes.items())


def read_scenes(info: Path, film: str) -> list[tuple[int, int]]:
    """Return the first frame and the frame after the last of every scene of a film.

    Raises:
        FileNotFoundError: The boundaries of the film are not there.
        ValueError: A line is malformed, or names a shot that the film has not; names file and row.
    """
    path = find(info, "video_boundaries", rf"{film}\.videvents")
    starts = [0]
    for number, line in list(read_lines(path))[1:]:
        starts.append(_number(line.split()[0], f"{path}:{number}"))
    # Where the shot after each ends; the last has no end.
    ends = [*starts[1:], starts[-1] + OPEN_END]
    path = find(info, "scene_boundaries", rf"{film}\.scenes\.gt")
    scenes = []
    for number, line in read_lines(path):
        fields = line.split()
        if len(fields) < 2:
            raise ValueError(f"{path}:{number}: a line must be `first_shot last_shot flag`, got {line!r}.")
        first, last = (_number(field, f"{path}:{number}") for field in fields[:2])
        if not 1 <= first <= last <= len(starts):
            raise ValueError(f"{path}:{number}: shots must be from 1 to {len(starts)}, got {first} to {last}.")
        scenes.append((starts[first - 1], ends[last - 1]))
    return scenes


def _media_of(root: Path, film: str) -> tuple[dict[str, Any], bool]:
    """Where a film is or would be, and whether its frames are there."""
    folder = root / "frames" / film
    films = find_or_none(root, "films", rf"{film}\.({'|'.join(suffix[1:] for suffix in VIDEOS)})")
    if films is not None and not folder.is_dir():
        return {"path": films, "media": "video"}, True
    return {"path": folder, "media": "frames", "frame_name": FRAME_NAME}, folder.is_dir()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{error.lineno}: must be JSON ({error.msg}).") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(content).__name__}.")
    return content


def _number(text: str, place: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{place}: a scene, shot or frame must be a whole number, got {text!r}.") from None


READER = Reader(
    name="moviegraphs",
    title="MovieGraphs",
    tasks={"categories": NAMES},
    licence="research; films are not shared",
    access="https://moviegraphs.cs.toronto.edu",
    source="https://moviegraphs.cs.toronto.edu",
    rows=rows,
    # Of all scenes; those with an emotion may be fewer.
    reported={"categories": {WHOLE: {"": 7637}}},
    films={"categories": {"train": 34, "validation": 7, "test": 10}},
    notes=("Officially 7,637 scenes of 34, 7 and 10 films; how many of them carry an emotion was not published.",),
)
