# SPDX-License-Identifier: Apache-2.0
"""Cached embeddings are those of the pixels that training would have seen, computed once."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from emoclip.config_loading import load_config
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun


@pytest.fixture
def frozen(write_run: Callable[..., Path]) -> Callable[..., TrainingRun]:
    """Returns a function that builds a run with a frozen image tower."""

    def build(**changes) -> TrainingRun:
        return TrainingRun(load_config(TrainConfig, write_run(optimizer__train_vision="none", **changes)))

    return build


def test_batches_equal_those_from_pixels(frozen: Callable[..., TrainingRun]) -> None:
    """Windows, mirroring and captions are drawn as without the cache; only the work differs."""
    plain, cached = frozen(), frozen(data__cache_features=True)
    for epoch in (0, 3):
        for (pixels, *_), (embeds, *_) in zip(plain.data.epoch(epoch), cached.data.epoch(epoch), strict=True):
            with torch.no_grad():
                expected = plain.model.get_frame_features(pixels["pixel_values_videos"])
            torch.testing.assert_close(embeds["frame_embeds"], expected)
            assert torch.equal(embeds["frame_mask"], pixels["frame_mask"])
            assert torch.equal(embeds["input_ids"], pixels["input_ids"])


def test_each_clip_and_its_mirror_image_is_embedded_once(frozen: Callable[..., TrainingRun], monkeypatch) -> None:
    """The cache is there to save this work."""
    run = frozen(data__cache_features=True)
    calls = []
    encode = run._encode_frames
    run.data.use_features(lambda pixels: calls.append(1) or encode(pixels))
    for epoch in range(12):
        list(run.data.epoch(epoch))
    assert len(calls) == 2 * 22


def test_training_with_the_cache_moves_the_temporal_part(frozen: Callable[..., TrainingRun]) -> None:
    """The model takes embeddings where it took pixels."""
    run = frozen(data__cache_features=True, max_steps=2)
    before = run.model.temporal.cls_token.detach().clone()
    run.train()
    assert not torch.equal(run.model.temporal.cls_token, before)


def test_a_moving_tower_cannot_be_cached(write_run: Callable[..., Path]) -> None:
    """Its embeddings would be stale after one step."""
    with pytest.raises(ValueError, match=r"needs a frozen image tower, got optimizer.train_vision=all"):
        load_config(TrainConfig, write_run(data__cache_features=True))
