# SPDX-License-Identifier: Apache-2.0
"""From a manifest to a crop set: every clip once, in parallel, with a journal so that a stopped run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from emoclip.console import require
from emoclip.data.journal import Journal
from emoclip.data.manifest import Manifest, fingerprint, read_manifest
from emoclip.data.parts import read_parts
from emoclip.data.worker_pool import WorkerPool

from .crop_clip import NO_FACE_FOUND, RESULTS, ClipJob, ClipResult, crop_clip
from .crop_manifest import MANIFEST_NAME, ambiguous_id, write_crop_manifest, write_lists
from .crop_names import crop_names
from .crop_settings import CropSettings, claim_folder
from .detectors import make_detector
from .face import Detector
from .given_boxes import PERSON_BOXES


# Results are appended to the journal after as many clips or as much time, so that a kill costs no more.
CHUNK = 16
CHUNK_SECONDS = 30.0
CROPS = "crops"
Progress = Callable[[Iterable[ClipResult], int], Iterable[ClipResult]]


@dataclass(frozen=True)
class CropSet:
    """What was written.

    Args:
        manifest: Of the crops.
        num_clips: Of the source.
        num_crops: Rows of the new manifest.
        num_no_face: Clips left out because no face was found.
        num_failed: Clips left out because of an error.
        num_several: Clips with more than one face.
        first_errors: Some of the failures, a line each.
    """

    manifest: Path
    num_clips: int
    num_crops: int
    num_no_face: int
    num_failed: int
    num_several: int
    first_errors: list[str]


def crop_faces(
    manifest_path: str | Path,
    output: str | Path,
    settings: CropSettings | None = None,
    *,
    detector: str | Detector = "auto",
    weights: str | Path | None = None,
    workers: int = 1,
    progress: Progress = lambda results, total: results,
) -> CropSet:
    """Detect, track and crop the faces of every clip of a manifest, and write a manifest of the crops.

    A clip that fails is listed and left out. A run that was stopped goes on with the same call.

    Args:
        manifest_path: The source.
        output: Folder of the crop set.
        settings: How; the defaults if absent.
        detector: A name of `emoclip.data.faces.detectors.DETECTORS`, or an object, which must be picklable for several workers.
        weights: Of YuNet.
        workers: Processes; 1 works in this one.
        progress: Wraps the iteration over results, which come with their number.

    Raises:
        FileExistsError: The crop set is finished, or was begun with other settings.
        FileNotFoundError, ValueError: The manifest or an argument is missing or malformed.
        ImportError: OpenCV is not installed.
        OSError: Nothing can be written to the output.
    """
    output, settings = Path(output), settings or CropSettings()
    if workers < 1:
        raise ValueError(f"`--workers` must be at least 1, got {workers}.")
    if (output / MANIFEST_NAME).exists():
        raise FileExistsError(
            f"The crop set must not be finished yet, got {output}; choose another folder or remove it."
        )
    source = read_manifest(manifest_path, check_media=False, checked_only=True)
    if settings.select == "all" and (taken := ambiguous_id(source.column("clip_id"))):
        raise ValueError(
            f"With `--select all` no clip id may look like a track of another one, got {taken!r}; rename it."
        )
    # Before anything is written, and before worker processes, which could only die of a missing package.
    require("cv2", "data")
    finder = _Finder.make(detector, weights)
    claim_folder(output, settings, detector=finder.name, source=fingerprint(source.path))
    journal = Journal(output / "journal", RESULTS)
    done = {row["row"] for row in journal.rows(["row"])}
    _crop_suspect(source, output, journal, done, settings, finder)
    waiting = source.table.num_rows - len(done)
    results = _run_all(_jobs(source, output, done), settings, finder, workers, journal)
    _keep(journal, progress(results, waiting))
    return _finish(output, source, journal, settings.describe(finder.name))


@dataclass(frozen=True)
class _Finder:
    """How a worker gets its detector: an object, or a name and weights to make it with."""

    name: str
    given: Detector | None
    weights: str | None
    use_boxes: bool

    @classmethod
    def make(cls, detector: str | Detector, weights: str | Path | None) -> _Finder:
        if not isinstance(detector, str):
            return cls(detector.name, detector, None, use_boxes=False)
        built = make_detector(detector, weights)
        name = "boxes" if built is None else built.name
        shown = f"auto (boxes where there are some, else {name})" if detector == "auto" else name
        return cls(shown, None, None if weights is None else str(weights), detector in ("auto", "boxes"))

    def build(self) -> Detector | None:
        kind = "auto" if self.name.startswith("auto") else self.name
        return self.given or make_detector(kind, self.weights)


def _jobs(source: Manifest, output: Path, done: set[int]) -> Iterator[ClipJob]:
    """The clips that are not done, read some rows at a time, for the boxes of all would not fit as Python's own lists."""
    names = crop_names(source.column("clip_id").to_pylist())
    there = pq.read_schema(source.path).names
    wanted = ["clip_id", "path", "media", "fps", "boxes", "start_frame", "end_frame", "frame_name"]
    parts = read_parts(source.path, [name for name in wanted if name in there], rows=CHUNK)
    persons = source.dataset.partition("/")[0] in PERSON_BOXES
    rows = (row for part in parts for row in part.to_pylist())
    for number, values in enumerate(rows):
        if number in done:
            continue
        yield ClipJob(
            row=number,
            clip_id=values["clip_id"],
            path=values["path"],
            media=values["media"],
            root=source.root.resolve(),
            output=output.resolve(),
            name=f"{CROPS}/{names[values['clip_id']]}",
            fps=values["fps"],
            start=values.get("start_frame") or 0,
            end=values.get("end_frame"),
            frame_name=values.get("frame_name"),
            boxes=values["boxes"],
            boxes_are_persons=persons,
        )


class _Worker:
    """The state of a worker process: settings and the detector, made once."""

    settings: CropSettings
    detector: Detector | None
    use_boxes: bool


def _setup(settings: CropSettings, finder: _Finder) -> None:
    import cv2
    import torch

    # There is a process for each core already.
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    _Worker.settings, _Worker.detector, _Worker.use_boxes = settings, finder.build(), finder.use_boxes


def _work(job: ClipJob) -> ClipResult:
    return crop_clip(job, _Worker.settings, _Worker.detector, use_boxes=_Worker.use_boxes)


def _run_all(
    jobs: Iterator[ClipJob], settings: CropSettings, finder: _Finder, workers: int, journal: Journal
) -> Iterator[ClipResult]:
    if workers > 1:
        yield from _pool(workers, settings, finder).run(jobs)
        return
    detector = finder.build()
    try:
        for job in jobs:
            # A detector that was given as an object may not reach another process.
            if finder.given is None:
                journal.mark(str(job.row))
            yield crop_clip(job, settings, detector, use_boxes=finder.use_boxes)
    finally:
        journal.unmark()


def _crop_suspect(
    source: Manifest, output: Path, journal: Journal, done: set[int], settings: CropSettings, finder: _Finder
) -> None:
    """What was being cropped when the last run was killed may have killed it: in a process of its own, it cannot again."""
    suspect = journal.marked() or ""
    if suspect.isdigit() and int(suspect) not in done:
        for job in (job for job in _jobs(source, output, done) if job.row == int(suspect)):
            journal.append([asdict(_pool(1, settings, finder).run_alone(job))])
            done.add(job.row)
    journal.unmark()


def _pool(workers: int, settings: CropSettings, finder: _Finder) -> WorkerPool[ClipJob, ClipResult]:
    return WorkerPool(_work, workers=workers, setup=_setup, arguments=(settings, finder), on_death=_died)


def _died(job: ClipJob) -> ClipResult:
    reason = "the worker process died over this clip, out of memory or by a fault of a codec"
    return ClipResult(job.row, job.clip_id, job.path, error=reason)


def _keep(journal: Journal, results: Iterable[ClipResult]) -> None:
    """Append results in chunks; what is finished is kept also when the run ends early."""
    chunk: list[dict[str, Any]] = []
    kept = time.monotonic()
    try:
        for one in results:
            chunk.append(asdict(one))
            if len(chunk) >= CHUNK or time.monotonic() - kept > CHUNK_SECONDS:
                full, chunk, kept = chunk, [], time.monotonic()
                journal.append(full)
    finally:
        if chunk:
            journal.append(chunk)


def _finish(output: Path, source: Manifest, journal: Journal, note: str) -> CropSet:
    results = journal.table(["row", "clip_id", "path", "error", "num_faces"])
    failed = results.filter(pc.is_valid(results["error"]))
    no_face = pc.sum(pc.starts_with(failed["error"], NO_FACE_FOUND)).as_py() or 0
    write_lists(output, results)
    by_row = journal.by_number("row")
    num_crops = write_crop_manifest(output, source, by_row, num_left_out=failed.num_rows, note=note)
    journal.remove()
    return CropSet(
        manifest=output / MANIFEST_NAME,
        num_clips=source.table.num_rows,
        num_crops=num_crops,
        num_no_face=no_face,
        num_failed=failed.num_rows - no_face,
        num_several=pc.sum(pc.greater(results["num_faces"], 1)).as_py() or 0,
        first_errors=_lines(failed.sort_by("row").slice(0, 20)),
    )


def _lines(failed: pa.Table) -> list[str]:
    rows = failed.select(["row", "clip_id", "path", "error"]).to_pylist()
    return [f"row {one['row']}, {one['clip_id']} ({one['path']}): {one['error']}" for one in rows]


__all__ = ["CropSet", "crop_faces"]
