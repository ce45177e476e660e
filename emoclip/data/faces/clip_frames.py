# SPDX-License-Identifier: Apache-2.0
"""Frames of a clip, or of a stretch of a film, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from modeling_emoclip.video_decoding_emoclip import decode_video, iter_frames


# A stretch that begins later in its film is reached by seeking; before, decoding up to it costs less.
FAR = 500
# Frames of such a stretch that are held at once: 100 MB of full HD.
BLOCK = 16


def clip_frames(
    path: Path | list[Path], *, start: int = 0, end: int | None = None, step: int = 1
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the number, counted from `start`, and the pixels of every `step`-th frame: uint8 RGB (height, width, 3).

    Args:
        path: Video file, still image, folder of frames, or the frames one by one.
        start: First frame of the stretch.
        end: Frame behind its last; the last frame of the file if absent.
        step: Distance of frames.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or the stretch does not lie in it.
    """
    if start < 0 or (end is not None and end <= start):
        raise ValueError(f"A stretch must have 0 <= start_frame < end_frame, got {start} to {end} of {path}.")
    number = -1
    for number, frame in _far(path, start, end, step) if start >= FAR else _near(path, start, end, step):
        yield number, frame.permute(1, 2, 0).contiguous().numpy()
    if number < 0:
        raise ValueError(f"A stretch must lie in its video, {path} ends before `start_frame` {start}.")


def _near(path: Path | list[Path], start: int, end: int | None, step: int) -> Iterator[tuple[int, torch.Tensor]]:
    # Frames that are not asked for are not converted either, unless the stretch begins off the grid of steps.
    stride = step if start % step == 0 else 1
    for count, (_, frame) in enumerate(iter_frames(path, stride=stride)):
        number = count * stride - start
        if end is not None and number >= end - start:
            return
        if number >= 0 and number % step == 0:
            yield number, frame


def _far(path: Path | list[Path], start: int, end: int | None, step: int) -> Iterator[tuple[int, torch.Tensor]]:
    position, total = start, None
    while total is None or position < total:
        totals: list[int] = []

        def wanted(count: int, position: int = position, totals: list[int] = totals) -> range:
            totals.append(count if end is None else min(count, end))
            # Frame 0 stands for an empty choice, which the decoder refuses.
            return range(position, min(position + BLOCK * step, totals[-1]), step) or range(1)

        decoded = decode_video(path, indices=wanted)
        total = totals[-1]
        if position < total:
            yield from ((position - start + step * count, frame) for count, frame in enumerate(decoded.frames))
        position += BLOCK * step


__all__ = ["clip_frames"]
