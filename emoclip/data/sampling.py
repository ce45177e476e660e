# SPDX-License-Identifier: Apache-2.0
"""The order of clips: a pure function of (seed, epoch), cut into batches for each process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch.utils.data import Sampler


# An order of rows, from the seed and the epoch.
Order = Callable[[int, int], list[int]]
# Global batches among which clips of like length are gathered; larger ones gather better and mix less.
BATCHES_PER_BUCKET = 50


class EpochBatchSampler(Sampler[list[int]]):
    """Batches of row numbers for one process; the last, incomplete global batch is dropped on request, as the original does.

    Args:
        num_rows: rows of the data set.
        batch_size: rows per process and batch.
        seed: with the epoch, what the order depends on.
        rank, world_size: this process and how many there are; consecutive slices of a global batch go to the ranks.
        labels: class of each row, to draw every class equally often; `None` takes each row once.
        lengths: of each row, to fill batches with clips of like length, which need little padding; `None` leaves the order.
        drop_last: leave out the last global batch if it is incomplete. Otherwise its rows are spread over the ranks as evenly as
            they go; with fewer than two for each rank it is left out all the same.

    Raises:
        ValueError: the data set is smaller than one global batch, or labels or lengths are not one a row.
    """

    def __init__(
        self,
        num_rows: int,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        *,
        labels: Sequence[int | None] | None = None,
        lengths: Sequence[int] | None = None,
        drop_last: bool = True,
    ):
        if num_rows < batch_size * world_size:
            raise ValueError(
                f"`batch_size` times processes must be at most the number of clips, {num_rows}, got "
                f"{batch_size} x {world_size}. Choose a smaller batch_size or more clips."
            )
        for name, values in (("labels", labels), ("lengths", lengths)):
            if values is not None and len(values) != num_rows:
                raise ValueError(f"`{name}` must be one for each of the {num_rows} rows, got {len(values)}.")
        self.num_rows = num_rows
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self.first_batch = 0
        self._order: Order = partial(epoch_order, num_rows) if labels is None else partial(balanced_order, labels)
        self._lengths = lengths
        rest = num_rows % (batch_size * world_size)
        self._rest = 0 if drop_last or rest < 2 * world_size else rest

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return self.num_rows // (self.batch_size * self.world_size) + bool(self._rest)

    def set_position(self, epoch: int, first_batch: int = 0) -> None:
        """Start the next iteration at a batch of an epoch."""
        self.epoch = epoch
        self.first_batch = first_batch

    def __iter__(self) -> Iterator[list[int]]:
        width = self.batch_size * self.world_size
        order = self._order(self.seed, self.epoch)
        if self._lengths is not None:
            order = bucketed(order, self._lengths, width, self.seed, self.epoch)
        for batch in range(self.first_batch, len(self)):
            rows = order[batch * width : (batch + 1) * width]
            yield rows[len(rows) * self.rank // self.world_size : len(rows) * (self.rank + 1) // self.world_size]


def epoch_order(num_rows: int, seed: int, epoch: int) -> list[int]:
    """A permutation of the rows that depends on the seed and the epoch only."""
    return torch.randperm(num_rows, generator=_generator(seed, epoch)).tolist()


def balanced_order(labels: Sequence[int | None], seed: int, epoch: int) -> list[int]:
    """As many rows as there are labels, each class equally often within one; rows of rare classes come again.

    A class goes through all of its rows before one comes a second time. Which rows of a frequent class are left out changes with
    the epoch.

    Args:
        labels: class of each row.
        seed, epoch: what the order depends on.

    Raises:
        ValueError: a row has no label.
    """
    if None in labels:
        raise ValueError(
            f"Class-balanced sampling needs a label for every row, row {list(labels).index(None)} has none."
        )
    generator = _generator(seed, epoch)
    classes, rows_of = torch.tensor(labels).unique(return_inverse=True)
    members = [(rows_of == place).nonzero().flatten() for place in range(len(classes))]
    share, rest = divmod(len(labels), len(classes))
    # Which classes get one row more is drawn too, or the first would always.
    lucky = set(torch.randperm(len(classes), generator=generator)[:rest].tolist())
    chosen = [_cycled(rows, share + (place in lucky), generator) for place, rows in enumerate(members)]
    order = torch.cat(chosen)
    return order[torch.randperm(len(order), generator=generator)].tolist()


def bucketed(order: list[int], lengths: Sequence[int], width: int, seed: int, epoch: int) -> list[int]:
    """The same rows in another order: batches of `width` rows hold clips of like length, and come in random order.

    Rows are sorted by length within windows of some batches, so that neighbours in a batch still change from epoch to epoch. What
    does not fill a batch stays at the end.

    Args:
        order: row numbers.
        lengths: of all rows.
        width: rows of a global batch.
        seed, epoch: what the order of batches depends on.
    """
    full = len(order) // width * width
    window = width * BATCHES_PER_BUCKET
    batches = []
    for start in range(0, full, window):
        rows = sorted(order[start : min(start + window, full)], key=lambda row: lengths[row])
        batches += [rows[place : place + width] for place in range(0, len(rows), width)]
    # A stream of its own, or the batches would be shuffled by the same draw as the rows.
    shuffled = torch.randperm(len(batches), generator=_generator(seed + 1, epoch)).tolist()
    return [row for place in shuffled for row in batches[place]] + order[full:]


def _cycled(rows: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    rounds = -(-count // len(rows))
    return torch.cat([rows[torch.randperm(len(rows), generator=generator)] for _ in range(rounds)])[:count]


def _generator(seed: int, epoch: int) -> torch.Generator:
    return torch.Generator().manual_seed((seed << 20) + epoch)


__all__ = ["EpochBatchSampler", "balanced_order", "bucketed", "epoch_order"]
