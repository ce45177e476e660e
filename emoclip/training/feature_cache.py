# SPDX-License-Identifier: Apache-2.0
"""Frame embeddings of a frozen image tower, computed once and kept in memory.

With a frozen tower the frames of a clip give the same embeddings in every epoch; what is drawn anew are windows and mirroring, and
these are rows and a choice between two tables. A step then costs the temporal part and the texts only.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch

from emoclip.data.clips import ClipDataset


class FeatureCache:
    """Embeds each clip on first use; `batch` then stands for the pixels of a batch.

    Args:
        clips: the data set, made with `cache=True`; its draws decide windows and mirroring.
        encode: normalised frames (1, G, 3, H, W) -> embeddings (1, G, D), without gradients.
    """

    def __init__(self, clips: ClipDataset, encode: Callable[[torch.Tensor], torch.Tensor]):
        self._clips = clips
        self._encode = encode
        self._tables: dict[tuple[int, bool], torch.Tensor] = {}

    def batch(self, indices: Iterable[int]) -> dict[str, Any]:
        """`index` (B,), `frame_embeds` (B, T, D) and `frame_mask` (B, T) of one batch, and `errors` {index: sentence}.

        The embeddings are those of the pixels that the data set itself would give for the current epoch.
        """
        good, embeds, masks, errors = [], [], [], {}
        for index in indices:
            try:
                rows, mask, is_mirrored = self._clips.draw_on_grid(index)
                table = self._table(index, is_mirrored)
            except (ValueError, FileNotFoundError) as error:
                errors[index] = str(error)
                continue
            good.append(index)
            embeds.append(table[rows])
            masks.append(mask)
        if not good:
            return {"errors": errors}
        pad = torch.nn.utils.rnn.pad_sequence
        return {
            "index": torch.tensor(good),
            "frame_embeds": pad(embeds, batch_first=True),
            "frame_mask": pad(masks, batch_first=True),
            "errors": errors,
        }

    def _table(self, index: int, is_mirrored: bool) -> torch.Tensor:
        key = (index, is_mirrored)
        if key not in self._tables:
            frames, _ = self._clips.grid(index)
            frames = frames.flip(-1) if is_mirrored else frames
            pixels = self._clips.video_processor.normalize_frames(frames)
            self._tables[key] = self._encode(pixels.unsqueeze(0))[0].float().cpu()
        return self._tables[key]


__all__ = ["FeatureCache"]
