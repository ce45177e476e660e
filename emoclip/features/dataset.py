# SPDX-License-Identifier: Apache-2.0
"""Frame embeddings as a data set that stands for `ClipDataset` where the image tower is frozen."""

from __future__ import annotations

from typing import Any

from torch.utils.data import Dataset

from emoclip.data.clips import clip_generator

from .store import FrameFeatureStore


class FrameFeatureDataset(Dataset):
    """One item per row: `index`, `frame_embeds` (T, D) float32 and `frame_mask` (T,); `collate_clips` makes batches of them.

    Windows and mirroring are those that `ClipDataset` draws for the same seed, epoch and row. A clip that could not be embedded is
    `index` and `error`.

    Args:
        store: Of the rows.
        training: Draw window and view at random; otherwise the window and view of evaluation.
        seed: With epoch and row, the only source of randomness.
    """

    def __init__(self, store: FrameFeatureStore, *, training: bool = False, seed: int = 0):
        self.store, self.training, self.seed, self.epoch = store, training, seed, 0

    def __len__(self) -> int:
        return len(self.store)

    def set_epoch(self, epoch: int) -> None:
        """Choose the random draws of an epoch."""
        self.epoch = epoch

    def __getitem__(self, index: int) -> dict[str, Any]:
        generator = clip_generator(self.seed, self.epoch, index)
        view = None if self.training else 0
        try:
            window = self.store.window(index, training=self.training, generator=generator, view=view)
        except ValueError as error:
            return {"index": index, "error": str(error)}
        return {"index": index, "frame_embeds": window["frame_embeds"], "frame_mask": window["frame_mask"]}


__all__ = ["FrameFeatureDataset"]
