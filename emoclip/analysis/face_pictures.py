# SPDX-License-Identifier: Apache-2.0
"""The faces of a video as the model sees them, and the record of who was seen where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from emoclip.console import require
from emoclip.data.faces.detectors import make_detector
from emoclip.data.faces.haar import ProfileDetector

from .frames import USUAL_FPS, Frame
from .framing import cut_picture, framing, framing_matrix, picture_side, subject_picture
from .given_faces import GivenPeople, read_boxes
from .people import PeopleFinder, Sight, detector_with_profiles
from .picture import Picture
from .settings import AnalysisSettings
from .window_set import PEOPLE_COLUMNS


# A shorter stretch without a face is a blink of the detector.
MIN_STRETCH = 0.5


class FacePictures:
    """Turns frames into pictures of faces and keeps record.

    Args:
        settings: Which faces, and by what they are found.
        video_processor: Of the model; says how its pictures frame a face.
        image_size: Of the model's image tower.
        fps: Frame rate of the video; `None` where it is not known.
        step: Distance of analysed frames.
        by_subject: The model prompts by subject: it sees whole frames and is told where the person is.
    """

    def __init__(
        self,
        settings: AnalysisSettings,
        video_processor: Any,
        image_size: int,
        fps: float | None,
        step: int,
        *,
        by_subject: bool = False,
    ):
        self._by_subject = by_subject
        self._cv2 = require("cv2", "data")
        self._processor = video_processor
        self._side = picture_side(video_processor, image_size)
        fps = fps or USUAL_FPS
        largest = settings.faces == "largest"
        self._people: GivenPeople | PeopleFinder
        if settings.boxes is not None:
            name = "boxes"
            self._people = GivenPeople(read_boxes(settings.boxes), fps, largest=largest)
        else:
            detector = make_detector(settings.detector, settings.detector_weights)
            name = detector.name if detector is not None else "boxes"
            find = detector_with_profiles(detector, ProfileDetector() if name == "haar" else None)
            self._people = PeopleFinder(find, step / fps, largest=largest)
        self._frame_box = framing(getattr(video_processor, "face_boxes", None), name)
        self._rows: list[tuple[Any, ...]] = []
        self._unseen: list[list[float]] = []
        self._was_unseen = False

    def pictures(self, frames: Iterable[Frame]) -> Iterator[Picture]:
        """Yield the picture of everybody in every frame."""
        for frame, pixels, sights in self._people.sights(frames):
            self._note(frame, sights)
            for sight in sights:
                if self._by_subject:
                    whole, mask = subject_picture(frame.pixels, sight.box, self._processor)
                    yield Picture(sight.person, frame.seconds, frame.number, whole, sight.look, mask)
                    continue
                matrix = framing_matrix(sight.box, sight.roll, self._frame_box, self._side)
                picture = cut_picture(self._cv2, pixels, matrix, self._side, self._processor)
                yield Picture(sight.person, frame.seconds, frame.number, picture, sight.look)

    def people(self, video: str) -> pd.DataFrame:
        """Return who was seen where, `PEOPLE_COLUMNS`."""
        table = pd.DataFrame(self._rows, columns=list(PEOPLE_COLUMNS[1:]))
        table.insert(0, "video", video)
        return table

    def unseen(self) -> list[tuple[float, float]]:
        """Return the stretches in which nobody was seen, in seconds; all of the video if nobody ever was."""
        long = [(start, end) for start, end in self._unseen if end - start >= MIN_STRETCH]
        return long if self._rows else [(start, end) for start, end in self._unseen]

    def _note(self, frame: Frame, sights: list[Sight]) -> None:
        if not sights and self._was_unseen:
            self._unseen[-1][1] = frame.seconds
        elif not sights:
            self._unseen.append([frame.seconds, frame.seconds])
        self._was_unseen = not sights
        for sight in sights:
            look = sight.look
            facts = (look.found, look.quality, look.size, look.sharpness, look.frontality)
            named_by = "colours" if look.by_colour else "place"
            self._rows.append((sight.person, frame.number, frame.seconds, *sight.box, *facts, named_by))


__all__ = ["FacePictures"]
