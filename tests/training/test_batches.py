# SPDX-License-Identifier: Apache-2.0
"""The order of clips: reproducible, complete, split without overlap."""

import pytest

from emoclip.training.batches import EpochBatchSampler, epoch_order


def test_order_depends_on_seed_and_epoch_only() -> None:
    """Resuming replays the order; a state-dependent one would repeat some clips and skip others."""
    assert epoch_order(23, 5, 2) == epoch_order(23, 5, 2)
    assert epoch_order(23, 5, 2) != epoch_order(23, 5, 3)
    assert epoch_order(23, 5, 2) != epoch_order(23, 6, 2)
    assert sorted(epoch_order(23, 5, 2)) == list(range(23))


def test_processes_share_an_epoch_without_overlap() -> None:
    """A clip seen by two processes counts twice, a clip seen by none is lost."""
    samplers = [EpochBatchSampler(23, 3, seed=1, rank=rank, world_size=2) for rank in range(2)]
    rows = [row for sampler in samplers for batch in sampler for row in batch]
    assert len(rows) == len(set(rows)) == 18  # 3 global batches of 6; the last 5 rows are dropped
    assert [len(sampler) for sampler in samplers] == [3, 3]


def test_two_processes_take_the_halves_of_one_global_batch() -> None:
    """The global batch is the same however many processes there are."""
    whole = EpochBatchSampler(23, 6, seed=1)
    halves = [list(EpochBatchSampler(23, 3, seed=1, rank=rank, world_size=2)) for rank in range(2)]
    assert [first + second for first, second in zip(*halves, strict=True)] == list(whole)


def test_position_continues_within_an_epoch() -> None:
    """The batches after a resume are those that an uninterrupted run would have seen."""
    sampler = EpochBatchSampler(23, 3, seed=1)
    sampler.set_position(4)
    full = list(sampler)
    sampler.set_position(4, first_batch=5)
    assert list(sampler) == full[5:]


def test_fewer_clips_than_a_batch_are_refused() -> None:
    """An epoch of no batches would loop for ever."""
    with pytest.raises(ValueError, match="at most the number of clips, 5, got 3 x 2"):
        EpochBatchSampler(5, 3, seed=0, world_size=2)
