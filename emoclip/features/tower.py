# SPDX-License-Identifier: Apache-2.0
"""The image tower as it fills a store: pieces of a clip in, one record of embeddings out."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch

from modeling_emoclip import EmoCLIPVideoProcessor
from modeling_emoclip.video_encoder_emoclip import EmoCLIPVideoEncoder

from .parts import ClipRecord
from .pieces import Piece, PieceReader
from .views import ClipView, FrameViews


class FrameTower:
    """Embeds every view of every kept frame.

    Args:
        model: In evaluation mode.
        video_processor: The model's own.
        reader: Of the pieces.
        views: Which versions of the frames.
        dtype: Number format of autocast; None computes in the weights' own.
        storage: NumPy's name of the type to keep.
        batch_size: Frames at once through the tower.
    """

    def __init__(
        self,
        model: EmoCLIPVideoEncoder,
        video_processor: EmoCLIPVideoProcessor,
        reader: PieceReader,
        views: FrameViews,
        *,
        dtype: torch.dtype | None,
        storage: str,
        batch_size: int,
    ):
        self.model, self.reader, self.views = model, reader, views
        self._processor, self._dtype, self._storage, self._batch_size = video_processor, dtype, storage, batch_size

    def embed(self, pieces: Iterable[Piece], clip: int) -> ClipRecord:
        """Return the record of a clip.

        Args:
            pieces: Of the clip, in order.
            clip: A number that stands for it, for what is drawn.
        """
        views = [ClipView(self.views, number, clip, self._processor) for number in range(self.views.count)]
        embeds: list[list[np.ndarray]] = [[] for _ in views]
        positions, num_frames = [], 0
        for piece in pieces:
            num_frames = piece.num_frames
            positions.append(piece.positions.numpy().astype(np.int32))
            for view, target in zip(views, embeds, strict=True):
                target.append(self._embed_pixels(*view.pixels(piece.frames, piece.subject_masks)))
        return ClipRecord(num_frames, np.concatenate(positions), np.stack([np.concatenate(view) for view in embeds]))

    def _embed_pixels(self, pixels: torch.Tensor, subject_masks: torch.Tensor | None) -> np.ndarray:
        parts = []
        for start in range(0, len(pixels), self._batch_size):
            place = slice(start, start + self._batch_size)
            masks = None if subject_masks is None else subject_masks[None, place].to(self.model.device)
            with torch.inference_mode(), self._autocast():
                embeds = self.model.get_frame_features(pixels[None, place].to(self.model.device), masks)[0]
            parts.append(embeds.float().cpu().numpy().astype(self._storage))
        return np.concatenate(parts)

    def _autocast(self) -> AbstractContextManager:
        return nullcontext() if self._dtype is None else torch.autocast(self.model.device.type, dtype=self._dtype)


__all__ = ["FrameTower"]
