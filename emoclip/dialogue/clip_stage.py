# SPDX-License-Identifier: Apache-2.0
"""From the sentences of a film to clips on disk, each with the persons of every frame; what is done is kept in a journal."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from emoclip.data.faces.crop_writers import FrameFolder
from emoclip.data.journal import Journal

from .films import Film, reading_errors, told
from .frame_grid import RESAMPLING, Stretch, grid_stretch, read_stretches
from .persons import PersonDetector
from .settings import DialogueSettings


CLIPS = "clips"
ROWS = pa.schema(
    [
        ("number", pa.int64()),
        ("num_frames", pa.int64()),
        ("boxes", pa.list_(pa.list_(pa.float32()))),
        ("has_person", pa.float32()),
        ("left_out", pa.string()),
    ]
)
# Clips are kept in the journal after as many, or as much time, so that a kill costs no more.
CHUNK, CHUNK_SECONDS = 16, 20.0
TOO_FEW_FRAMES = "too few frames"
NO_PERSON = "no person"


class FilmReadError(ValueError):
    """A film cannot be read to its end. Errors of writing are none: they end the run."""


@dataclass(frozen=True)
class FilmJob:
    """A film whose sentences are known.

    Args:
        film: The film.
        sentences: Table of `emoclip.dialogue.text_stage`.
        journal: Folder of what is done.
        output: Folder of the clips.
    """

    film: Film
    sentences: Path
    journal: Path
    output: Path

    @property
    def rows(self) -> Journal:
        """The journal, rows of `ROWS`."""
        return Journal(self.journal, ROWS)

    def discard(self) -> None:
        """Remove everything that was made of the film."""
        for folder in (self.journal, self.output / CLIPS / self.film.name):
            if folder.is_dir():
                shutil.rmtree(folder)
        # Last, so that a stop on the way does not leave clips of another film for finished.
        self.sentences.unlink(missing_ok=True)


@dataclass(frozen=True)
class FilmResult:
    """What became of a film: clips that were done in this run, and the error that ended it."""

    film: Film
    num_clips: int
    error: str | None = None


def wanted_clips(sentences: Path) -> pa.Table:
    """Return the sentences that become clips."""
    table = pq.read_table(sentences)
    return table.filter(table["left_out"].is_null())


def cut_film(
    job: FilmJob,
    settings: DialogueSettings,
    detector: PersonDetector | None,
    advance: Callable[[], None] = lambda: None,
) -> FilmResult:
    """Write the clips of a film that are not done yet.

    Args:
        job: The film.
        settings: How.
        detector: Finds persons; `None` looks for nobody.
        advance: Called after every clip.

    Returns:
        The result; a damaged film ends with its error, and the clips before the damage are kept.

    Raises:
        OSError: A clip cannot be written.
    """
    journal = job.rows
    done = {row["number"] for row in journal.rows(["number"])}
    table = wanted_clips(job.sentences)
    columns = (table[name].to_pylist() for name in ("number", "start", "end"))
    stretches = [
        grid_stretch(number, start, end, settings.fps) for number, start, end in zip(*columns, strict=True)
        if number not in done
    ]  # fmt: skip
    writer, error, made = _Chunks(journal), None, 0
    try:
        for row in _clip_rows(job, stretches, settings, detector):
            writer.add(row)
            made += 1
            advance()
    except FilmReadError as problem:
        error = str(problem)
    finally:
        writer.flush()
    return FilmResult(job.film, made, error)


def _clip_rows(
    job: FilmJob, stretches: Sequence[Stretch], settings: DialogueSettings, detector: PersonDetector | None
) -> Iterator[dict[str, Any]]:
    short = [one for one in stretches if one.length < settings.min_frames]
    yield from (_row(one, left_out=TOO_FEW_FRAMES) for one in short)
    long = [one for one in stretches if one.length >= settings.min_frames]
    seen: set[int] = set()
    for stretch, frames in _read(job.film, long, settings):
        seen.add(stretch.number)
        boxes = detector(frames) if detector is not None else [[] for _ in frames]
        share = sum(map(bool, boxes)) / len(frames)
        if detector is not None and share < settings.min_person_share:
            yield _row(stretch, has_person=share, left_out=NO_PERSON)
            continue
        _write(job.output / clip_path(job.film, stretch.number), frames)
        # One list a frame, with four numbers for every person.
        flat = [[corner for box in frame for corner in box] for frame in boxes]
        yield _row(stretch, num_frames=len(frames), boxes=flat, has_person=share)
    yield from (_row(one, left_out=TOO_FEW_FRAMES) for one in long if one.number not in seen)


def _read(
    film: Film, stretches: Sequence[Stretch], settings: DialogueSettings
) -> Iterator[tuple[Stretch, list[np.ndarray]]]:
    """The frames of the stretches; what goes wrong in reading, and in reading alone, becomes a `FilmReadError`."""
    try:
        yield from read_stretches(
            film.path, stretches, settings.fps, settings.short_side, RESAMPLING[settings.resample]
        )
    except reading_errors() as problem:
        raise FilmReadError(told(problem)) from problem


def clip_path(film: Film, number: int) -> str:
    """Return the folder of a clip's frames below the output."""
    return f"{CLIPS}/{film.name}/{number:06d}"


def _row(stretch: Stretch, **values: Any) -> dict[str, Any]:
    return {"number": stretch.number, "num_frames": 0, "boxes": None, "has_person": 0.0, "left_out": None, **values}


def _write(path: Path, frames: Sequence[np.ndarray]) -> None:
    folder = FrameFolder(path)
    try:
        for frame in frames:
            folder.write(frame)
        folder.finish()
    finally:
        folder.discard()


class _Chunks:
    """Gathers rows and appends them to the journal some at a time."""

    def __init__(self, journal: Journal):
        self.journal = journal
        self._rows: list[dict[str, Any]] = []
        self._since = time.monotonic()

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) >= CHUNK or time.monotonic() - self._since > CHUNK_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self.journal.append(self._rows)
        self._rows, self._since = [], time.monotonic()


__all__ = ["FilmJob", "FilmReadError", "FilmResult", "clip_path", "cut_film", "wanted_clips"]
