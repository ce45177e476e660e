# SPDX-License-Identifier: Apache-2.0
"""The order of clips: reproducible, complete, split without overlap."""

from collections import Counter

import pytest

from emoclip.data.sampling import EpochBatchSampler, balanced_order, bucketed, epoch_order


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


def test_classes_are_drawn_equally_often() -> None:
    """Three quarters of an epoch of happiness teach happiness."""
    labels = [0] * 16 + [1] * 5 + [2] * 2
    counts = Counter(labels[row] for row in balanced_order(labels, 3, 1))
    assert sum(counts.values()) == len(labels)
    assert max(counts.values()) - min(counts.values()) <= 1
    # All of a rare class before any comes again.
    rare = [row for row in balanced_order(labels, 3, 1) if labels[row] == 1]
    assert Counter(rare).most_common()[-1][1] >= len(rare) // 5
    assert balanced_order(labels, 3, 1) == balanced_order(labels, 3, 1) != balanced_order(labels, 3, 2)


def test_frequent_class_is_seen_whole_over_the_epochs() -> None:
    """A fixed choice of rows would throw the others away."""
    labels = [0] * 16 + [1] * 2
    seen = {row for epoch in range(12) for row in balanced_order(labels, 0, epoch)}
    assert seen == set(range(18))


def test_rows_without_a_label_cannot_be_balanced() -> None:
    """They would be a class of their own."""
    with pytest.raises(ValueError, match="row 1 has none"):
        balanced_order([0, None], 0, 0)


def test_batches_hold_like_lengths_and_lose_no_row() -> None:
    """Stills beside clips of 32 frames are padded 32-fold."""
    lengths = [1, 32] * 20
    sampler = EpochBatchSampler(40, 2, seed=1, world_size=2, lengths=lengths)
    pairs = list(zip(sampler, EpochBatchSampler(40, 2, seed=1, rank=1, world_size=2, lengths=lengths), strict=True))
    assert all(len({lengths[row] for batch in pair for row in batch}) == 1 for pair in pairs)
    assert sorted(row for pair in pairs for batch in pair for row in batch) == list(range(40))
    firsts = [lengths[batch[0]] for batch in sampler]
    assert firsts != sorted(firsts)


def test_incomplete_batch_stays_last_when_bucketed() -> None:
    """Dropped by the sampler, it must not be dropped from the middle."""
    order = bucketed(list(range(7)), [3, 1, 2, 9, 5, 4, 8], 3, 0, 0)
    assert order[6] == 6 and sorted(order) == list(range(7))


def test_lengths_must_be_one_a_row() -> None:
    """Those of another table."""
    with pytest.raises(ValueError, match="`lengths` must be one for each of the 6 rows, got 5"):
        EpochBatchSampler(6, 2, seed=0, lengths=[1] * 5)


@pytest.mark.parametrize(
    ("world_size", "sizes"), [(1, [[6, 6, 5]]), (2, [[3, 3, 2], [3, 3, 3]]), (3, [[2, 2], [2, 2], [2, 2]])]
)
def test_the_last_batch_is_kept_where_every_process_gets_two_rows(world_size: int, sizes: list[list[int]]) -> None:
    """Seventeen rows in global batches of 6: five are left over, too few for three processes."""
    samplers = [
        EpochBatchSampler(17, 6 // world_size, 0, rank, world_size, drop_last=False) for rank in range(world_size)
    ]
    batches = [list(sampler) for sampler in samplers]
    assert [[len(batch) for batch in own] for own in batches] == sizes
    assert all(len(sampler) == len(sizes[0]) for sampler in samplers)
    rows = [row for own in batches for batch in own for row in batch]
    assert len(set(rows)) == len(rows) == sum(map(sum, sizes))
