# SPDX-License-Identifier: Apache-2.0
"""What is kept of videos between decoding and words: windows with their embeddings, so that other words cost no decoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd
import torch


WINDOW_COLUMNS = (
    "video",
    "person",
    "start",
    "end",
    "quality",
    "face_size",
    "sharpness",
    "frontality",
    "coverage",
    "mark",
)
FRAME_COLUMNS = ("window", "frame", "time", "weight")
PEOPLE_COLUMNS = (
    "video",
    "person",
    "frame",
    "time",
    "x1",
    "y1",
    "x2",
    "y2",
    "found",
    "quality",
    "face_size",
    "sharpness",
    "frontality",
    "named_by",
)
NO_FACE = "no face"


@dataclass(frozen=True)
class WindowSet:
    """Windows of one or more videos.

    Args:
        table: One row per window, `WINDOW_COLUMNS`: name of the `video`; `person` from 1, 0 for the whole frame or nobody;
            `start` and `end`, presentation times in seconds of the first and last frame; `quality`, `sharpness`,
            `frontality` and `coverage` (share of the analysed frames between start and end in which the face was found),
            0 to 1, missing for whole frames; `face_size`, longer side in pixels; `mark`, why the window is not to be
            trusted, empty where nothing is known against it.
        embeds: float32, (windows, dim), not normalised; NaN in rows without a face.
        frames: One row per window and frame, `FRAME_COLUMNS`: row number of the `window`, number and time of the frame,
            and its `weight` in the window's embedding; the weights of a window add up to 1.
    """

    table: pd.DataFrame
    embeds: torch.Tensor
    frames: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(FRAME_COLUMNS)))

    @staticmethod
    def combine(parts: Sequence[WindowSet]) -> WindowSet:
        """Return the windows of several sets, in their order."""
        offsets = [0]
        for part in parts:
            offsets.append(offsets[-1] + len(part.table))
        frames = [part.frames.assign(window=part.frames["window"] + offset) for part, offset in zip(parts, offsets)]  # noqa: B905 - the last offset is the total
        return WindowSet(
            pd.concat([part.table for part in parts], ignore_index=True),
            torch.cat([part.embeds for part in parts]),
            pd.concat(frames, ignore_index=True),
        )


__all__ = ["FRAME_COLUMNS", "NO_FACE", "PEOPLE_COLUMNS", "WINDOW_COLUMNS", "WindowSet"]
