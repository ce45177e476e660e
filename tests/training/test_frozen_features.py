# SPDX-License-Identifier: Apache-2.0
"""Stored embeddings are those of the pixels that training would have seen, computed once for all runs."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from emoclip.config_loading import load_config
from emoclip.console import run_command
from emoclip.features.tower import FrameTower
from emoclip.training.cli import main
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun


@pytest.fixture
def frozen(write_run: Callable[..., Path], tmp_path: Path) -> Callable[..., TrainingRun]:
    """Returns a function that builds a run with a frozen image tower."""

    def build(**changes) -> TrainingRun:
        values = {
            "optimizer__train_vision": "none",
            "data__cache_frames": False,
            "data__features_dir": str(tmp_path / "features"),
        }
        return TrainingRun(load_config(TrainConfig, write_run(**values | changes)))

    return build


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The clips that pass through the image tower."""
    calls: list[int] = []
    real = FrameTower.embed

    def counted(self, pieces, clip):
        calls.append(clip)
        return real(self, pieces, clip)

    monkeypatch.setattr(FrameTower, "embed", counted)
    return calls


def test_batches_equal_those_from_pixels(frozen: Callable[..., TrainingRun]) -> None:
    """Windows, mirroring and captions are drawn as without the store; only the work differs."""
    plain, stored = frozen(), frozen(data__cache_features=True)
    for epoch in (0, 3):
        for pixels, embeds in zip(plain.data.epoch(epoch), stored.data.epoch(epoch), strict=True):
            with torch.no_grad():
                expected = plain.model.get_frame_features(pixels.inputs["pixel_values_videos"])
            torch.testing.assert_close(embeds.inputs["frame_embeds"], expected)
            assert torch.equal(embeds.inputs["frame_mask"], pixels.inputs["frame_mask"])
            assert torch.equal(embeds.inputs["input_ids"], pixels.inputs["input_ids"])


def test_one_store_serves_every_seed_and_temporal_part(frozen: Callable[..., TrainingRun], count: list[int]) -> None:
    """Embedding again for each of five seeds would take five times the hours."""
    run = frozen(data__cache_features=True)
    tower = run.model.vision_model.state_dict()
    assert len(count) == 22
    from emoclip.training import regime

    real = regime.build_model

    def same_tower(config):
        model, processor = real(config)
        model.vision_model.load_state_dict(tower)
        model.visual_projection.load_state_dict(run.model.visual_projection.state_dict())
        return model, processor

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regime, "build_model", same_tower)
        frozen(data__cache_features=True, seed=5)
    assert len(count) == 22


def test_rotation_is_frozen_into_views(frozen: Callable[..., TrainingRun], count: list[int]) -> None:
    """EmoCLIP's augmentation costs a few versions of each frame, not an epoch of encoding."""
    run = frozen(data__cache_features=True, data__rotation_degrees=6.0, data__feature_views=4)
    batch = next(iter(run.data.epoch(0)))
    assert run.data.clips.store.views.count == 4
    assert batch.inputs["frame_embeds"].shape == (4, 5, 10)


def test_training_with_the_store_moves_the_temporal_part(frozen: Callable[..., TrainingRun]) -> None:
    """The model takes embeddings where it took pixels."""
    run = frozen(data__cache_features=True, max_steps=2)
    before = run.model.temporal.cls_token.detach().clone()
    run.train()
    assert not torch.equal(run.model.temporal.cls_token, before)


def test_a_moving_tower_cannot_be_stored(write_run: Callable[..., Path]) -> None:
    """Its embeddings would be stale after one step."""
    with pytest.raises(ValueError, match=r"needs a frozen image tower, got optimizer.train_vision=all"):
        load_config(TrainConfig, write_run(data__cache_features=True))


def test_rotation_needs_a_number_of_views(write_run: Callable[..., Path]) -> None:
    """One angle for a clip and all epochs would be no augmentation."""
    changes = {"optimizer__train_vision": "none", "data__cache_features": True, "data__rotation_degrees": 6.0}
    with pytest.raises(ValueError, match=r"`feature_views` versions of each frame, at least 2, got None"):
        load_config(TrainConfig, write_run(**changes))


def test_shards_are_read_by_random_access_too(frozen: Callable[..., TrainingRun], world: Path, tmp_path: Path) -> None:
    """Clips that lie inside a table are told apart by their bytes."""
    from emoclip.data.sharding import write_shards

    write_shards(world / "clips.parquet", tmp_path / "shards")
    run = frozen(data__cache_features=True, data__manifest=str(tmp_path / "shards"), max_steps=1)
    assert run.data.clips.store.errors == {}
    assert len(run.data.clip_ids) == 22
    run.train()


def test_dry_run_embeds_a_few_clips_and_writes_nothing(
    write_run: Callable[..., Path], tmp_path: Path, count: list[int], capsys
) -> None:
    """The look before a night of embedding must not take the night."""
    config = write_run(
        optimizer__train_vision="none",
        data__cache_frames=False,
        data__cache_features=True,
        data__features_dir=str(tmp_path / "features"),
    )
    before = sorted(tmp_path.rglob("*"))
    assert run_command(main, ["--config", str(config), "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "features: 22 of 22 clips are still to be embedded" in printed
    assert "s an epoch" in printed or "an epoch," in printed
    assert len(count) == 8
    assert sorted(tmp_path.rglob("*")) == before
    assert run_command(main, ["--config", str(config), "max_steps=1"]) == 0
    elsewhere = f"output_dir={tmp_path / 'next'}"
    assert run_command(main, ["--config", str(config), elsewhere, "--dry-run"]) == 0
    assert "features: 0 of 22 clips" in capsys.readouterr().out
