# SPDX-License-Identifier: Apache-2.0
"""Parameter groups and rates against EmoCLIP's recipe."""

import math
from pathlib import Path

import pytest
import torch

from emoclip.training.config import OptimizerConfig
from emoclip.training.heads import with_head
from emoclip.training.lora import attach_lora
from emoclip.training.optimization import (
    added_rate,
    build_optimizer,
    clamp_logit_scale,
    rate_factor,
    select_trainable,
    set_rates,
)
from emoclip.training.task_config import LoraSettings, TaskConfig
from modeling_emoclip import EmoCLIPModel


@pytest.fixture
def model(tiny_model_folder: Path) -> EmoCLIPModel:
    return EmoCLIPModel.from_pretrained(tiny_model_folder)


def names_in(model: EmoCLIPModel, group: dict) -> set[str]:
    ids = {id(parameter) for parameter in group["params"]}
    return {name for name, parameter in model.named_parameters() if id(parameter) in ids}


def test_fine_tuning_has_the_originals_groups(model: EmoCLIPModel) -> None:
    """The text tower's embeddings, last norm and projection stay frozen; the towers learn at a thousandth."""
    config = OptimizerConfig()
    select_trainable(model, config)
    groups = {group["name"]: group for group in build_optimizer(model, config).param_groups}
    assert set(groups) == {"added", "vision", "text"}
    assert all(name.startswith("temporal.") or name == "logit_scale" for name in names_in(model, groups["added"]))
    assert all(name.startswith("text_model.encoder.layers.") for name in names_in(model, groups["text"]))
    vision = {name for name, _ in model.named_parameters() if name.startswith(("vision_model.", "visual_projection."))}
    assert names_in(model, groups["vision"]) == vision
    assert groups["added"]["lr"] == 1e-3
    assert groups["vision"]["lr"] == groups["text"]["lr"] == pytest.approx(1e-6)
    assert all(group["weight_decay"] == 5e-4 and group["momentum"] == 0.9 for group in groups.values())


def test_frozen_backbone_trains_the_added_part_only(model: EmoCLIPModel) -> None:
    """The recipe of the frozen-backbone rows."""
    config = OptimizerConfig(train_vision="none", train_text="none")
    select_trainable(model, config)
    (group,) = build_optimizer(model, config).param_groups
    assert names_in(model, group) == {
        name for name, _ in model.named_parameters() if name.startswith("temporal.") or name == "logit_scale"
    }


def test_adamw_spares_norms_and_biases_from_decay(model: EmoCLIPModel) -> None:
    """Decay pulls a layer norm's weight to 0, not to 1."""
    config = OptimizerConfig(name="adamw", train_text="all", weight_decay=0.05)
    select_trainable(model, config)
    for group in build_optimizer(model, config).param_groups:
        is_spared = group["name"].endswith(".no_decay")
        assert group["weight_decay"] == (0.0 if is_spared else 0.05)
        assert all((parameter.ndim < 2) == is_spared for parameter in group["params"])


def test_every_trainable_parameter_is_in_exactly_one_group(model: EmoCLIPModel) -> None:
    """A parameter in no group is never trained; one in two is trained twice."""
    config = OptimizerConfig(name="adamw", train_text="all")
    select_trainable(model, config)
    listed = [id(p) for group in build_optimizer(model, config).param_groups for p in group["params"]]
    assert sorted(listed) == sorted(id(p) for p in model.parameters())


@pytest.mark.parametrize(("epoch", "factor"), [(0, 1), (14, 1), (15, 0.1), (34, 0.1), (35, 0.01), (50, 0.001)])
def test_multistep_falls_at_the_milestones(epoch: int, factor: float) -> None:
    """Milestones count epochs, not steps."""
    config = OptimizerConfig()
    assert rate_factor(config, epoch * 7, 1000, 7) == pytest.approx(factor)
    assert rate_factor(config, epoch * 7 + 6, 1000, 7) == pytest.approx(factor)


def test_one_cycle_rises_then_falls_to_nil() -> None:
    """By hand: 100 steps with a tenth of warm-up."""
    config = OptimizerConfig(schedule="one_cycle", warmup=0.1)
    factors = [rate_factor(config, step, 100, 7) for step in range(101)]
    assert factors[0] == pytest.approx(1 / 11)
    assert factors[10] == 1.0
    assert factors[55] == pytest.approx(0.5)
    assert factors[100] == pytest.approx(0.0, abs=1e-12)
    assert max(factors) == 1.0


def test_rates_keep_their_ratio_between_groups(model: EmoCLIPModel) -> None:
    """Setting one rate for all groups would undo the thousandth."""
    config = OptimizerConfig()
    select_trainable(model, config)
    optimizer = build_optimizer(model, config)
    for epoch, factor in ((14, 1.0), (15, 0.1), (35, 0.01)):
        set_rates(optimizer, config, 7 * epoch, 420, 7)
        rates = {group["name"]: group["lr"] for group in optimizer.param_groups}
        assert rates["added"] == pytest.approx(factor * 1e-3)
        assert rates["vision"] == pytest.approx(factor * 1e-6)


def test_logit_scale_is_clamped_on_request_only() -> None:
    """The original never clamps; new recipes keep it at 100."""
    scale = torch.nn.Parameter(torch.tensor(5.0))
    clamp_logit_scale(scale, None)
    assert scale.item() == 5.0
    clamp_logit_scale(scale, 100.0)
    assert scale.item() == pytest.approx(math.log(100))
    clamp_logit_scale(scale, None, 200.0)
    assert scale.item() == pytest.approx(math.log(200))


def test_nothing_to_train_is_refused() -> None:
    """An optimiser without parameters fails with an unreadable message."""
    frozen = torch.nn.Linear(2, 2).requires_grad_(False)
    with pytest.raises(ValueError, match="At least one parameter must be trainable"):
        build_optimizer(frozen, OptimizerConfig())


@pytest.mark.parametrize("groups", ["emoclip", "emotionclip"])
@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_the_logged_rate_is_that_of_the_added_part(model: EmoCLIPModel, groups: str, name: str) -> None:
    """Of a head beside a trained image tower it was the tower's, a thousandth of what learned."""
    config = OptimizerConfig(name=name, groups=groups, lr=0.02, matrix_lr=1e-7, schedule="constant")
    head = with_head(model, TaskConfig("classification"), "abc")
    for learner in (head, model):
        select_trainable(learner, config)
        optimizer = build_optimizer(learner, config)
        set_rates(optimizer, config, 3, 10, 5)
        assert added_rate(optimizer) == 0.02


def test_groups_keep_the_order_of_the_checkpoints_that_exist(model: EmoCLIPModel) -> None:
    """Optimiser states go by position: in another order a run under way cannot go on, or goes on with the states of others."""
    config = OptimizerConfig(name="adamw", train_text="all")
    attach_lora(model, LoraSettings(rank=2), None)
    select_trainable(model, config)
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    groups = [group["name"] for group in build_optimizer(model, config).param_groups]
    assert groups == ["added.no_decay", "text", "text.no_decay", "lora", "vision.no_decay", "vision", "added"]


def test_adapters_have_their_own_rate_in_every_recipe(model: EmoCLIPModel) -> None:
    """With EmotionCLIP's groups they got the matrices' 1e-8 and learned nothing."""
    config = OptimizerConfig(groups="emotionclip", lr=5e-5, train_vision="none", train_text="none")
    attach_lora(model, LoraSettings(rank=2), None)
    select_trainable(model, config)
    optimizer = build_optimizer(model, config, lora_lr=3e-4)
    rates = {name: group["lr"] for group in optimizer.param_groups for name in names_in(model, group)}
    adapters = {name for name in rates if "lora_" in name}
    assert adapters
    assert {rates[name] for name in adapters} == {3e-4}
    assert {rates[name] for name in rates.keys() - adapters} == {5e-5, 1e-8}
    assert len(rates) == sum(len(group["params"]) for group in optimizer.param_groups)
