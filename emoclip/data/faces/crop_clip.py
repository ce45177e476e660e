# SPDX-License-Identifier: Apache-2.0
"""One clip: find its faces, choose, crop, write. The work of a worker process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from emoclip.console import describe, require
from emoclip.data.media import clip_source
from modeling_emoclip.video_decoding_emoclip import probe_video

from .alignment import warp
from .clip_frames import clip_frames
from .crop_plan import CropPlan, plan_track, plan_whole_frame
from .crop_settings import CropSettings
from .crop_writers import CropWriter, OutputError, make_writer
from .face import Box, Detector
from .given_boxes import GivenBoxes, has_boxes, inside, track_of_boxes
from .selection import count_faces, drop_flickers, select_tracks
from .tracking import FaceTracker, Track, collect_tracks


USUAL_FPS = 25.0
NO_FACE_FOUND = "no face found"
CROP = pa.struct(
    [
        ("track", pa.int64()),
        ("path", pa.string()),
        ("media", pa.string()),
        ("num_frames", pa.int64()),
        ("start_frame", pa.int64()),
        ("end_frame", pa.int64()),
        ("boxes", pa.list_(pa.list_(pa.float32()))),
        ("source_boxes", pa.list_(pa.list_(pa.float32()))),
        ("sha256", pa.string()),
    ]
)
RESULTS = pa.schema(
    [
        ("row", pa.int64()),
        ("clip_id", pa.string()),
        ("path", pa.string()),
        ("error", pa.string()),
        ("detector", pa.string()),
        ("num_faces", pa.int64()),
        ("fps", pa.float64()),
        ("crops", pa.list_(CROP)),
    ]
)


@dataclass(frozen=True)
class ClipJob:
    """A row of the source manifest, as far as cropping needs it.

    Args:
        row: Its number in the manifest, from 0.
        clip_id, path, media, fps: Of the row; `path` relative to `root`.
        root: Folder of the source manifest.
        output: Folder of the crop set.
        name: Path of the crops in it, without ending; the number of a track is appended.
        start, end: The stretch of a film.
        frame_name: Of the frames of a film that is a folder, such as `frame_{}.jpg`, where they are named one by one.
        boxes: For each frame of the stretch, where the data set ships them.
        boxes_are_persons: They hold more than the face.
    """

    row: int
    clip_id: str
    path: str
    media: str
    root: Path
    output: Path
    name: str
    fps: float | None = None
    start: int = 0
    end: int | None = None
    frame_name: str | None = None
    boxes: GivenBoxes | None = None
    boxes_are_persons: bool = False

    @property
    def file(self) -> Path:
        """The clip's file or folder."""
        return self.root / self.path

    def frames(self, step: int = 1) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the number, from the beginning of the stretch, and the pixels of every `step`-th frame."""
        if self.frame_name is None:
            return clip_frames(self.file, start=self.start, end=self.end, step=step)
        # The folder of a film may hold 200,000 files and is not listed.
        named = {"file": self.file, "start_frame": self.start, "end_frame": self.end, "frame_name": self.frame_name}
        return clip_frames(clip_source(named)[0], step=step)

    @property
    def place(self) -> str:
        """What a user needs to find the clip."""
        return f"clip {self.clip_id!r} (row {self.row}, {self.path})"


@dataclass
class ClipResult:
    """What became of a clip; `crops` are rows of the type `CROP`, frames counted in the source file, `boxes` in pixels of the crop."""

    row: int
    clip_id: str
    path: str
    error: str | None = None
    detector: str | None = None
    num_faces: int = 0
    fps: float | None = None
    crops: list[dict[str, Any]] = field(default_factory=list)


def crop_clip(job: ClipJob, settings: CropSettings, detector: Detector | None, *, use_boxes: bool) -> ClipResult:
    """Crop the faces of one clip and return what became of it; a clip that fails has an error and no crops.

    Args:
        job: The clip.
        settings: Of the crop set.
        detector: Finds faces; None takes the row's boxes alone.
        use_boxes: Take the row's boxes of faces where it has them.

    Raises:
        OutputError: Crops cannot be written.
    """
    result = ClipResult(job.row, job.clip_id, job.path)
    try:
        result.fps = job.fps or _frame_rate(job)
        _crop(job, settings, detector, use_boxes, result)
    except (OutputError, ImportError):
        raise
    except (ValueError, OSError) as error:
        result.error = describe(error)
    except Exception as error:  # OpenCV and codecs raise types of their own; one clip must not end a night's work
        result.error = f"{type(error).__name__}: {describe(error)}"
    if result.error:
        result.crops = []
    return result


def _crop(
    job: ClipJob, settings: CropSettings, detector: Detector | None, use_boxes: bool, result: ClipResult
) -> None:
    plans: list[CropPlan] = []
    if use_boxes and has_boxes(job.boxes) and (detector is None or not job.boxes_are_persons):
        result.detector, result.num_faces = "boxes", 1
        plans = [plan_boxes(job.boxes or (), settings)]
    elif detector is None:
        raise ValueError(
            f"The detector boxes needs boxes in the manifest, row {job.row} has none; pass --detector haar."
        )
    else:
        result.detector = detector.name
        tracks, looked_at, (height, width) = find_tracks(job, settings, detector)
        result.num_faces = count_faces(tracks)
        chosen = select_tracks(tracks, settings.select, (height, width))
        plans = [plan_track(track, looked_at[-1], settings) for track in chosen]
        if not plans and settings.no_face == "skip":
            result.error = f"{NO_FACE_FOUND} in {len(looked_at)} frames looked at ({detector.name})"
            return
        plans = plans or [plan_whole_frame(height, width)]
    result.crops = write_crops(job, settings, plans, result.fps or USUAL_FPS)


def plan_boxes(boxes: GivenBoxes, settings: CropSettings) -> CropPlan:
    """Return the plan for boxes that the data set ships; a single one holds for all frames."""
    last_known = 0 if len(boxes) == 1 else len(boxes) - 1
    return plan_track(track_of_boxes(boxes), last_known, settings)


def find_tracks(
    job: ClipJob, settings: CropSettings, detector: Detector
) -> tuple[list[Track], list[int], tuple[int, int]]:
    """Return the tracks of a clip that are no flickers, the frames looked at, and the frames' height and width."""
    shape: list[tuple[int, int]] = []

    def found() -> Iterator[tuple[int, Sequence[Any]]]:
        for number, frame in job.frames(settings.every):
            shape[:] = [(frame.shape[0], frame.shape[1])]
            faces = detector.detect(frame)
            yield number, inside(faces, job.boxes or (), number) if job.boxes_are_persons else faces

    # A gap must span at least two detections, or none could fail.
    tracker = FaceTracker(max_gap=max(settings.max_gap, 2 * settings.every))
    tracks, looked_at = collect_tracks(found(), tracker)
    return drop_flickers(tracks, len(looked_at)), looked_at, shape[0]


def write_crops(job: ClipJob, settings: CropSettings, plans: Sequence[CropPlan], fps: float) -> list[dict[str, Any]]:
    """Write the crops of all plans in one pass over the clip and return their rows.

    Raises:
        OutputError: Crops cannot be written.
    """
    cv2 = require("cv2", "data")
    outputs = [_Output(plan, job, settings, fps) for plan in plans]
    ends = [plan.last for plan in plans]
    final = None if None in ends else max(end for end in ends if end is not None)
    try:
        for number, frame in job.frames():
            for output in outputs:
                if output.plan.covers(number):
                    crop = warp(cv2, frame, output.plan.matrix(number, settings.size), settings.size)
                    output.write(number, crop)
            if final is not None and number >= final:
                break
        return [output.finish() for output in outputs]
    finally:
        for output in outputs:
            output.discard()


class _Output:
    """The crops of one plan on their way to the disk."""

    def __init__(self, plan: CropPlan, job: ClipJob, settings: CropSettings, fps: float):
        self.plan, self._job, self._all = plan, job, settings.select == "all" and plan.track_id > 0
        self._boxes: list[Box] = []
        self._source_boxes: list[Box] = []
        self._first = 0
        self._writer: CropWriter | None = None
        self._options: dict[str, Any] = {"format_name": settings.format, "size": settings.size, "fps": fps}

    def write(self, number: int, crop: Any) -> None:
        with _naming(self._job):
            if self._writer is None:
                name = f"{self._job.name}#{self.plan.track_id}" if self._all else self._job.name
                self._writer = make_writer(self._job.output / name, self._job.media, **self._options)
                self._first = number
            self._writer.write(crop)
        self._boxes.append(self.plan.box_in_crop(number, self._options["size"]))
        self._source_boxes.append(self.plan.box(number))

    def finish(self) -> dict[str, Any]:
        if self._writer is None:
            raise ValueError(f"The boxes of {self._job.place} must begin within its frames; check the manifest.")
        with _naming(self._job):
            self._writer.finish()
        writer, self._writer = self._writer, None
        start = self._job.start + self._first
        digest = None if writer.media == "frames" else hashlib.sha256(writer.path.read_bytes()).hexdigest()
        return {
            "track": self.plan.track_id if self._all else None,
            "path": writer.path.relative_to(self._job.output).as_posix(),
            "media": writer.media,
            "num_frames": len(self._boxes),
            "start_frame": start,
            "end_frame": start + len(self._boxes),
            "boxes": [list(box) for box in self._boxes],
            "source_boxes": [list(box) for box in self._source_boxes],
            "sha256": digest,
        }

    def discard(self) -> None:
        if self._writer is not None:
            self._writer.discard()


@contextmanager
def _naming(job: ClipJob) -> Iterator[None]:
    """What goes wrong in here is the output's fault and not the clip's."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"Crops must be written to {job.output}, the disk refuses at {job.place}: {describe(error)}; make room or give "
            "rights, then run the same command again, which goes on."
        ) from error


def _frame_rate(job: ClipJob) -> float | None:
    return probe_video(job.file).fps if job.media == "video" else None


__all__ = [
    "NO_FACE_FOUND",
    "RESULTS",
    "ClipJob",
    "ClipResult",
    "crop_clip",
    "find_tracks",
    "plan_boxes",
    "write_crops",
]
