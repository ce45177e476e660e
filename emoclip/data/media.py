# SPDX-License-Identifier: Apache-2.0
"""The media behind a row of a manifest: a file, a folder of frames, a stretch of a film, or bytes in a shard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from modeling_emoclip.video_decoding_emoclip import decode_video, iter_frames, stretch_bounds

from .media_columns import MEDIA_VALUES


# First frame and the one after the last, `None` for the end of the file.
Stretch = tuple[int, int | None]
# Frames of a stretch that are held at once where all of them are wanted.
PIECE = 64


def clip_source(row: Mapping[str, Any]) -> tuple[Any, Stretch | None]:
    """Return what `decode_video` takes, and the stretch of it that is the clip, `None` for all of it.

    A row with `frame_name`, such as `frame_{}.jpg`, is a stretch of a folder that may hold a film of 200,000 frames: its
    frames are named one by one and the folder is not listed.

    Args:
        row: `file` and, where the clip is a part of it, `start_frame`, `end_frame` (not included) and `frame_name`; or
            one of `video`, `image` and `frames` with `bytes` and `path`, as `datasets` hands out media that lie inside a table.

    Raises:
        ValueError: The row has neither, or frames without an end.
    """
    for column in MEDIA_VALUES:
        if row.get(column) is not None:
            return row[column], None
    if row.get("file") is None:
        raise ValueError(f"A clip must have a file or media in {', '.join(MEDIA_VALUES)}, got only {', '.join(row)}.")
    start, end, name = row.get("start_frame"), row.get("end_frame"), row.get("frame_name")
    if name:
        if end is None:
            raise ValueError(
                f"Frames that are named one by one need an `end_frame`, those of {row['file']} have none."
            )
        return [Path(row["file"]) / name.format(number) for number in range(start or 0, end)], None
    return row["file"], None if start is None else (start, end)


def iter_clip(row: Mapping[str, Any]) -> Iterator[torch.Tensor]:
    """Yield every frame of a clip, uint8 (3, height, width), holding a few at a time.

    Raises:
        FileNotFoundError: The file is not there.
        VideoDecodeError: It cannot be decoded, or ends before the stretch begins.
    """
    source, stretch = clip_source(row)
    if stretch is None:
        yield from (frame for _, frame in iter_frames(source))
        return
    bounds: tuple[int, int] | None = None
    position = 0

    def piece(total: int) -> range:
        nonlocal bounds
        bounds = bounds or stretch_bounds(stretch, total)
        first = bounds[0] + position
        return range(first, min(first + PIECE, bounds[1]))

    while bounds is None or bounds[0] + position < bounds[1]:
        frames = decode_video(source, indices=piece).frames
        yield from frames
        position += len(frames)


__all__ = ["clip_source", "iter_clip"]
