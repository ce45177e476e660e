# SPDX-License-Identifier: Apache-2.0
"""Reading frame embeddings: any window of any clip, without touching the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from modeling_emoclip import EmoCLIPVideoProcessor

from .parts import PartFiles
from .views import FrameViews


if TYPE_CHECKING:
    import datasets


class FrameFeatureStore:
    """The frame embeddings of a table's rows, memory-mapped; row numbers are the table's.

    Made by `frame_features`. Can be sent to worker processes, which open the files themselves.

    Args:
        rows: Of the table.
        parts: Files of the store.
        places: Part and row in it of each row, int32 (rows,) each, -1 where there is nothing.
        views: What is kept of each clip.
        video_processor: Samples windows.
        errors: A sentence for each row that could not be embedded.
    """

    def __init__(
        self,
        rows: datasets.Dataset,
        parts: PartFiles,
        places: tuple[np.ndarray, np.ndarray],
        *,
        views: FrameViews,
        video_processor: EmoCLIPVideoProcessor,
        errors: dict[int, str],
    ):
        self._is_still = np.array([kind == "image" for kind in rows["media"]], dtype=bool)
        self._parts, self._places = parts, places
        self.views, self.video_processor, self.errors = views, video_processor, errors

    def __len__(self) -> int:
        """Rows of the table."""
        return len(self._is_still)

    def num_frames(self, row: int) -> int:
        """Return the number of frames of a clip, kept or not.

        Raises:
            ValueError: The clip could not be embedded.
        """
        return self._record(row).num_frames

    def positions(self, row: int) -> torch.Tensor:
        """Return which frames of a clip are kept, int64 (n,), increasing; raises as `num_frames` does."""
        return torch.from_numpy(self._record(row).positions.astype(np.int64))

    def frame_embeds(self, row: int, view: int = 0) -> torch.Tensor:
        """Return the embeddings of all kept frames of a clip, float32 (n, D), not normalised; raises as `num_frames` does."""
        return torch.from_numpy(self._record(row).embeds[view].astype(np.float32))

    def window(
        self, row: int, *, training: bool = False, generator: torch.Generator | None = None, view: int | None = 0
    ) -> dict[str, torch.Tensor]:
        """Return `frame_embeds` float32 (T, D), `frame_mask` bool (T,) and `frame_indices` int64 (T,) of one window.

        They are those of the pixels that the processor samples, and with `view=None` augments, from the same generator.

        Args:
            row: Of the table.
            training: Whether the window is random; else it is the one that evaluation takes.
            generator: Source of the randomness.
            view: Which; `None` draws one.

        Raises:
            ValueError: The clip could not be embedded, or the window needs frames that are not kept.
        """
        record = self._record(row)
        if self._is_still[row]:
            indices, mask = torch.zeros(1, dtype=torch.long), torch.ones(1, dtype=torch.bool)
        else:
            indices, mask = self.video_processor.sample_frame_indices(
                record.num_frames, training=training, generator=generator
            )
        wanted = indices.numpy()
        places = np.searchsorted(record.positions, wanted).clip(max=len(record.positions) - 1)
        if not np.array_equal(record.positions[places], wanted):
            raise ValueError(
                f"The window of row {row} needs frames that are not kept, got a store of {len(record.positions)} frames of "
                f"{record.num_frames}; make it with kept='grid'."
            )
        number = self.views.draw(generator or torch.default_generator) if view is None else view
        embeds = record.embeds[number][places].astype(np.float32)
        return {"frame_embeds": torch.from_numpy(embeds), "frame_mask": mask, "frame_indices": indices}

    def _record(self, row: int) -> Any:
        part, place = (int(numbers[row]) for numbers in self._places)
        if part < 0:
            raise ValueError(self.errors.get(row, f"Row {row} must be in the store of frame features, it is not."))
        return self._parts.record(part, place, self.views.count)


__all__ = ["FrameFeatureStore"]
