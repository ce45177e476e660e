# SPDX-License-Identifier: Apache-2.0
"""Adapters: where they attach, what learns, and that the merged model and the adapter on its base say the same."""

from collections.abc import Callable
from pathlib import Path

import peft
import pytest
import torch

from emoclip.config_loading import load_config
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun
from modeling_emoclip import EmoCLIPModel


@pytest.fixture
def adapted(write_run: Callable[..., Path], tiny_model_folder: Path) -> Callable[..., TrainingRun]:
    """Returns a function that builds a run with adapters on the tiny model."""

    def build(lora: dict | None = None, **changes) -> TrainingRun:
        base = {"init": "emoclip", "name": str(tiny_model_folder), "tokenizer": None, "config": {}, "processor": {}}
        frozen = {"optimizer__train_vision": "none", "optimizer__train_text": "none"}
        values = {"model": base, "lora": {"rank": 3, **(lora or {})}, "max_steps": 3, **frozen, **changes}
        return TrainingRun(load_config(TrainConfig, write_run(**values)))

    return build


@pytest.mark.parametrize("dora", [False, True])
@pytest.mark.parametrize("towers", ["vision", "text", "both"])
def test_merged_model_and_adapter_on_its_base_agree(adapted, tiny_model_folder, tmp_path, towers, dora) -> None:
    """People take either: both must be the model that was trained."""
    run = adapted({"towers": towers, "dora": dora, "lr": 0.05})
    run.train()
    merged = EmoCLIPModel.from_pretrained(tmp_path / "run" / "model").eval()
    base = EmoCLIPModel.from_pretrained(tiny_model_folder)
    adapter = peft.PeftModel.from_pretrained(base, tmp_path / "run" / "adapter").eval()
    pixels, tokens = torch.randn(2, 5, 3, 20, 20), torch.randint(0, 500, (2, 9))
    trained = run.model.eval()
    with torch.no_grad():
        expected = trained(pixels, tokens)
        for output in (merged(pixels, tokens), adapter(pixel_values_videos=pixels, input_ids=tokens)):
            torch.testing.assert_close(output.video_embeds, expected.video_embeds, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(output.text_embeds, expected.text_embeds, rtol=1e-4, atol=1e-5)
        plain = EmoCLIPModel.from_pretrained(tiny_model_folder).eval()
        for tower in ("vision", "text"):
            features = [
                model.get_frame_features(pixels)
                if tower == "vision"
                else model.get_text_features(tokens).pooler_output
                for model in (plain, merged)
            ]
            assert torch.equal(*features) == (towers not in (tower, "both"))
    assert not any("lora" in name for name in merged.state_dict())


def test_adapters_have_a_rate_of_their_own_and_the_towers_stay(adapted) -> None:
    """At the towers' rate, a thousandth, adapters would not move."""
    run = adapted({"lr": 0.02})
    groups = {group["name"]: group for group in run.optimizer.param_groups}
    assert groups["lora"]["initial_lr"] == 0.02
    assert set(groups) == {"added", "added.no_decay", "lora"}
    before = {name: value.detach().clone() for name, value in run.model.named_parameters()}
    run.train()
    for name, value in run.model.named_parameters():
        if "base_layer" in name or ("_model." in name and "lora" not in name):
            assert torch.equal(value, before[name]), name


def test_resumed_run_equals_an_uninterrupted_one(adapted, tmp_path) -> None:
    """Adapters are part of the checkpoints."""
    whole = adapted(checkpoint_every=1)
    whole.train()
    expected = {name: value.detach().clone() for name, value in whole.model.named_parameters()}
    checkpoint = tmp_path / "run" / "checkpoints" / "00000002"
    config = whole.config
    again = TrainingRun(config, checkpoint)
    again.train()
    assert again.step == 3
    for name, value in again.model.named_parameters():
        assert torch.equal(value, expected[name]), name


@pytest.mark.parametrize(
    ("lora", "changes", "message"),
    [
        (
            {"targets": ["self_attn.q_proj", "attn.qkv"]},
            {},
            r"'attn.qkv' occurs nowhere in the vision_model; it has mlp",
        ),
        ({"rank": 0}, {}, r"In `lora`: `rank` must be at least 1, got 0"),
        ({"targets": []}, {}, r"must name at least one kind of layer"),
        ({}, {"optimizer__train_vision": "all"}, r"`optimizer.train_vision` must be none, got all"),
        ({"towers": "text"}, {"optimizer__train_text": "blocks"}, r"`optimizer.train_text` must be none, got blocks"),
        ({}, {"data__cache_features": True}, r"needs a frozen image tower, got lora.towers=both"),
    ],
)
def test_unfit_settings_are_refused(adapted, lora, changes, message) -> None:
    """An adapter that matches nothing would train nothing, without an error."""
    with pytest.raises(ValueError, match=message):
        adapted(lora, **changes)


def test_text_adapters_go_with_stored_frames(adapted, tmp_path) -> None:
    """The image tower is frozen there."""
    run = adapted({"towers": "text"}, data__cache_features=True, data__features_dir=str(tmp_path / "features"))
    assert "frame_embeds" in next(iter(run.data.epoch(0))).inputs
