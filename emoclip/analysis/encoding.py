# SPDX-License-Identifier: Apache-2.0
"""Decode, embed every frame once, pool windows: video in, one embedding per window out. No words here.

Words come later and cheaply, so that a video can be scored again with other words without decoding it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, TypeVar

import torch

from modeling_emoclip.video_decoding_emoclip import VideoDecodeError, decode_video, iter_frames
from modeling_emoclip.video_sources_emoclip import is_still_image

from .source_model import LoadedModel
from .windows import Timed, WindowPlan


# Frames embedded at once and windows pooled at once: large enough to keep the cores busy, small enough for any memory.
FRAME_BATCH = 32
WINDOW_BATCH = 64

Item = TypeVar("Item")
# Called with the number of frames done and, where it is known, the number there are.
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class WindowEmbeddings:
    """One embedding per window of a video.

    Args:
        starts: Presentation time of each window's first frame, in seconds.
        ends: Presentation time of each window's last frame, in seconds.
        embeds: float32, (windows, dim), not normalised.
        error: The damage at which a video was cut off, where that was allowed.
    """

    starts: list[float]
    ends: list[float]
    embeds: torch.Tensor
    error: VideoDecodeError | None = None


def encode_windows(
    source: Any,
    loaded: LoadedModel,
    plan: WindowPlan[torch.Tensor],
    *,
    on_error: str = "raise",
    on_frames: Callable[[int], None] | None = None,
) -> WindowEmbeddings:
    """Return the embeddings of the windows that `plan` lays over a video.

    A video that fits the model's own span is one window, sampled by the processor's rule for evaluation, exactly as
    `model(**processor(videos=...))` would see it. In a longer one, every `frame_stride`-th frame is embedded once,
    however many windows share it. Frames are streamed: memory does not grow with the length of the video.

    Args:
        source: Whatever the video processor accepts and can be read twice.
        loaded: The model, already in evaluation mode.
        plan: `plan.length` is the processor's `num_frames`.
        on_error: `"raise"`, or `"truncate"` to end a damaged video at its last good frame.
        on_frames: Called with the number of frames embedded so far.

    Raises:
        VideoDecodeError: The video cannot be read to its end, or holds no frame.
    """
    errors: list[VideoDecodeError] = []
    frames = _prepared_frames(source, loaded, on_error, errors)
    head = list(islice(frames, plan.length + 1))
    if not head:
        raise VideoDecodeError(
            "A video must hold at least one frame, got none; check that it plays in a video player."
        )
    duration = head[-1][0] - head[0][0]
    if len(head) <= plan.length and (plan.seconds is None or plan.seconds > duration):
        return _encode_whole(source, loaded, on_error)
    embedded = _embed_frames(chain(head, frames), loaded.model, on_frames or (lambda done: None))
    windows = _pool_windows(plan.slide(embedded), loaded.model, plan)
    return replace(windows, error=errors[0] if errors else None)


def _prepared_frames(
    source: Any, loaded: LoadedModel, on_error: str, errors: list[VideoDecodeError]
) -> Iterator[Timed[torch.Tensor]]:
    """Yield (seconds, frame as the model sees it), one at a time so that large frames never pile up."""
    video_processor = loaded.processor.video_processor
    num_yielded = 0
    try:
        for seconds, frame in iter_frames(source, stride=video_processor.frame_stride):
            yield seconds, video_processor.transform_frames(frame[None])[0]
            num_yielded += 1
    except VideoDecodeError as error:
        if on_error == "raise" or not num_yielded:
            raise
        # Kept, because a table that ends early must say so.
        errors.append(error)


def _encode_whole(source: Any, loaded: LoadedModel, on_error: str) -> WindowEmbeddings:
    """One window by the processor's rule; a still is one frame, as in the processor. The rule may repeat frames; each is decoded and embedded once."""
    video_processor = loaded.processor.video_processor
    places = mask = torch.empty(0)

    def distinct(total: int) -> list[int]:
        nonlocal places, mask
        if is_still_image(source):
            indices, mask = torch.zeros(1, dtype=torch.long), torch.ones(1, dtype=torch.bool)
        else:
            indices, mask = video_processor.sample_frame_indices(total)
        wanted, places = torch.unique(indices, return_inverse=True)
        return wanted.tolist()

    decoded = decode_video(source, indices=distinct, on_error=on_error)
    frame_embeds = _frame_features(loaded.model, video_processor.transform_frames(decoded.frames))
    pooled = _video_features(loaded.model, frame_embeds[places][None], mask[None])
    times = decoded.timestamps[places][mask]
    return WindowEmbeddings([times.min().item()], [times.max().item()], pooled, decoded.error)


def _embed_frames(
    frames: Iterable[Timed[torch.Tensor]], model: Any, on_frames: Callable[[int], None]
) -> Iterator[Timed[torch.Tensor]]:
    """Turn timed frames into timed frame embeddings, batch by batch."""
    done = 0
    for batch in _batched(frames, FRAME_BATCH):
        embeds = _frame_features(model, torch.stack([frame for _, frame in batch]))
        yield from zip((seconds for seconds, _ in batch), embeds, strict=True)
        done += len(batch)
        on_frames(done)


def _pool_windows(
    windows: Iterable[list[Timed[torch.Tensor]]], model: Any, plan: WindowPlan[torch.Tensor]
) -> WindowEmbeddings:
    starts: list[float] = []
    ends: list[float] = []
    pooled: list[torch.Tensor] = []
    for batch in _batched(windows, WINDOW_BATCH):
        starts += [members[0][0] for members in batch]
        ends += [members[-1][0] for members in batch]
        pooled.append(_pool_batch([plan.thin(members) for members in batch], model))
    return WindowEmbeddings(starts, ends, torch.cat(pooled))


def _pool_batch(windows: list[list[Timed[torch.Tensor]]], model: Any) -> torch.Tensor:
    """Pool windows of unequal length together: short ones are padded and masked."""
    sequences = [torch.stack([embed for _, embed in members]) for members in windows]
    frame_embeds = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True)
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    frame_mask = torch.arange(frame_embeds.shape[1])[None] < lengths[:, None]
    return _video_features(model, frame_embeds, frame_mask)


def _frame_features(model: Any, frames: torch.Tensor) -> torch.Tensor:
    """Embed frames (time, 3, height, width) -> (time, dim)."""
    parts = [
        model.get_frame_features(part[None].to(model.device, model.dtype))[0] for part in frames.split(FRAME_BATCH)
    ]
    return torch.cat(parts)


def _video_features(model: Any, frame_embeds: torch.Tensor, frame_mask: torch.Tensor) -> torch.Tensor:
    output = model.get_video_features(frame_embeds=frame_embeds, frame_mask=frame_mask.to(model.device))
    return output.pooler_output.float().cpu()


def _batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
