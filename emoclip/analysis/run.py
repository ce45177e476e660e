# SPDX-License-Identifier: Apache-2.0
"""Videos through the model: decoding in a thread, pictures of all videos in shared batches, windows pooled as they complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from modeling_emoclip.video_decoding_emoclip import VideoDecodeError

from .encoding import WINDOW_BATCH, Progress, VideoEncoder, embed_pictures
from .frames import in_background
from .sequences import Window
from .settings import AnalysisSettings
from .source_model import LoadedModel
from .video_job import VideoJob


def encode_jobs(
    jobs: Sequence[VideoJob],
    loaded: LoadedModel,
    settings: AnalysisSettings,
    progress: Progress | None = None,
    *,
    keep_partial: bool = False,
) -> bool:
    """Fill the jobs with their windows and return whether all of them are whole.

    Args:
        jobs: Videos, in the order in which they are read.
        loaded: The model, in evaluation mode.
        settings: The same for all.
        progress: Called with the frames done and the frames expected, of all videos.
        keep_partial: On Ctrl-C keep what there is and return `False`.

    Raises:
        VideoDecodeError: The only video cannot be decoded; one of several has it as its `failure` instead.
        KeyboardInterrupt: Unless `keep_partial`.
    """
    encoder = loaded.encoder(settings.precision, compile=settings.compile)
    pooler = _Pooler(encoder)
    try:
        _encode(jobs, encoder, pooler, progress)
    except KeyboardInterrupt:
        if not keep_partial:
            raise
        for job in jobs:
            pooler.add(job, job.finish())
        pooler.flush()
        return False
    pooler.flush()
    return True


def _encode(jobs: Sequence[VideoJob], encoder: VideoEncoder, pooler: _Pooler, progress: Progress | None) -> None:
    expected = [job.expected_frames for job in jobs]
    total = None if None in expected else sum(one for one in expected if one is not None)
    # Several faces of a frame are one frame; every video has its own.
    done, last = 0, None
    for item in embed_pictures(in_background(_pictures(jobs)), encoder):
        if len(item) == 1:
            ended = item[0].finish()
            pooler.add(item[0], ended if item[0].failure is None else [])
            continue
        job, picture, embedded = item
        pooler.add(job, job.push(picture, embedded))
        done += (job, picture.frame) != last
        last = (job, picture.frame)
        if progress is not None:
            progress(done, total)


def _pictures(jobs: Sequence[VideoJob]) -> Iterator[tuple[Any, ...]]:
    """(job, picture), and (job,) after its last."""
    for job in jobs:
        try:
            for picture in job.pictures():
                yield job, picture
        except (VideoDecodeError, FileNotFoundError) as error:
            if len(jobs) == 1:
                raise
            # A bad file among a hundred must not cost the other ninety-nine.
            job.failure = error
        yield (job,)


class _Pooler:
    """Pools windows of all videos together and hands each back to its job."""

    def __init__(self, encoder: VideoEncoder):
        self._encoder = encoder
        self._waiting: list[tuple[VideoJob, Window]] = []

    def add(self, job: VideoJob, windows: Sequence[Window]) -> None:
        """Take windows of a job."""
        self._waiting += [(job, window) for window in windows]
        while len(self._waiting) >= WINDOW_BATCH:
            self._pool(WINDOW_BATCH)

    def flush(self) -> None:
        """Pool what is left."""
        if self._waiting:
            self._pool(len(self._waiting))

    def _pool(self, count: int) -> None:
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        embeds, weights = self._encoder.pool([window for _, window in batch])
        for (job, window), embed, row in zip(batch, embeds, weights, strict=True):
            job.add(window, torch.clone(embed), row)


__all__ = ["encode_jobs"]
