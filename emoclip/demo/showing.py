# SPDX-License-Identifier: Apache-2.0
"""What the page shows of an analysis: pictures, tables, downloads, notes."""

from __future__ import annotations

import html
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from PIL import Image

from emoclip.analysis import Analysis
from emoclip.analysis.outputs.film import FilmStyle
from emoclip.analysis.result import TEMPLATE_REMEDY, WHOLE_FRAME, WHOLE_FRAMES_REMEDY
from modeling_emoclip.video_decoding_emoclip import decode_video

from . import wording
from .caution import cautions
from .media_check import is_picture
from .studio import Progress
from .timeline_view import is_still


if TYPE_CHECKING:
    import numpy as np

TABLE_COLUMNS = [
    "person",
    "start",
    "end",
    "emotion",
    "similarity",
    "match",
    "match_low",
    "match_high",
    "quality",
    "mark",
]
DECIMALS = {"start": 3, "end": 3, "similarity": 4, "match": 4, "match_low": 4, "match_high": 4, "quality": 3}
NUM_FRAMES = 6
# Name of the files that a visitor takes, without ending.
STEM = "expression"
# What a note tells those who type commands, and what those who see the page.
_REMEDIES = {WHOLE_FRAMES_REMEDY: wording.WHOLE_PICTURE_REMEDY, TEMPLATE_REMEDY: wording.TEMPLATE_REMEDY}
# Around a face, as a share of its box.
MARGIN = 0.4


def number_table(found: Analysis) -> pd.DataFrame:
    """Return the timeline with as many decimals as mean something."""
    return found.timeline[TABLE_COLUMNS].round(DECIMALS)


def heavy_frames(found: Analysis, path: str, folder: Path) -> list[tuple[str, str]]:
    """Write the frames that weighed most in the windows, cut to the face, and return their paths, each with its caption.

    Args:
        found: Of the file.
        path: The file.
        folder: Of the visit, so that the pictures go with it.
    """
    weights = found.frame_weights
    if weights.empty:
        return []
    best = weights.sort_values("weight", ascending=False, kind="stable").drop_duplicates(["person", "frame"])
    best = best.groupby("person", sort=True).head(NUM_FRAMES).head(NUM_FRAMES).sort_values("time")
    frames = decode_video(path, indices=[int(number) for number in best["frame"]], on_error="truncate").frames
    pictures, still = [], is_still(found)
    with _anew(folder, "frames") as written:
        rows = best[["person", "frame", "time", "weight"]].to_numpy(float)
        for picture, (person, frame, seconds, weight) in zip(frames.permute(0, 2, 3, 1).numpy(), rows, strict=False):
            who = [f"person {person:.0f}"] if person else []
            # The one frame of a picture has no time, and all the weight.
            when = [] if still else [f"{seconds:.1f} s", f"{weight:.0%}"]
            caption = ", ".join([*who, *when]) or wording.PICTURE
            file = written / f"person_{person:.0f}_frame_{frame:.0f}.jpg"
            Image.fromarray(_cut_out(picture, found.people, int(person), int(frame))).save(file, quality=92)
            pictures.append((str(file), caption))
    return pictures


@contextmanager
def _anew(folder: Path, kind: str) -> Iterator[Path]:
    """Give a new folder of a visit for one kind of files and delete the one before: browsers keep what has the same address."""
    written = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=folder))
    yield written
    for older in folder.glob(f"{kind}-*"):
        if older != written:
            shutil.rmtree(older, ignore_errors=True)


def _cut_out(picture: np.ndarray, people: pd.DataFrame, person: int, frame: int) -> np.ndarray:
    boxes = people[(people["person"] == person) & (people["frame"] == frame)]
    if not person or boxes.empty:
        return picture
    left, top, right, bottom = boxes.iloc[0][["x1", "y1", "x2", "y2"]].astype(float)
    margin = MARGIN * max(right - left, bottom - top)
    height, width = picture.shape[:2]
    rows = slice(max(int(top - margin), 0), min(int(bottom + margin) + 1, height))
    columns = slice(max(int(left - margin), 0), min(int(right + margin) + 1, width))
    return picture[rows, columns]


def warnings_view(found: Analysis) -> str:
    """Return the warnings about words as HTML, to stand above their numbers; what visitors typed is escaped."""
    told = "".join(f"<p>⚠ {html.escape(sentence)}</p>" for sentence in cautions(list(found.texts)))
    return f'<div class="emo-warning" role="note">{told}</div>' if told else ""


def notes_text(notes: Iterable[str]) -> str:
    """Return what must be known about the numbers as Markdown in which nothing is markup, in the words of the page."""
    told = []
    for note in notes:
        for remedy, here in _REMEDIES.items():
            note = note.replace(remedy, here)
        told.append(html.escape(note))
    return "\n\n".join(told)


def write_tables(found: Analysis, folder: Path) -> dict[str, Path]:
    """Write tables and plot that a visitor may take, replacing older ones; kind -> path."""
    with _anew(folder, "tables") as new:
        written = {"csv": found.save(new / f"{STEM}.csv"), "json": found.save(new / f"{STEM}.json")}
        if found.timeline["match"].notna().any():
            written["plot"] = found.plot(new / f"{STEM}.png")
    return written


def write_film(
    found: Analysis, folder: Path, path: str, progress: Progress | None = None, *, blur_faces: bool = False
) -> Path | None:
    """Write the video with boxes and bars, replacing an older one; a picture gives none.

    Args:
        found: Of the file.
        folder: Of the visit.
        path: The file.
        progress: Called with the frames written and the frames expected.
        blur_faces: Hide every face that was found.

    Raises:
        ValueError: Faces are to be hidden, but none was looked for.
        VideoDecodeError: The file cannot be decoded.
    """
    if is_picture(path):
        return None
    if blur_faces and found.scope == WHOLE_FRAME:
        raise ValueError(wording.BLUR_NEEDS_FACES)
    options: dict[str, Any] = {} if progress is None else {"progress": progress}
    options["film"] = FilmStyle(blur_faces=blur_faces)
    with _anew(folder, "film") as new:
        return found.save(new / f"{STEM}.mp4", video=path, **options)


__all__ = ["heavy_frames", "notes_text", "number_table", "warnings_view", "write_film", "write_tables"]
