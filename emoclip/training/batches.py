# SPDX-License-Identifier: Apache-2.0
"""The order of clips: a pure function of (seed, epoch), cut into batches for each process."""

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler


class EpochBatchSampler(Sampler[list[int]]):
    """Batches of row numbers for one process; the last, incomplete global batch is dropped, as the original does.

    Args:
        num_rows: rows of the data set.
        batch_size: rows per process and batch.
        seed: with the epoch, what the order depends on.
        rank, world_size: this process and how many there are; consecutive slices of a global batch go to the ranks.

    Raises:
        ValueError: the data set is smaller than one global batch.
    """

    def __init__(self, num_rows: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1):
        if num_rows < batch_size * world_size:
            raise ValueError(
                f"`batch_size` times processes must be at most the number of clips, {num_rows}, got "
                f"{batch_size} x {world_size}. Choose a smaller batch_size or more clips."
            )
        self.num_rows = num_rows
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self.first_batch = 0

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return self.num_rows // (self.batch_size * self.world_size)

    def set_position(self, epoch: int, first_batch: int = 0) -> None:
        """Start the next iteration at a batch of an epoch."""
        self.epoch = epoch
        self.first_batch = first_batch

    def __iter__(self) -> Iterator[list[int]]:
        order = epoch_order(self.num_rows, self.seed, self.epoch)
        width = self.batch_size * self.world_size
        for batch in range(self.first_batch, len(self)):
            start = batch * width + self.rank * self.batch_size
            yield order[start : start + self.batch_size]


def epoch_order(num_rows: int, seed: int, epoch: int) -> list[int]:
    """A permutation of the rows that depends on the seed and the epoch only."""
    generator = torch.Generator().manual_seed((seed << 20) + epoch)
    return torch.randperm(num_rows, generator=generator).tolist()


__all__ = ["EpochBatchSampler", "epoch_order"]
