# SPDX-License-Identifier: Apache-2.0
"""Pictures in, one embedding per window out; every picture goes through the image tower once. No words here.

Words come later and cheaply, so that a video can be scored again with other words without decoding it again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import torch

from emoclip.freed_memory import keep_freed_memory
from emoclip.precision import autocast_dtype

from .fast_tower import FastImageTower, agrees, is_usable
from .frame_weights import frame_weights
from .picture import Embedded, Picture
from .sequences import Window


# Pictures embedded at once and windows pooled at once: large enough to keep the cores busy, small enough for any memory.
FRAME_BATCH = 32
WINDOW_BATCH = 64
# Parameters of an image tower from which half precision pays.
LARGE = 20_000_000

Item = TypeVar("Item")
# Called with the number of frames done and, where it is known, the number there are.
Progress = Callable[[int, int | None], None]


class VideoEncoder:
    """A model's image tower and temporal part, batch by batch.

    Args:
        model: An `EmoCLIPModel` in evaluation mode.
        video_processor: Normalises pictures.
        precision: `float32`, `bfloat16`, or `auto`, see `chosen_dtype`; then the parts are copied.
        compile: Compile the image tower.
    """

    def __init__(self, model: Any, video_processor: Any, *, precision: str = "float32", compile: bool = False):
        self.model = model
        self.video_processor = video_processor
        self.dtype = chosen_dtype(model, precision)
        self.fast = self._fast_tower() if self.dtype == torch.bfloat16 and not compile else None
        self._parts = _copied_parts(model, self.dtype, tower=self.fast is None)
        self._tower = self._own_tower
        if compile:
            self._tower = torch.compile(self._own_tower, dynamic=True)

    def _fast_tower(self) -> FastImageTower | None:
        if not is_usable(self.model):
            return None
        tower = FastImageTower(self.model, self.video_processor)
        keep_freed_memory()
        return tower if agrees(tower, self.model, self.video_processor) else None

    @property
    def batch_size(self) -> int:
        """Pictures that are best embedded together."""
        return FRAME_BATCH if self.fast is None else self.fast.batch_size

    def embed(
        self, pictures: Sequence[torch.Tensor], subjects: Sequence[torch.Tensor | None] | None = None
    ) -> list[torch.Tensor]:
        """Return the embedding (dim,) of each picture (3, height, width); pictures of one size share a batch.

        Args:
            pictures: In grey levels.
            subjects: Where the subject of each is, (height, width), or `None` for none; only for models that prompt by it.
        """
        by_size: dict[tuple[int, ...], list[int]] = {}
        for position, picture in enumerate(pictures):
            by_size.setdefault(tuple(picture.shape), []).append(position)
        embeds: list[torch.Tensor] = [torch.empty(0)] * len(pictures)
        for positions in by_size.values():
            for batch in _batched(positions, self.batch_size):
                masks = None if subjects is None else [subjects[one] for one in batch]
                for position, embed in zip(batch, self._run([pictures[one] for one in batch], masks), strict=True):
                    embeds[position] = embed
        return embeds

    def _run(self, pictures: list[torch.Tensor], subjects: list[torch.Tensor | None] | None) -> torch.Tensor:
        frames = torch.stack(pictures)
        if self.model.config.subject_prompting != "none":
            nobody = torch.zeros(frames.shape[-2:])
            masks = torch.stack([nobody if mask is None else mask for mask in subjects or [None] * len(frames)])
            pixels = self.video_processor.normalize_frames(frames.to(self.model.device)).to(self.model.dtype)
            return self.model.get_frame_features(pixels[None], masks[None].to(pixels))[0]
        if self.fast is not None:
            return self.fast(frames)
        return self._tower(self.video_processor.normalize_frames(frames.to(self.model.device)).to(self.dtype))

    def _own_tower(self, pixels: torch.Tensor) -> torch.Tensor:
        if self._parts is None:
            return self.model.get_frame_features(pixels[None])[0]
        outputs = self._parts["vision_model"](pixel_values=pixels)
        return self._parts["visual_projection"](outputs.pooler_output)

    def pool(self, windows: Sequence[Window]) -> tuple[torch.Tensor, list[list[float]]]:
        """Return the windows' embeddings, float32 (windows, dim), and the weight of each of their members."""
        sequences = [torch.stack([window.members[place][1].embed for place in window.places]) for window in windows]
        frame_embeds = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True)
        frame_mask = torch.zeros(frame_embeds.shape[:2], dtype=torch.bool)
        for row, window in enumerate(windows):
            frame_mask[row, : len(window.valid)] = torch.tensor(window.valid)
        mask = None if bool(frame_mask.all()) else frame_mask.to(self.model.device)
        pooled, attentions = self._pooled(frame_embeds, mask)
        weights = frame_weights(self.model.config.temporal_config, attentions, frame_mask)
        return pooled.float().cpu(), [
            _per_member(window, row) for window, row in zip(windows, weights.tolist(), strict=True)
        ]

    def _pooled(
        self, frame_embeds: torch.Tensor, mask: torch.Tensor | None
    ) -> tuple[torch.Tensor, Sequence[torch.Tensor] | None]:
        if self._parts is None:
            output = self.model.get_video_features(frame_embeds=frame_embeds, frame_mask=mask, output_attentions=True)
            return output.pooler_output, output.attentions
        temporal = self._parts["temporal"](frame_embeds.to(self.dtype), mask, True)
        pooled = temporal.pooled
        if "expression_projection" in self._parts:
            pooled = self._parts["expression_projection"](pooled)
        return pooled, temporal.attentions


def chosen_dtype(model: Any, precision: str) -> torch.dtype:
    """Return the number format: for `auto` bfloat16 where the device computes it natively and the model is large.

    A small model gains nothing from it, and its numbers are then the same on every computer. Models that prompt by subject
    and models already in half precision stay as they are.
    """
    if precision == "float32" or model.config.subject_prompting != "none" or model.dtype != torch.float32:
        return model.dtype
    if precision == "bfloat16":
        return torch.bfloat16
    size = sum(parameter.numel() for parameter in model.vision_model.parameters())
    native = autocast_dtype(model.device) if size >= LARGE else None
    return native or torch.float32


def _copied_parts(model: Any, dtype: torch.dtype, *, tower: bool) -> torch.nn.ModuleDict | None:
    """The parts that see frames, in another number format; the model itself stays as it is."""
    if dtype == model.dtype:
        return None
    names = (["vision_model", "visual_projection"] if tower else []) + ["temporal", "expression_projection"]
    parts = {name: getattr(model, name) for name in names if hasattr(model, name)}
    return torch.nn.ModuleDict({name: copy.deepcopy(part).to(dtype) for name, part in parts.items()}).eval()


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
    pictures = [item[1] for item in items if _is_picture(item)]
    embeds = iter(encoder.embed([one.pixels for one in pictures], [one.subject for one in pictures]))
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
