# SPDX-License-Identifier: Apache-2.0
"""Subject masks and sentiment go from a manifest through the loader into the loss."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from emoclip.config_loading import load_config
from emoclip.data.manifest import read_manifest, write_manifest
from emoclip.data.sharding import write_shards
from emoclip.synthetic.spoken_lines import SENTIMENTS
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun
from modeling_emoclip import EmoCLIPModel


@pytest.fixture
def train(scenes: Path, tiny_run: Callable, tmp_path: Path) -> Callable[..., tuple[float, EmoCLIPModel]]:
    """Returns a function that trains two steps and gives the loss that was logged last, and the model."""

    def run(**changes: Any) -> tuple[float, EmoCLIPModel]:
        values = {
            "data__manifest": str(scenes),
            "data__cache_frames": False,
            "data__subject_masks": True,
            "data__sentiment": True,
            "data__random_crop": "frame",
            "model__processor": {
                "num_frames": 5,
                "frame_sampling": "emotionclip",
                "size": {"shortest_edge": 24},
                "crop_size": {"height": 20, "width": 20},
            },
            "model__config__subject_prompting": "sap",
            "model__config__temporal_config__pooling": "residual_transformer",
            "max_steps": 2,
            "log_every": 1,
            "output_dir": str(tmp_path / f"run {len(list(tmp_path.iterdir()))}"),
        }
        path = tmp_path / "run.yaml"
        path.write_text(yaml.safe_dump(tiny_run(**{**values, **changes})), encoding="utf-8")
        folder = TrainingRun(load_config(TrainConfig, path)).train()
        logged = (folder.parent / "metrics.jsonl").read_text().splitlines()
        return json.loads(logged[0])["loss"], EmoCLIPModel.from_pretrained(folder)

    return run


def test_sentiment_reaches_the_loss(train: Callable) -> None:
    """Without it the same batch has the plain contrast, which is another number; beta 0 is the plain contrast."""
    guided, model = train()
    plain, _ = train(data__sentiment=False)
    none, _ = train(model__config__sentiment_beta=0.0)
    assert guided < plain
    assert none == pytest.approx(plain, rel=1e-6)
    assert model.config.subject_prompting == "sap"


def test_the_released_recipe_runs(train: Callable) -> None:
    """Its groups, its schedule and its bounds together."""
    loss, model = train(
        optimizer={
            "name": "adamw", "groups": "emotionclip", "lr": 5e-5, "betas": [0.98, 0.9], "eps": 1e-6, "weight_decay": 0.1,
            "train_text": "all", "schedule": "emotionclip", "warmup_steps": 3, "min_logit_scale": 1.0, "max_logit_scale": 10.0,
        },
        contrast={"negatives": "global_no_grad"},
    )  # fmt: skip
    assert np.isfinite(loss)
    # It starts at 14.3, and only the clamp brings it down so far in two steps.
    assert model.logit_scale.exp().item() == pytest.approx(10.0, rel=1e-6)


def test_masks_change_the_model(train: Callable, scenes: Path, tmp_path: Path) -> None:
    """Masks that are lost on the way leave a token that says the same of every clip; the same clips without boxes do that."""
    manifest = read_manifest(scenes)
    rows = [{**row, "boxes": None} for row in manifest.table.to_pylist()]
    blind = scenes.with_name("blind.parquet")
    write_manifest(blind, rows, class_names=[], dataset="scenes", licence="CC0-1.0", source="rendered")
    told, model = train()
    untold, other = train(data__manifest=str(blind))
    assert model.config.subject_prompting == other.config.subject_prompting == "sap"
    assert told != pytest.approx(untold, rel=1e-6)


@pytest.mark.parametrize("form", ["manifest", "streamed manifest", "shards"])
def test_the_model_knows_how_many_sentiments_it_was_taught(
    train: Callable, scenes: Path, tmp_path: Path, form: str
) -> None:
    """A classifier with eight classes trained a model that then refused its own logits."""
    rows = [
        {**row, "sentiment_logits": [*row["sentiment_logits"], 0.5]} for row in read_manifest(scenes).table.to_pylist()
    ]
    wider = scenes.with_name("eight.parquet")
    write_manifest(wider, rows, class_names=[], dataset="scenes", licence="CC0-1.0", source="rendered")
    if form == "shards":
        write_shards(wider, tmp_path / "set", shard_bytes=20_000)
        wider = tmp_path / "set"
    model = train(data__manifest=str(wider), data__streaming=form != "manifest")[1]
    assert model.config.num_sentiments == len(SENTIMENTS) + 1


def test_a_clip_of_a_shard_with_other_sentiments_is_told(
    train: Callable, scenes: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows of two lengths make no batch, and the error named neither clip nor cause."""
    rows = read_manifest(scenes).table.to_pylist()
    rows[4]["sentiment_logits"].pop()
    odd = scenes.with_name("odd.parquet")
    write_manifest(odd, rows, class_names=[], dataset="scenes", licence="CC0-1.0", source="rendered")
    write_shards(odd, tmp_path / "set", shard_bytes=20_000)
    train(data__manifest=str(tmp_path / "set"), data__streaming=True, data__batch_size=6)
    number = len(SENTIMENTS)
    assert (
        f"skipped clip {rows[4]['clip_id']}: it has {number - 1} sentiments and the first clip {number}" in caplog.text
    )
