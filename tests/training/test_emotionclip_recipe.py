# SPDX-License-Identifier: Apache-2.0
"""EmotionCLIP's groups counted on its own size, and its schedule at places worked out by hand."""

import math

import pytest
import torch

from emoclip.training.config import OptimizerConfig
from emoclip.training.emotionclip_recipe import emotionclip_rate
from emoclip.training.optimization import build_optimizer, select_trainable, set_rates
from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel


CONFIG = OptimizerConfig(
    name="adamw", lr=5e-5, groups="emotionclip", weight_decay=0.1, betas=(0.98, 0.9), eps=1e-6, train_text="all",
    schedule="emotionclip",
)  # fmt: skip


def test_groups_are_those_of_the_released_code():
    """Parameters a group, counted in the original's model; a tensor in the wrong group learns 5,000 times too fast."""
    with torch.device("meta"):
        model = EmoCLIPModel(EmoCLIPConfig.emotionclip())
    select_trainable(model, CONFIG)
    optimizer = build_optimizer(model, CONFIG)
    counted = {
        group["name"]: (sum(one.numel() for one in group["params"]), group["initial_lr"], group["weight_decay"])
        for group in optimizer.param_groups
    }
    assert counted == {
        "vision.bias": (123_648, 5e-5, 0.0),
        "vision.matrix": (87_725_568, 1e-8, 0.1),
        "text.bias": (80_896, 5e-5, 0.0),
        "text.matrix": (63_347_200, 1e-8, 0.1),
        "added.bias": (40_960, 5e-5, 0.0),
        "added.matrix": (18_878_464, 1e-8, 0.1),
        "logit_scale": (1, 1e-8, 0.0),
    }
    assert optimizer.defaults["betas"] == (0.98, 0.9)
    assert optimizer.defaults["eps"] == 1e-6


def test_the_rate_rises_to_the_cosine_and_follows_it_by_epochs():
    """Epochs of 4,000 steps: the warm-up ends within the third, at the cosine's value of epoch 2."""

    def cosine(epoch):
        return 1e-10 + (5e-5 - 1e-10) * (1 + math.cos(math.pi * epoch / 25)) / 2

    def rate(step):
        return emotionclip_rate(5e-5, step, 4000, 10_000, 25)

    assert rate(0) == pytest.approx(5e-10)
    assert rate(2500) == pytest.approx(0.75 * 5e-10 + 0.25 * cosine(2))
    assert rate(10_000) == rate(11_999) == pytest.approx(cosine(2))
    assert rate(12_000) == pytest.approx(cosine(3))
    assert rate(24 * 4000) == pytest.approx(cosine(24))


def test_every_group_has_its_own_curve():
    """The cosine ends at one value for all groups, so that no common factor would do."""
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    groups = [{"params": [one], "lr": lr, "initial_lr": lr} for one, lr in zip(parameters, (5e-5, 1e-8), strict=True)]
    optimizer = torch.optim.AdamW(groups)
    set_rates(optimizer, CONFIG, 24 * 500, 25 * 500, 500)
    end = (1 + math.cos(math.pi * 24 / 25)) / 2
    rates = [group["lr"] for group in optimizer.param_groups]
    assert rates == pytest.approx([1e-10 + (lr - 1e-10) * end for lr in (5e-5, 1e-8)])
