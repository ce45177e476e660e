# SPDX-License-Identifier: Apache-2.0
"""Faces of a video as they pass: found, followed, numbered, steadied. Holds a second of frames, however long the video.

The rules of following, smoothing and sifting are those of `emoclip.data.faces`; here they run over a short stretch of frames on
either side of the one that is cut out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emoclip.console import require
from emoclip.data.faces.face import Box, Face
from emoclip.data.faces.selection import MIN_FINDINGS
from emoclip.data.faces.smoothing import steady_boxes, steady_rolls
from emoclip.data.faces.tracking import FaceTracker, Track

from .colours import CutDetector, person_colours
from .frames import Frame
from .naming import PersonNames
from .picture import FaceLook
from .quality import face_look


# Analysed frames on either side of which a frame's box is made, and a face may be missing between two findings.
REACH = 4
# Analysed frames over which boxes are averaged, the frame's own in the middle.
SMOOTH = 5
# Seconds that a face may be out of sight and still be the same track.
MAX_GAP = 1.0

FindFaces = Callable[[Frame, np.ndarray, dict[int, Box]], list[Face]]


@dataclass(frozen=True)
class Sight:
    """One person in one frame.

    Args:
        person: From 1.
        box: Steadied, in pixels.
        roll: Degrees.
        look: How well the face can be read.
    """

    person: int
    box: Box
    roll: float
    look: FaceLook


@dataclass
class _Moment:
    """A frame that waits until enough is known of the frames behind it."""

    frame: Frame
    index: int
    pixels: np.ndarray
    faces: dict[int, Face]


@dataclass
class _Followed:
    """A track and what is known of who it is."""

    track: Track
    colours: np.ndarray
    person: int = 0
    by_colour: bool = False
    last_box: Box = field(default=(0.0, 0.0, 0.0, 0.0))


class PeopleFinder:
    """Finds and follows people.

    Args:
        find: Frame, its pixels (height, width, 3) and the last boxes of the faces in sight -> the faces in it.
        seconds_per_frame: Between analysed frames, about.
        steady: Average boxes over frames; given boxes may be taken as they are.
    """

    def __init__(self, find: FindFaces, seconds_per_frame: float, *, steady: bool = True):
        self._cv2 = require("cv2", "data")
        self._find = find
        self._smooth = SMOOTH if steady else 1
        self._gap = max(2, round(MAX_GAP / seconds_per_frame))
        self._tracker = FaceTracker(max_gap=self._gap)
        self._cuts = CutDetector(self._cv2)
        self._names = PersonNames()
        self._followed: dict[int, _Followed] = {}
        self._waiting: deque[_Moment] = deque()
        self._shot = 0
        self._shot_began = 0

    def sights(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, np.ndarray, list[Sight]]]:
        """Yield every frame with its pixels (height, width, 3) and who is seen in it, `REACH` frames late."""
        index = -1
        for index, frame in enumerate(frames):
            pixels = frame.pixels.permute(1, 2, 0).contiguous().numpy()
            if self._cuts.is_cut(pixels):
                yield from self._end_shot(index)
            self._look(_Moment(frame, index, pixels, {}))
            if len(self._waiting) > REACH:
                yield self._release(MIN_FINDINGS)
        yield from self._end_shot(index + 1)

    def _look(self, moment: _Moment) -> None:
        faces = self._find(moment.frame, moment.pixels, self._tracker.in_sight(moment.index))
        for one, face in zip(self._tracker.update(moment.index, faces), faces, strict=True):
            moment.faces[one] = face
            colours = person_colours(self._cv2, moment.pixels, face.box)
            if one not in self._followed:
                self._followed[one] = _Followed(Track(one), colours)
            followed = self._followed[one]
            followed.track.add(moment.index, face)
            followed.colours, followed.last_box = 0.8 * followed.colours + 0.2 * colours, face.box
            if followed.person:
                self._names.saw(followed.person, colours, face.box, self._shot)
        self._waiting.append(moment)

    def _end_shot(self, index: int) -> Iterator[tuple[Frame, np.ndarray, list[Sight]]]:
        """Release what waits, by what is known, and begin anew."""
        length = index - self._shot_began
        needed = max(1, min(MIN_FINDINGS, -(-length // 2)))
        while self._waiting:
            yield self._release(needed)
        self._tracker.forget()
        self._followed.clear()
        self._shot += 1
        self._shot_began = index

    def _release(self, needed: int) -> tuple[Frame, np.ndarray, list[Sight]]:
        moment = self._waiting.popleft()
        seen = [
            followed for followed in self._followed.values()
            if len(followed.track.frames) >= needed and _surrounds(followed.track, moment.index)
        ]  # fmt: skip
        for followed in seen:
            if not followed.person:
                taken = {other.person for other in self._followed.values() if self._in_sight(other, moment.index)}
                followed.person, followed.by_colour = self._names.name(
                    followed.colours, followed.last_box, self._shot, taken - {0}
                )
        self._forget(moment.index)
        return moment.frame, moment.pixels, [self._sight(followed, moment) for followed in seen]

    def _sight(self, followed: _Followed, moment: _Moment) -> Sight:
        near = Track(followed.track.track_id)
        for frame, face in zip(followed.track.frames, followed.track.faces, strict=True):
            if abs(frame - moment.index) <= REACH:
                near.add(frame, face)
        first, last = moment.index - REACH, moment.index + REACH
        left, top, right, bottom = steady_boxes(near, first, last, self._smooth)[REACH].tolist()
        box: Box = (left, top, right, bottom)
        roll = float(steady_rolls(near, first, last, self._smooth)[REACH])
        found = moment.faces.get(followed.track.track_id)
        nearest = found or min(
            zip(near.frames, near.faces, strict=True), key=lambda one: abs(one[0] - moment.index)
        )[1]  # fmt: skip
        shown = Face(box, nearest.score, nearest.landmarks, nearest.frontality)
        look = face_look(
            self._cv2, moment.pixels, shown, found=found is not None, by_colour=followed.by_colour
        )  # fmt: skip
        return Sight(followed.person, box, roll, look)

    def _in_sight(self, followed: _Followed, index: int) -> bool:
        return bool(followed.person) and followed.track.frames[-1] >= index - self._gap

    def _forget(self, index: int) -> None:
        """Drop tracks that have ended, and findings that no frame to come needs."""
        for one in [
            one for one, followed in self._followed.items() if followed.track.frames[-1] < index - self._gap - REACH
        ]:
            del self._followed[one]
        for followed in self._followed.values():
            track = followed.track
            # The count of findings still tells a face from a flicker.
            while len(track.frames) > MIN_FINDINGS and track.frames[0] < index - 2 * REACH:
                del track.frames[0], track.faces[0]


def _surrounds(track: Track, index: int) -> bool:
    """Whether a face was found in a frame, or both before and behind it at most `REACH` frames away."""
    if index in track.frames:
        return True
    before = any(index - REACH <= frame < index for frame in track.frames)
    behind = any(index < frame <= index + REACH for frame in track.frames)
    return before and behind


def detector_with_profiles(detector: Any, profiles: Any | None) -> FindFaces:
    """Return how to find faces: by the detector; where it finds nobody, or loses somebody, also from the side.

    Args:
        detector: Finds faces that look at the camera.
        profiles: Finds profiles; `None` where the detector does that itself.
    """

    def find(frame: Frame, pixels: np.ndarray, in_sight: dict[int, Box]) -> list[Face]:
        faces = detector.detect(pixels)
        if profiles is None:
            return faces
        lost = [box for box in in_sight.values() if not any(_meet(box, face.box) for face in faces)]
        if faces and not lost:
            return faces
        if not faces and not in_sight:
            return profiles.detect(pixels)
        return faces + [face for box in lost for face in _near(profiles, pixels, box)]

    return find


def _near(profiles: Any, pixels: np.ndarray, box: Box) -> list[Face]:
    """The profile that is found around a box, if there is one."""
    height, width = pixels.shape[:2]
    side = max(box[2] - box[0], box[3] - box[1])
    left, top = max(0, int(box[0] - 0.5 * side)), max(0, int(box[1] - 0.5 * side))
    right, bottom = min(width, int(box[2] + 0.5 * side)), min(height, int(box[3] + 0.5 * side))
    if right - left < 16 or bottom - top < 16:
        return []
    found = profiles.detect(np.ascontiguousarray(pixels[top:bottom, left:right]))
    moved = [
        Face((x1 + left, y1 + top, x2 + left, y2 + top), face.score, None, face.frontality)
        for face in found
        for x1, y1, x2, y2 in [face.box]
    ]
    return moved[:1]


def _meet(first: Box, second: Box) -> bool:
    return min(first[2], second[2]) > max(first[0], second[0]) and min(first[3], second[3]) > max(first[1], second[1])


__all__ = ["PeopleFinder", "Sight", "detector_with_profiles"]
