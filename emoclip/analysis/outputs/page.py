# SPDX-License-Identifier: Apache-2.0
"""The timeline as one page with a player: a click in the timeline goes there in the film. Nothing is fetched from anywhere."""

from __future__ import annotations

import base64
import json
import mimetypes
import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from emoclip.console import printable, storable

from .boxes import MOST_GAP
from .segments import Segment, by_person, rows_of, segments, window_cells


# Larger films are linked, so that the page opens; base64 makes a third more of them.
LARGEST_INSIDE = 64 * 2**20
MAX_WORDS = 16
TEMPLATE = "page.html"
PLACE = "__DATA__"
# Python does not know all of these.
TYPES = {
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",
    ".mp4": "video/mp4",
}
VIDEO_MODES = ("auto", "embed", "link", "none")


def page(
    timeline: pd.DataFrame,
    people: pd.DataFrame,
    *,
    title: str,
    facts: str,
    notes: Sequence[str],
    video: dict[str, str] | None,
) -> str:
    """Return the page of one video.

    Args:
        timeline: As `Analysis.timeline`, of one video.
        people: As `Analysis.people`: boxes in pixels of the upright frame.
        title: Heading.
        facts: A line below it: scope and model.
        notes: What a reader of the numbers must know.
        video: What `video_source` gives; `None` leaves the player out.
    """
    cells = window_cells(timeline)
    found = segments(timeline)
    content = {
        "title": printable(title),
        "facts": printable(facts),
        "notes": [printable(note) for note in notes],
        "duration": float(cells["cell_end"].max()),
        "top": max(0.05, float(timeline["match"].max())) if timeline["match"].notna().any() else 1.0,
        "persons": _persons(cells),
        "segments": [_segment(one) for one in found],
        "boxes": _boxes(people[people["person"].isin(set(timeline["person"]))]),
        "gap": MOST_GAP,
        "video": video,
    }
    template = files("emoclip.analysis.outputs").joinpath(TEMPLATE).read_text(encoding="utf-8")
    # A word such as `</script>` must not end the script it stands in.
    data = json.dumps(content, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    return template.replace(PLACE, storable(data))


def video_source(video: Path, output: Path, mode: str = "auto") -> dict[str, str] | None:
    """Return how the page gets at its film.

    Args:
        video: The film.
        output: Where the page will lie; a link leads from there.
        mode: `embed` puts the film inside, `link` leads to it, `auto` embeds up to `LARGEST_INSIDE` bytes, `none`.

    Raises:
        FileNotFoundError: The film is not there.
        ValueError: The mode is unknown.
    """
    if mode not in VIDEO_MODES:
        raise ValueError(f"`html_video` must be one of {', '.join(VIDEO_MODES)}, got {mode!r}.")
    if mode == "none":
        return None
    if not video.is_file():
        raise FileNotFoundError(f"The page needs the film {video}, which is not there; choose html_video='none'.")
    kind = TYPES.get(video.suffix.lower()) or mimetypes.guess_type(video.name)[0] or "video/mp4"
    about = {"name": printable(video.name), "type": kind}
    if mode == "embed" or (mode == "auto" and video.stat().st_size <= LARGEST_INSIDE):
        return {**about, "base64": base64.b64encode(video.read_bytes()).decode("ascii")}
    return {**about, "link": _link(video, output.parent)}


def _link(video: Path, folder: Path) -> str:
    """The address of the film from a folder; film and page may then move together."""
    try:
        return quote(Path(os.path.relpath(video.resolve(), folder.resolve())).as_posix())
    except ValueError:  # another drive of Windows
        return video.resolve().as_uri()


def _persons(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """The persons; stretches without a face stand in the list of segments, unless there is nothing else."""
    persons = [_person(person, part) for person, part in by_person(cells)]
    return [one for one in persons if one["words"]] or persons


def _person(person: int, cells: pd.DataFrame) -> dict[str, Any]:
    means = pd.DataFrame(list(cells["scores"])).mean().sort_values(ascending=False, kind="stable")
    shown = means.head(MAX_WORDS)
    return {
        "person": person,
        "words": [{"word": printable(str(word)), "mean": float(mean)} for word, mean in shown.items()],
        "hidden": len(means) - len(shown),
        "cells": [
            {
                "start": round(float(cell.start), 4),
                "end": round(float(cell.end), 4),
                "from": round(float(cell.cell_start), 4),
                "to": round(float(cell.cell_end), 4),
                "scores": {
                    printable(word): round(cell.scores[word], 5) for word in shown.index if word in cell.scores
                },
                "mark": printable(cell.mark),
            }
            for cell in rows_of(cells)
        ],
    }


def _segment(one: Segment) -> dict[str, Any]:
    match = None if one.match != one.match else round(one.match, 5)
    return {
        "person": one.person,
        "start": round(one.start, 4),
        "end": round(one.end, 4),
        "word": printable(one.word),
        "match": match,
        "mark": printable(one.mark),
    }


def _boxes(people: pd.DataFrame) -> dict[str, list[list[float]]]:
    """Person -> [seconds, x1, y1, x2, y2] in order of time."""
    if people.empty:
        return {}
    columns = ["time", "x1", "y1", "x2", "y2"]
    ordered = people.sort_values("time", kind="stable")
    return {
        str(person): [[round(float(value), 3) for value in row] for row in part[columns].to_numpy(float)]
        for person, part in by_person(ordered)
    }


__all__ = ["VIDEO_MODES", "page", "video_source"]
