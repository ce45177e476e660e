# SPDX-License-Identifier: Apache-2.0
"""Rows of a manifest as model inputs: decoding happens here, in the worker, after the fork."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Dataset

from emoclip.data.clip_transform import ClipTransform
from emoclip.data.media import clip_source
from emoclip.data.media_columns import MEDIA_COLUMNS
from modeling_emoclip.video_decoding_emoclip import decode_video, stretch_bounds


if TYPE_CHECKING:
    import datasets

    from modeling_emoclip import EmoCLIPVideoProcessor


class ClipDataset(Dataset):
    """One item per row: `index`, `pixel_values_videos` (T, 3, H, W) float32, `frame_mask` (T,) bool and what else was asked for.

    A still image is a clip with T = 1. A clip that cannot be decoded does not stop a long run: its item is `index` and
    `error`, a sentence that names the file, for the caller to report and skip.

    Args:
        rows: of a manifest or a set of shards, as `emoclip.data.load` gives them.
        video_processor: samples, resizes and normalises the frames.
        training: draw the frame window and the augmentations at random; otherwise it is deterministic.
        seed: with the epoch and the index, the only source of randomness, so that an item never depends on which
            worker makes it or on which items came before.
        cache: keep the resized uint8 frames that the sampling rule can ask for in memory after the first decoding. Only
            without worker processes, which would each fill a cache of their own.
        augmentation: `horizontal_flip`, `rotation_degrees`, `random_crop` and `subject_masks` of `ClipTransform`; the cache keeps
            the middle of the frames and no masks.

    Raises:
        ValueError: the cache and a random crop or masks are asked for at once.
    """

    def __init__(
        self,
        rows: "datasets.Dataset",
        video_processor: "EmoCLIPVideoProcessor",
        *,
        training: bool = False,
        seed: int = 0,
        cache: bool = False,
        **augmentation: Any,
    ):
        self.transform = ClipTransform(video_processor, training=training, **augmentation)
        if cache and (self.transform.random_crop != "none" or self.transform.subject_masks):
            raise ValueError("`cache` must be false with `random_crop` or `subject_masks`, got true.")
        # Left in the table: as Python's own lists the paths of a million clips would be hundreds of megabytes.
        wanted = (*MEDIA_COLUMNS, "boxes") if self.transform.subject_masks else MEDIA_COLUMNS
        self.rows = rows.select_columns([name for name in wanted if name in rows.column_names])
        self.video_processor = video_processor
        self.training = training
        self.seed = seed
        self._epoch = shared_number()
        self._cache: dict[int, tuple[torch.Tensor, int]] | None = {} if cache else None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def epoch(self) -> int:
        """The epoch whose random draws are made."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Choose the random draws of an epoch, also for workers that run already."""
        self._epoch.fill_(epoch)

    def __getitem__(self, index: int) -> dict[str, Any]:
        generator = clip_generator(self.seed, self.epoch, index)
        try:
            if self._cache is None:
                return {"index": index, **self.transform(self.rows[index], generator)}
            positions, frame_mask = self._grid_window(index, generator)
            return {"index": index, **self.transform.finish(self.grid(index)[0][positions], frame_mask, generator)}
        except (ValueError, OSError) as error:
            return {"index": index, "error": str(error)}

    def grid(self, index: int) -> tuple[torch.Tensor, int]:
        """Every frame that any window of a clip can ask for, as uint8 (G, 3, H, W), and the file's frame count; cached.

        Raises:
            ValueError: the data set was made without `cache`.
            VideoDecodeError: the clip cannot be decoded.
        """
        if self._cache is None:
            raise ValueError("A grid of frames needs a data set with cache=True, got False.")
        if index not in self._cache:
            self._cache[index] = self._decode_grid(index)
        return self._cache[index]

    def draw_on_grid(self, index: int) -> tuple[torch.Tensor, torch.Tensor, bool]:
        """The draw that `self[index]` makes in this epoch: rows of `grid` (T,), the mask (T,), and whether it is mirrored."""
        generator = clip_generator(self.seed, self.epoch, index)
        rows, frame_mask = self._grid_window(index, generator)
        return rows, frame_mask, self.transform.flips(generator)

    def _grid_window(self, index: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        positions, frame_mask = self._window(index, self.grid(index)[1], generator)
        return positions // self._grid_step(index), frame_mask

    def _window(self, index: int, total: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        if self.rows[index]["media"] == "image":
            return torch.zeros(1, dtype=torch.long), torch.ones(1, dtype=torch.bool)
        return self.video_processor.sample_frame_indices(total, training=self.training, generator=generator)

    def _decode_grid(self, index: int) -> tuple[torch.Tensor, int]:
        """Every frame that any window can ask for, and how many frames the file has."""
        totals: list[int] = []

        source, stretch = clip_source(self.rows[index])

        def choose(total: int) -> Sequence[int]:
            first, end = stretch_bounds(stretch, total)
            totals.append(end - first)
            return range(first, end, self._grid_step(index))

        decoded = decode_video(source, indices=choose)
        return self.video_processor.resize_frames(decoded.frames), totals[-1]

    def _grid_step(self, index: int) -> int:
        """EmoCLIP's rule takes multiples of the stride only; other rules may take any frame."""
        if self.rows[index]["media"] == "image" or self.video_processor.frame_sampling != "emoclip":
            return 1
        return self.video_processor.frame_stride


def shared_number() -> torch.Tensor:
    """Return a number, 0 at first, of shape (), that all processes see when it changes: persistent workers are copies."""
    return torch.zeros((), dtype=torch.int64).share_memory_()


def clip_generator(seed: int, epoch: int, index: int) -> torch.Generator:
    """The random state of one clip in one epoch, a pure function of its arguments."""
    # Spread over the 64-bit seed space: neighbouring seeds of the Mersenne twister give related first draws.
    mixed = seed
    for part in (epoch, index):
        mixed = (mixed * 6364136223846793005 + part + 1442695040888963407) % 2**64
        mixed ^= mixed >> 29
    return torch.Generator().manual_seed(mixed % 2**63)


def collate_clips(items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A batch: `index` (B,), `pixel_values_videos` (B, T, 3, H, W), `frame_mask` (B, T), and `errors` {index: sentence}.

    What else every item has, such as `subject_masks`, is stacked likewise; of a stream, whose clips go by their ids, `index` and
    `row` are lists. Clips of different lengths are padded with zero frames, which `frame_mask` leaves out. Items that could not be
    decoded appear in `errors` alone; if no item is left, the tensors are missing.
    """
    items = list(items)
    good = [item for item in items if "error" not in item]
    batch: dict[str, Any] = {"errors": {item["index"]: item["error"] for item in items if "error" in item}}
    if good:
        length = max(len(item["frame_mask"]) for item in good)
        for name, first in good[0].items():
            values = [item[name] for item in good]
            if isinstance(first, torch.Tensor):
                batch[name] = torch.stack([_pad(value, length) for value in values])
            else:
                batch[name] = torch.tensor(values) if isinstance(first, int) else values
    return batch


def _pad(tensor: torch.Tensor, length: int) -> torch.Tensor:
    missing = length - len(tensor)
    if not missing:
        return tensor
    return torch.cat([tensor, tensor.new_zeros(missing, *tensor.shape[1:])])


__all__ = ["ClipDataset", "clip_generator", "collate_clips", "shared_number"]
