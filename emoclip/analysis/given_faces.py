# SPDX-License-Identifier: Apache-2.0
"""Faces that the user knows already: boxes of people from a file, a table or a list, instead of a detector."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from emoclip.console import require
from emoclip.data.faces.face import Box, Face

from .frames import Frame
from .people import Sight
from .quality import face_look


# Between two boxes of somebody that lie no further apart, the frames have boxes between them.
MAX_SECONDS_BETWEEN = 1.0
# Share of a box that must lie within the picture for its face to count as found.
MIN_VISIBLE = 0.5
CORNERS = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True)
class GivenBoxes:
    """Boxes of people over time.

    Args:
        by: `frame` or `time`, what places are.
        boxes: Person -> places, rising, and the boxes there; a person with one place `None` has that box in all frames.
    """

    by: str
    boxes: dict[int, tuple[list[float | None], list[Box]]]

    def at(self, frame: Frame, fps: float) -> list[tuple[int, Box, bool]]:
        """Return the people in a frame, their boxes, and whether each box was given for this very frame."""
        place, reach = (frame.number, MAX_SECONDS_BETWEEN * fps) if self.by == "frame" else (frame.seconds, 1.0)
        # A frame's time is its own up to half the distance of frames.
        slack = 1e-6 if self.by == "frame" else 0.5 / fps
        found = []
        for person, (places, boxes) in self.boxes.items():
            one = _box_at(places, boxes, place, reach, slack)
            if one is not None:
                found.append((person, *one))
        return found


@dataclass(frozen=True)
class BoxesOfVideos:
    """Boxes of several videos, from a table with the column `video`.

    Args:
        videos: What stands in the column -> the boxes of its rows.
    """

    videos: Mapping[str, GivenBoxes]

    def key_of(self, video: str) -> str:
        """Return what stands in the column for a video: its path, however written, or the name of its file.

        Raises:
            ValueError: None does, or several do.
        """
        if video in self.videos:
            return video
        keys = self._by_path.get(Path(video).resolve()) or self._by_name.get(Path(video).name, [])
        if len(keys) != 1:
            known = ", ".join(map(repr, list(self.videos)[:5]))
            raise ValueError(
                f"`boxes` must name each video once in the column video, {len(keys) or 'none'} of {known} "
                f"{'are' if len(keys) > 1 else 'is'} {video!r}; write its path there, or leave the column out for a single video."
            )
        return keys[0]

    @cached_property
    def _by_path(self) -> dict[Path, list[str]]:
        return _grouped(self.videos, Path.resolve)

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        return _grouped(self.videos, lambda path: path.name)


def boxes_of(boxes: Any, video: str) -> GivenBoxes:
    """Return the boxes of one video, given in any form of `read_boxes`.

    Raises:
        FileNotFoundError, ValueError: See `read_boxes`; or there are boxes of other videos alone.
    """
    given = read_boxes(boxes)
    return given if isinstance(given, GivenBoxes) else given.videos[given.key_of(video)]


def check_boxes(boxes: Any, videos: Sequence[str]) -> GivenBoxes | BoxesOfVideos:
    """Return the boxes once it is clear which of them belong to each of the videos.

    Raises:
        FileNotFoundError, ValueError: See `read_boxes`; or boxes of one video are given for several.
    """
    given = read_boxes(boxes)
    if isinstance(given, GivenBoxes):
        if len(videos) > 1:
            raise ValueError(
                f"`boxes` without the column video belong to one video, got {len(videos)} videos; add the column, or run each "
                "video by itself."
            )
        return given
    keys: dict[str, str] = {}
    for video in videos:
        other = keys.setdefault(given.key_of(video), video)
        if other != video:
            raise ValueError(
                f"`boxes` must tell videos apart, {given.key_of(video)!r} in the column video is {other!r} as well as "
                f"{video!r}; write paths there."
            )
    return given


def read_boxes(boxes: Any) -> GivenBoxes | BoxesOfVideos:
    """Return boxes of people, however they are given.

    Args:
        boxes: A `.csv`, `.json` or `.parquet` file, or a table, with the columns `x1, y1, x2, y2` in pixels of the upright
            frame, `frame` (numbers from 0) or `time` (seconds), and, for several people, `person` (numbers from 1); for
            several videos, `video`, see `BoxesOfVideos`. Or a single box `[x1, y1, x2, y2]` for all frames; or a list with an entry for each frame: `None`, a box, or a list
            of boxes whose places are the people.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There is no box, or one is not written so.
    """
    if isinstance(boxes, GivenBoxes | BoxesOfVideos):
        return boxes
    if isinstance(boxes, str | Path):
        boxes = _read_table(Path(boxes))
    table = boxes if isinstance(boxes, pd.DataFrame) else pd.DataFrame(_rows(boxes))
    if "video" not in table or table.empty:
        return _from_table(table)
    if table["video"].isna().any():
        raise ValueError(
            "`boxes` with the column video must name one in every row; fill it in, or leave the column out."
        )
    return BoxesOfVideos({str(video): _from_table(part) for video, part in table.groupby("video", sort=False)})


def _grouped(videos: Iterable[str], fact: Callable[[Path], Any]) -> dict[Any, list[str]]:
    """Videos by something of their paths; there may be thousands, of which each is looked up."""
    groups: dict[Any, list[str]] = {}
    for video in videos:
        groups.setdefault(fact(Path(video)), []).append(video)
    return groups


class GivenPeople:
    """The people of given boxes, in the form of `PeopleFinder`.

    Args:
        boxes: See `read_boxes`.
        fps: Frame rate of the video, about.
    """

    def __init__(self, boxes: GivenBoxes, fps: float):
        self._cv2 = require("cv2", "data")
        self._boxes, self._fps = boxes, fps
        # Boxes that were passed over because they lie outside the picture, as those made on a copy of another size do.
        self.num_outside = 0

    def sights(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, np.ndarray, list[Sight]]]:
        """Yield every frame with its pixels (height, width, 3) and who is in it."""
        for frame in frames:
            pixels = frame.pixels.permute(1, 2, 0).contiguous().numpy()
            seen = [(person, box, _visible(box, pixels)) for person, box, _ in self._boxes.at(frame, self._fps)]
            self.num_outside += sum(share == 0 for _, _, share in seen)
            yield frame, pixels, [self._sight(person, box, pixels, share) for person, box, share in seen if share]

    def _sight(self, person: int, box: Box, pixels: np.ndarray, share: float) -> Sight:
        # Nothing was searched for and missed: a face between two given boxes is where its box lies, if it is in the picture.
        return Sight(person, box, 0.0, face_look(self._cv2, pixels, Face(box), found=share >= MIN_VISIBLE))


def _box_at(
    places: Sequence[float | None], boxes: Sequence[Box], place: float, reach: float, slack: float
) -> tuple[Box, bool] | None:
    if places[0] is None:
        return boxes[0], True
    # All or none are `None`; a film of an hour has 90,000 places, which must not be walked for every frame.
    known = cast(Sequence[float], places)
    index = bisect_left(known, place - slack)
    if index < len(known) and abs(known[index] - place) <= slack:
        return boxes[index], True
    if index == 0 or index == len(known) or known[index] - known[index - 1] > reach + slack:
        return None
    share = (place - known[index - 1]) / (known[index] - known[index - 1])
    left, top, right, bottom = (
        before + share * (behind - before) for before, behind in zip(boxes[index - 1], boxes[index], strict=True)
    )
    return (left, top, right, bottom), False


def _visible(box: Box, pixels: np.ndarray) -> float:
    """Share of a box that lies within a picture (height, width, 3)."""
    width = min(box[2], pixels.shape[1]) - max(box[0], 0)
    height = min(box[3], pixels.shape[0]) - max(box[1], 0)
    return max(0.0, width) * max(0.0, height) / ((box[2] - box[0]) * (box[3] - box[1]))


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(f"`boxes` must name a file, {path} is none; check the path.")
    readers: dict[str, Any] = {".csv": pd.read_csv, ".json": pd.read_json, ".parquet": pd.read_parquet}
    if path.suffix.lower() not in readers:
        raise ValueError(f"`boxes` must end in {' or '.join(readers)}, got {path}; change the ending.")
    try:
        return readers[path.suffix.lower()](path)
    except ValueError as error:
        raise ValueError(f"`boxes` must be a table, {path} cannot be read ({error}); write it again.") from error


def _rows(boxes: Any) -> list[dict[str, Any]]:
    if not isinstance(boxes, Sequence | np.ndarray) or isinstance(boxes, str) or len(boxes) == 0:
        raise ValueError(f"`boxes` must be a file, a table, a box or a list of boxes, got {boxes!r}.")
    if _is_box(boxes):
        return [{"person": 1, **dict(zip(CORNERS, boxes, strict=True))}]
    rows = []
    for number, entry in enumerate(boxes):
        people = [] if entry is None else [entry] if _is_box(entry) else list(entry)
        for person, box in enumerate(people, start=1):
            if box is None:
                continue
            if not _is_box(box):
                raise ValueError(f"A box must be four numbers x1, y1, x2, y2, frame {number} has {box!r}.")
            rows.append({"frame": number, "person": person, **dict(zip(CORNERS, box, strict=True))})
    return rows


def _is_box(entry: Any) -> bool:
    try:
        values = list(entry)
    except TypeError:
        return False
    return len(values) == 4 and all(np.isscalar(value) and not isinstance(value, str) for value in values)


def _from_table(table: pd.DataFrame) -> GivenBoxes:
    missing = [name for name in CORNERS if name not in table]
    if missing or table.empty:
        raise ValueError(
            f"`boxes` must hold at least one box with the columns {', '.join(CORNERS)} and frame or time, got "
            f"{len(table)} rows with the columns {', '.join(map(str, table.columns))}."
        )
    by = "frame" if "frame" in table else "time" if "time" in table else None
    people = _numbers(table, "person") if "person" in table else pd.Series(1, index=table.index)
    odd = people[(people < 1) | (people % 1 != 0)]
    if len(odd):
        raise ValueError(f"`person` of `boxes` must be a whole number from 1, got {odd.iloc[0]:g}.")
    known = pd.DataFrame({name: _numbers(table, name) for name in (*CORNERS, *([by] if by else []))})
    known = known.assign(person=people.astype(int))
    if by is not None:
        known = known.drop_duplicates()
    repeated = known[known.duplicated(["person", by] if by else ["person"])]
    if len(repeated):
        where = f" in {by} {repeated[by].iloc[0]:g}" if by else ""
        raise ValueError(
            f"`boxes` must hold one box for each person{f' and {by}' if by else ''}, got several of person "
            f"{repeated['person'].iloc[0]}{where}; add the column {'person' if by else 'frame'}."
        )
    boxes: dict[int, tuple[list[float | None], list[Box]]] = {}
    for row in (known if by is None else known.sort_values(by, kind="stable")).to_dict("records"):
        places, of_person = boxes.setdefault(int(row["person"]), ([], []))
        places.append(None if by is None else float(row[by]))
        of_person.append(_checked((row["x1"], row["y1"], row["x2"], row["y2"])))
    return GivenBoxes(by or "frame", boxes)


def _numbers(table: pd.DataFrame, name: str) -> pd.Series:
    """A column as finite numbers."""
    numbers = pd.to_numeric(table[name], errors="coerce").astype(float)
    bad = ~np.isfinite(numbers)
    if bad.any():
        got = table[name][bad].iloc[0]
        raise ValueError(f"`{name}` of `boxes` must be a number in every row, got {str(got)!r}; write one there.")
    return numbers


def _checked(box: Box) -> Box:
    left, top, right, bottom = box
    if not (left < right and top < bottom):
        raise ValueError(f"A box must be x1, y1, x2, y2 with x1 < x2 and y1 < y2, got {list(box)}.")
    return left, top, right, bottom


__all__ = ["BoxesOfVideos", "GivenBoxes", "GivenPeople", "boxes_of", "check_boxes", "read_boxes"]
