# SPDX-License-Identifier: Apache-2.0
"""Pictures in, one embedding per window out; every picture goes through the image tower once. No words here.

Words come later and cheaply, so that a video can be scored again with other words without decoding it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import torch

from .frame_weights import frame_weights
from .picture import Embedded, Picture
from .sequences import Window


# Pictures embedded at once and windows pooled at once: large enough to keep the cores busy, small enough for any memory.
FRAME_BATCH = 32
WINDOW_BATCH = 64

Item = TypeVar("Item")
# Called with the number of frames done and, where it is known, the number there are.
Progress = Callable[[int, int | None], None]


class VideoEncoder:
    """A model's image tower and temporal part, batch by batch.

    Args:
        model: An `EmoCLIPModel` in evaluation mode.
        video_processor: Normalises pictures.
    """

    def __init__(self, model: Any, video_processor: Any):
        self.model = model
        self.video_processor = video_processor

    def embed(self, pictures: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return the embedding (dim,) of each picture (3, height, width); pictures of one size share a batch."""
        by_size: dict[tuple[int, ...], list[int]] = {}
        for position, picture in enumerate(pictures):
            by_size.setdefault(tuple(picture.shape), []).append(position)
        embeds: list[torch.Tensor] = [torch.empty(0)] * len(pictures)
        for positions in by_size.values():
            for batch in _batched(positions, FRAME_BATCH):
                for position, embed in zip(batch, self._run([pictures[one] for one in batch]), strict=True):
                    embeds[position] = embed
        return embeds

    def _run(self, pictures: list[torch.Tensor]) -> torch.Tensor:
        pixels = self.video_processor.normalize_frames(torch.stack(pictures).to(self.model.device))
        return self.model.get_frame_features(pixels[None].to(self.model.dtype))[0]

    def pool(self, windows: Sequence[Window]) -> tuple[torch.Tensor, list[list[float]]]:
        """Return the windows' embeddings, float32 (windows, dim), and the weight of each of their members."""
        sequences = [torch.stack([window.members[place][1].embed for place in window.places]) for window in windows]
        frame_embeds = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True)
        frame_mask = torch.zeros(frame_embeds.shape[:2], dtype=torch.bool)
        for row, window in enumerate(windows):
            frame_mask[row, : len(window.valid)] = torch.tensor(window.valid)
        mask = None if bool(frame_mask.all()) else frame_mask.to(self.model.device)
        output = self.model.get_video_features(frame_embeds=frame_embeds, frame_mask=mask, output_attentions=True)
        weights = frame_weights(self.model.config.temporal_config, output.attentions, frame_mask)
        return output.pooler_output.float().cpu(), [
            _per_member(window, row) for window, row in zip(windows, weights.tolist(), strict=True)
        ]


def embed_pictures(items: Iterable[Any], encoder: VideoEncoder, size: int = FRAME_BATCH) -> Iterator[Any]:
    """Yield the items in their order, each `(key, Picture)` as `(key, Picture, Embedded)`; whatever else passes through.

    Pictures wait until a batch is full, whatever video or person they are of.
    """
    waiting: list[Any] = []
    count = 0
    for item in items:
        waiting.append(item)
        count += _is_picture(item)
        if count == size:
            yield from _embedded(waiting, encoder)
            waiting, count = [], 0
    yield from _embedded(waiting, encoder)


def _embedded(items: list[Any], encoder: VideoEncoder) -> Iterator[Any]:
    embeds = iter(encoder.embed([item[1].pixels for item in items if _is_picture(item)]))
    for item in items:
        yield (*item, Embedded(next(embeds), item[1].frame, item[1].look)) if _is_picture(item) else item


def _is_picture(item: Any) -> bool:
    return len(item) == 2 and isinstance(item[1], Picture)


def _per_member(window: Window, weights: list[float]) -> list[float]:
    """Weights of places added up for each member, which may stand at several."""
    totals = [0.0] * len(window.members)
    for place, weight in zip(window.places, weights, strict=False):
        totals[place] += weight
    return totals


def _batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


__all__ = ["FRAME_BATCH", "WINDOW_BATCH", "Progress", "VideoEncoder", "embed_pictures"]
