# SPDX-License-Identifier: Apache-2.0
"""The frames of a clip that are worth embedding, decoded a piece at a time so that an interview of two hours fits into memory."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch

from emoclip.data.media import PIECE, clip_source
from modeling_emoclip import EmoCLIPVideoProcessor
from modeling_emoclip.video_processing_emoclip import LoadedClip


KeptFrames = Literal["grid", "window"]
KEPT_FRAMES: tuple[KeptFrames, ...] = ("grid", "window")


@dataclass(frozen=True)
class Piece:
    """Some frames of a clip.

    Args:
        num_frames: Frames of the whole clip.
        positions: int64 (n,), their numbers in the clip, increasing.
        frames: (n, 3, h, w), resized.
        subject_masks: (n, h, w), on request.
    """

    num_frames: int
    positions: torch.Tensor
    frames: torch.Tensor
    subject_masks: torch.Tensor | None


class PieceReader:
    """Decodes and resizes the frames that are kept of a clip.

    Args:
        video_processor: Says which frames a window can ask for, and resizes.
        kept: `grid`, every frame that any window can ask for; `window`, those of the window that evaluation takes.
        subject_masks: Also give the masks of the subject, from the boxes of the row.
        crop: Crop the middle, where the processor does.

    Raises:
        ValueError: The processor takes its window at random in evaluation too, so that there is none to keep.
    """

    def __init__(
        self,
        video_processor: EmoCLIPVideoProcessor,
        *,
        kept: KeptFrames = "grid",
        subject_masks: bool = False,
        crop: bool = True,
    ):
        if kept not in KEPT_FRAMES:
            raise ValueError(f"`kept` must be one of {', '.join(KEPT_FRAMES)}, got {kept!r}.")
        if kept == "window" and video_processor.random_start:
            raise ValueError("`kept` must be grid with a processor of random_start=True, got window.")
        self.kept = kept
        self.step = grid_step(video_processor)
        self._sample = video_processor.sample_frame_indices
        self._subject_masks = subject_masks
        self._fields = {
            name: copy.deepcopy(getattr(video_processor, name))
            for name in EmoCLIPVideoProcessor.valid_kwargs.__annotations__
        }
        self._fields["do_center_crop"] = self._fields["do_center_crop"] and crop

    def pieces(self, row: Mapping[str, Any]) -> Iterator[Piece]:
        """Yield the kept frames of a clip in order; a still is one frame.

        Raises:
            FileNotFoundError: The file is not there.
            VideoDecodeError: The clip cannot be decoded.
            ValueError: The clip does not fit the processor.
        """
        source, stretch = clip_source(row)
        first, end = stretch or (0, None)
        boxes = self._boxes(row)
        chooser = _Chooser(**self._fields)
        if row["media"] == "image" or self.kept == "window":
            chooser.choose = self._window_positions
            loaded = chooser.load_clip(source, stretch=stretch, subject_boxes=boxes)
            yield _piece(chooser, loaded, 0)
            return
        done, total = 0, 1
        while done < total:
            chooser.choose = self._grid_positions
            # One more, empty: a single entry would stand for all frames.
            later = boxes if boxes is None or len(boxes) == 1 else [*boxes[done:], []]
            part = stretch if done == 0 else (first + done, end)
            loaded = chooser.load_clip(source, stretch=part, subject_boxes=later)
            piece = _piece(chooser, loaded, done)
            yield piece
            done, total = done + PIECE * self.step, piece.num_frames

    def _grid_positions(self, total: int) -> torch.Tensor:
        return torch.arange(0, total, self.step)[:PIECE]

    def _window_positions(self, total: int) -> torch.Tensor:
        return torch.unique(self._sample(total)[0])

    def _boxes(self, row: Mapping[str, Any]) -> list[Any] | None:
        """Of each frame the list of its boxes, or one empty list where nobody is marked; `None` where no mask is wanted."""
        if not self._subject_masks:
            return None
        boxes = row.get("boxes")
        return [[box] if len(box) else [] for box in boxes] if boxes else [[]]


class _Chooser(EmoCLIPVideoProcessor):
    """A processor that takes the frames `choose` names."""

    choose: Callable[[int], torch.Tensor]
    total = 1
    positions = torch.zeros(1, dtype=torch.long)

    def sample_frame_indices(
        self, total: int, *, training: bool = False, generator: torch.Generator | None = None
    ) -> tuple[torch.LongTensor, torch.BoolTensor]:
        self.total, self.positions = total, self.choose(total)
        return self.positions, torch.ones(len(self.positions), dtype=torch.bool)  # type: ignore[return-value]


def _piece(chooser: _Chooser, loaded: LoadedClip, start: int) -> Piece:
    return Piece(chooser.total + start, chooser.positions + start, loaded.frames, loaded.subject_masks)


def grid_step(video_processor: EmoCLIPVideoProcessor) -> int:
    """Return the distance of the frames that windows can ask for: EmoCLIP's rule takes multiples of the stride, others any frame."""
    return video_processor.frame_stride if video_processor.frame_sampling == "emoclip" else 1


__all__ = ["KEPT_FRAMES", "KeptFrames", "Piece", "PieceReader", "grid_step"]
