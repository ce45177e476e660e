# SPDX-License-Identifier: Apache-2.0
"""A stream without end goes on behind any batch as one that was never stopped."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.config_loading import load_config
from emoclip.training.build import build_model
from emoclip.training.config import TrainConfig
from emoclip.training.stream_clips import StreamedClips


NUM_CLIPS = 22


@pytest.fixture
def stream(write_run: Callable[..., Path]) -> Callable[..., StreamedClips]:
    def build(**changes) -> StreamedClips:
        config = load_config(TrainConfig, write_run(data__streaming=True, data__cache_frames=False, **changes))
        return StreamedClips(config, build_model(config.model)[1])

    return build


def batches_of(source: StreamedClips, count: int) -> list[list[str]]:
    epochs = (batch.clip_ids for epoch in range(count) for batch in source.epoch(epoch))
    return [next(epochs) for _ in range(count)]


@pytest.mark.parametrize(("num_workers", "batch_size"), [(0, 2), (0, 11), (2, 11)])
def test_goes_on_behind_every_batch(stream: Callable[..., StreamedClips], num_workers: int, batch_size: int) -> None:
    """A position exactly behind the last clip of a pass, in one worker or in all, was taken for a process without a shard."""
    changes = {"data__num_workers": num_workers, "data__batch_size": batch_size}
    # Two passes and a batch for each worker; both sizes divide what a worker has, so the ends of passes are among the positions.
    count = 2 * NUM_CLIPS // batch_size + 2
    whole = stream(**changes)
    expected, states = [], []
    for _ in range(count):
        expected.append(batches_of(whole, 1)[0])
        states.append(whole.state())
    whole.close()
    assert len({clip for batch in expected for clip in batch}) == NUM_CLIPS
    for position in range(count - 1):
        again = stream(**changes)
        again.load_state(states[position])
        assert batches_of(again, 1)[0] == expected[position + 1], position
        again.close()
