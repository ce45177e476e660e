# SPDX-License-Identifier: Apache-2.0
"""What the page shows of an analysis: pictures, tables, downloads, notes."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from emoclip.analysis import Analysis
from modeling_emoclip.video_decoding_emoclip import decode_video

from .caution import cautions
from .limits import is_picture


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
# Around a face, as a share of its box.
MARGIN = 0.4


def number_table(found: Analysis) -> pd.DataFrame:
    """Return the timeline with as many decimals as mean something."""
    return found.timeline[TABLE_COLUMNS].round(DECIMALS)


def heavy_frames(found: Analysis, path: str) -> list[tuple[np.ndarray, str]]:
    """Return the frames that weighed most in the windows, cut to the face, each with its caption.

    Args:
        found: Of the file.
        path: The file.
    """
    weights = found.frame_weights
    if weights.empty:
        return []
    best = weights.sort_values("weight", ascending=False, kind="stable").drop_duplicates(["person", "frame"])
    best = best.groupby("person", sort=True).head(NUM_FRAMES).head(NUM_FRAMES).sort_values("time")
    frames = decode_video(path, indices=[int(number) for number in best["frame"]], on_error="truncate").frames
    pictures = []
    rows = best[["person", "frame", "time", "weight"]].to_numpy(float)
    for picture, (person, frame, seconds, weight) in zip(frames.permute(0, 2, 3, 1).numpy(), rows, strict=False):
        who = f"person {person:.0f}, " if person else ""
        caption = f"{who}{seconds:.1f} s, {weight:.0%} of its window"
        pictures.append((_cut_out(picture, found.people, int(person), int(frame)), caption))
    return pictures


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


def notes_text(found: Analysis, words: list[str], studio_notes: tuple[str, ...] = ()) -> str:
    """Return what must be known about the numbers as Markdown; what visitors typed is escaped."""
    warnings = [f"⚠ {html.escape(sentence)}" for sentence in cautions(words)]
    others = [html.escape(note) for note in (*studio_notes, *found.notes)]
    return "\n\n".join([*warnings, *others])


def write_tables(found: Analysis, folder: Path) -> dict[str, Path]:
    """Write tables and plot that a visitor may take, replacing older ones; kind -> path."""
    written = {
        "csv": found.save(folder / f"{STEM}.csv", overwrite=True),
        "json": found.save(folder / f"{STEM}.json", overwrite=True),
    }
    if found.timeline["match"].notna().any():
        written["plot"] = found.plot(folder / f"{STEM}.png", overwrite=True)
    return written


def write_film(found: Analysis, folder: Path, path: str) -> Path | None:
    """Write the video with boxes and bars, replacing an older one; a picture gives none."""
    if is_picture(path):
        return None
    return found.save(folder / f"{STEM}.mp4", overwrite=True, video=path)


__all__ = ["heavy_frames", "notes_text", "number_table", "write_film", "write_tables"]
