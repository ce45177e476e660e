# SPDX-License-Identifier: Apache-2.0
"""LIRIS-ACCEDE (Baveye et al., IEEE TAC 2015): valence and arousal of films.

Task `mediaeval` (MediaEval 2018, the one of EmotionCLIP): 66 films, two numbers for each second.

    **/MEDIAEVAL18-{DevSet,TestSet}-Valence_Arousal-annotations/annotations/MEDIAEVAL18_<XX>_Valence-Arousal.txt    Time, Valence, Arousal
    frames/MEDIAEVAL18_<XX>.mp4/<second + 1, 8 digits>.jpg    or, anywhere, MEDIAEVAL18_<XX>.mp4

Task `discrete`: 9,800 short clips.

    ACCEDEranking.txt    id, name, valenceRank, arousalRank, valenceValue, arousalValue, ...
    ACCEDEsets.txt       id, name, set (0 test, 1 learning, 2 validation)
    data/ACCEDE<NNNNN>.mp4

A row of `mediaeval` is the one frame at a second, for that is what EmotionCLIP looks at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from modeling_emoclip.video_decoding_emoclip import probe_video

from .layout import find, find_or_none, listed, media_of
from .lists import read_lines
from .reader import Reader, Row


NAMES = ("valence", "arousal")
ANNOTATIONS = re.compile(r"(MEDIAEVAL1[78]_\d+)_Valence-Arousal\.txt", re.IGNORECASE)
SETS = {"0": "test", "1": "train", "2": "validation"}


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the seconds of all films, or the short clips."""
    yield from _discrete(root) if task == "discrete" else _mediaeval(root)


def _mediaeval(root: Path) -> Iterator[Row]:
    paths = [path for path in sorted(root.rglob("*_Valence-Arousal.txt")) if ANNOTATIONS.fullmatch(path.name)]
    if not paths:
        raise FileNotFoundError(
            f"{root} must hold MEDIAEVAL18_<XX>_Valence-Arousal.txt in some folder, found none; is this the right root?"
        )
    films = {path.name: path for path in root.rglob("MEDIAEVAL1[78]_*.mp4") if path.is_file()}
    for path in paths:
        film = path.name.split("_Valence")[0]
        split = "test" if "test" in path.parent.parent.name.lower() else "train"
        frames = root / "frames" / f"{film}.mp4"
        video = films.get(f"{film}.mp4")
        rate = probe_video(video).fps if video is not None and not frames.is_dir() else None
        for number, second, targets in read_seconds(path):
            yield {
                "clip_id": f"{film}/{second:05}",
                "listed": listed(path, number),
                **_media_at(frames, video, rate, second),
                "num_frames": 1,
                "split": split,
                "subject_id": film,
                "targets": targets,
                "second": second,
            }


def _media_at(frames: Path, video: Path | None, rate: float | None, second: int) -> Row:
    if video is None or rate is None:
        return media_of(frames / f"{second + 1:08}.jpg")
    start = round(second * rate)
    return {"path": video, "media": "video", "start_frame": start, "end_frame": start + 1}


def read_seconds(path: Path) -> Iterator[tuple[int, int, list[float]]]:
    """Yield the line, the second and its valence and arousal; columns are found by their heading, for releases differ by one.

    Raises:
        ValueError: The heading or a line is malformed; names file and row.
    """
    lines = read_lines(path)
    _, heading = next(lines, (1, ""))
    columns = [word.lower() for word in heading.split("\t")]
    places = [next((at for at, word in enumerate(columns) if name in word), -1) for name in ("time", *NAMES)]
    if -1 in places:
        raise ValueError(f"{path}:1: the heading must have Time, Valence and Arousal, got {heading!r}.")
    for number, line in lines:
        fields = line.split("\t")
        try:
            second, *targets = (float(fields[place]) for place in places)
        except (ValueError, IndexError):
            raise ValueError(f"{path}:{number}: a line must hold {len(columns)} numbers, got {line!r}.") from None
        yield number, int(second), targets


def _discrete(root: Path) -> Iterator[Row]:
    sets = {fields["name"]: (fields["set"], place) for fields, place in _table(find(root, r"ACCEDEsets\.txt"))}
    media = find_or_none(root, "data") or root
    for fields, place in _table(find(root, r"ACCEDEranking\.txt")):
        name = fields["name"]
        which, where = sets.get(name, ("", place))
        if which not in SETS:
            raise ValueError(f"{where}: the set of {name} must be one of {', '.join(SETS)}, got {which or 'none'!r}.")
        try:
            targets = [float(fields["valencevalue"]), float(fields["arousalvalue"])]
        except ValueError:
            raise ValueError(f"{place}: valence and arousal must be numbers, got {fields}.") from None
        yield {
            "clip_id": name,
            "listed": place,
            **media_of(media / name),
            "split": SETS[which],
            "targets": targets,
        }


def _table(path: Path) -> Iterator[tuple[dict[str, str], str]]:
    """Rows of a table with a heading, by lower-case column, and where each stands."""
    lines = read_lines(path)
    _, heading = next(lines, (1, ""))
    columns = heading.lower().split("\t")
    needed = ["name", "set"] if "sets" in path.name.lower() else ["name", "valencevalue", "arousalvalue"]
    missing = [name for name in needed if name not in columns]
    if missing:
        raise ValueError(f"{path}:1: the heading must have the column {missing[0]}, got {heading!r}.")
    for number, line in lines:
        fields = line.split("\t")
        if len(fields) != len(columns):
            raise ValueError(f"{path}:{number}: a row must have {len(columns)} fields, got {len(fields)}.")
        yield dict(zip(columns, fields, strict=True)), f"{path}:{number}"


READER = Reader(
    name="liris_accede",
    title="LIRIS-ACCEDE",
    tasks={"mediaeval": NAMES, "discrete": NAMES},
    licence="research, agreement",
    access="agreement, https://liris-accede.ec-lyon.fr",
    source="https://liris-accede.ec-lyon.fr",
    rows=rows,
    counts={"discrete": {"train": {"": 2450}, "validation": {"": 2450}, "test": {"": 4900}}},
    films={"mediaeval": {"train": 54, "test": 12}},
    notes=("MediaEval's film 46 has only about 100 annotated seconds.",),
)
