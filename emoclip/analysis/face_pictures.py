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
from .given_faces import GivenPeople, boxes_of
from .main_person import LiveChoice, main_person
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
        live: The end of the video is not known.
        video: What the video is called where boxes of several are given.
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
        live: bool = False,
        video: str = "",
    ):
        self._by_subject = by_subject
        self._cv2 = require("cv2", "data")
        self._processor = video_processor
        self._side = picture_side(video_processor, image_size)
        fps = fps or USUAL_FPS
        self._one_person = settings.faces == "largest" and not live
        self._live_choice = LiveChoice() if settings.faces == "largest" and live else None
        self._people: GivenPeople | PeopleFinder
        if settings.boxes is not None:
            # Whose boxes they are like tells how they are framed.
            name = "boxes" if settings.detector == "auto" else settings.detector
            self._people = GivenPeople(boxes_of(settings.boxes, video), fps)
        else:
            detector = make_detector(settings.detector, settings.detector_weights)
            name = detector.name if detector is not None else "boxes"
            find = detector_with_profiles(detector, ProfileDetector() if name == "haar" else None)
            self._people = PeopleFinder(find, step / fps)
        self._frame_box = framing(getattr(video_processor, "face_boxes", None), name)
        self._rows: list[tuple[Any, ...]] = []
        self._times: list[float] = []

    def pictures(self, frames: Iterable[Frame]) -> Iterator[Picture]:
        """Yield the picture of everybody in every frame."""
        for frame, pixels, sights in self._people.sights(frames):
            self._note(frame, sights)
            for sight in sights if self._live_choice is None else self._live_choice.of(frame.seconds, sights):
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

    @property
    def num_outside(self) -> int:
        """Given boxes that lie outside the picture."""
        return self._people.num_outside if isinstance(self._people, GivenPeople) else 0

    def followed(self) -> int | None:
        """Return the one person who is asked for; `None` where everybody is, or nobody was seen."""
        return main_person((row[0], row[3:7]) for row in self._rows) if self._one_person else None

    def unseen(self) -> list[tuple[float, float]]:
        """Return the stretches in which nobody who is asked for was seen, in seconds; all of it if nobody ever was."""
        followed = self.followed()
        seen = {row[2] for row in self._rows if followed is None or row[0] == followed}
        stretches: list[list[float]] = []
        was_seen = True
        for seconds in self._times:
            if seconds in seen:
                was_seen = True
                continue
            if was_seen:
                stretches.append([seconds, seconds])
            stretches[-1][1] = seconds
            was_seen = False
        return [(start, end) for start, end in stretches if not seen or end - start >= MIN_STRETCH]

    def _note(self, frame: Frame, sights: list[Sight]) -> None:
        self._times.append(frame.seconds)
        for sight in sights:
            look = sight.look
            facts = (look.found, look.quality, look.size, look.sharpness, look.frontality)
            named_by = "colours" if look.by_colour else "place"
            self._rows.append((sight.person, frame.number, frame.seconds, *sight.box, *facts, named_by))


__all__ = ["FacePictures"]
