# SPDX-License-Identifier: Apache-2.0
"""A streamed data set as model inputs, for data that are read from the network in shards, one after the other."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from datasets.distributed import split_dataset_by_node
from torch.utils.data import IterableDataset

from .clip_transform import ClipTransform
from .clips import clip_generator, shared_number
from .media_columns import MEDIA_COLUMNS


if TYPE_CHECKING:
    import datasets

    from modeling_emoclip import EmoCLIPVideoProcessor


class _NoLostBuffer(logging.Filter):
    """Drops the warning that a shuffle buffer is lost when a stream goes on: ours holds nothing between two clips."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "without the buffer content" not in record.getMessage()


logging.getLogger("datasets.iterable_dataset").addFilter(_NoLostBuffer())


class ClipStream(IterableDataset):
    """Items as those of `ClipDataset`, with `index` the clip's id and `row` its other columns, such as `label` and `captions`.

    The order of shards is a function of (seed, epoch), the draws of a clip one of (seed, epoch, clip id). Processes and the workers
    of a loader share the shards without overlap; with fewer shards than processes each process leaves out the clips of the others. The
    position is exact to the clip: give the stream to `torchdata.stateful_dataloader.StatefulDataLoader`, or without workers keep
    `state_dict()` yourself.

    Args:
        rows: as `emoclip.data.load(..., streaming=True)` gives them.
        video_processor: samples, resizes and normalises the frames.
        training: draw the order of shards, the frame window and the augmentations at random.
        seed: of all draws.
        rank, world_size: this process and how many there are.
        augmentation: as for `ClipTransform`.
    """

    def __init__(
        self,
        rows: datasets.IterableDataset,
        video_processor: EmoCLIPVideoProcessor,
        *,
        training: bool = False,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        **augmentation: Any,
    ):
        self.transform = ClipTransform(video_processor, training=training, **augmentation)
        self.seed = seed
        self._epoch = shared_number()
        # A buffer of one clip: clips lie in an order drawn when the shards were written, and what is in a buffer when a run stops would
        # be lost.
        rows = rows.shuffle(seed=seed, buffer_size=1, max_buffer_input_shards=1) if training else rows
        self._rows = split_dataset_by_node(rows, rank, world_size) if world_size > 1 else rows

    @property
    def epoch(self) -> int:
        """The epoch whose order and random draws are made."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order and the random draws of an epoch, also for workers that run already."""
        self._epoch.fill_(epoch)
        if self.transform.training:  # `datasets` lets an epoch change the order even of what was never shuffled
            self._rows.set_epoch(epoch)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for row in self._rows:
            yield self._item(row)

    def state_dict(self) -> dict[str, Any]:
        """Return the epoch and the position, after the last item that was given out."""
        return {"epoch": self.epoch, "rows": self._rows.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next iteration begin behind the position of `state_dict`."""
        self.set_epoch(state["epoch"])
        self._rows.load_state_dict(state["rows"])

    def _item(self, row: dict[str, Any]) -> dict[str, Any]:
        clip_id = row["clip_id"]
        item = {"index": clip_id, "row": {name: value for name, value in row.items() if name not in MEDIA_COLUMNS}}
        generator = clip_generator(self.seed, self.epoch, stable_number(clip_id))
        try:
            return {**item, **self.transform(row, generator)}
        except (ValueError, OSError) as error:
            return {**item, "error": str(error)}


def stable_number(text: str) -> int:
    """Return a number that stands for a text in every process, as Python's own hash does not."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")


__all__ = ["ClipStream", "stable_number"]
