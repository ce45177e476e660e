# SPDX-License-Identifier: Apache-2.0
"""Which parameters learn, at which rate, and how the rate moves: EmoCLIP's parameter groups (methods: its `train.py`)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from emoclip.training.config import OptimizerConfig
from emoclip.training.emotionclip_recipe import emotionclip_groups, emotionclip_rate
from emoclip.training.lora import LORA_MARK
from modeling_emoclip import EmoCLIPForVideoClassification


# Name prefixes of CLIP's own parameters; everything else is the part that EmoCLIP adds.
VISION_PREFIXES = ("vision_model.", "visual_projection.")
TEXT_PREFIXES = ("text_model.", "text_projection.")
TEMPORAL_PREFIXES = ("temporal.", "expression_projection.")
TEXT_BLOCKS_PREFIX = "text_model.encoder.layers."


def select_trainable(model: nn.Module, config: OptimizerConfig) -> None:
    """Set `requires_grad` of every parameter as the configuration says.

    Adapters always learn, and so does the added part, except for what a model with a head keeps frozen.
    """
    for name, parameter in model.named_parameters():
        if LORA_MARK in name:
            parameter.requires_grad_(True)
        elif name.startswith(VISION_PREFIXES):
            parameter.requires_grad_(config.train_vision == "all")
        elif name.startswith(TEXT_PREFIXES):
            is_block = name.startswith(TEXT_BLOCKS_PREFIX)
            parameter.requires_grad_(config.train_text == "all" or (config.train_text == "blocks" and is_block))
        elif name.startswith(TEMPORAL_PREFIXES) and isinstance(model, EmoCLIPForVideoClassification):
            parameter.requires_grad_(not model.config.freeze_temporal)
        else:
            parameter.requires_grad_(True)


def build_optimizer(
    model: nn.Module,
    config: OptimizerConfig,
    head: nn.Module | None = None,
    lora_lr: float | None = None,
    kernels: str = "auto",
) -> torch.optim.Optimizer:
    """The optimiser over named groups: `added`, `vision`, `text`, `lora`, each with its rate as `initial_lr`.

    The parameters of `head`, a part that only training has, join the group `added`. `kernels` is that of `ComputeConfig`.

    AdamW's groups are split once more (`.no_decay`), because weight decay on norms and biases is meant for SGD only.

    Raises:
        ValueError: nothing is trainable.
    """
    groups = _parameter_groups(model, config, head, lora_lr)
    if not groups:
        raise ValueError("At least one parameter must be trainable, got none; set train_vision or train_text.")
    chosen: dict[str, Any] = (
        {} if kernels == "auto" else {"fused": kernels == "fused", "foreach": kernels == "foreach"}
    )
    if config.name == "adamw":
        return torch.optim.AdamW(
            groups, lr=config.lr, betas=config.betas, eps=config.eps, weight_decay=config.weight_decay, **chosen
        )
    return torch.optim.SGD(groups, lr=config.lr, momentum=0.9, weight_decay=config.weight_decay, **chosen)


def _parameter_groups(
    model: nn.Module, config: OptimizerConfig, head: nn.Module | None, lora_lr: float | None
) -> list[dict]:
    named = [*model.named_parameters(), *(() if head is None else head.named_parameters(prefix="head"))]
    learning = [(_part_of(name), name, parameter) for name, parameter in named if parameter.requires_grad]
    towers = config.lr * config.backbone_lr_scale
    rates = {"added": config.lr, "lora": config.lr if lora_lr is None else lora_lr, "vision": towers, "text": towers}
    if config.groups == "emoclip":
        return _groups_by_part(learning, rates, config)
    # EmotionCLIP's recipe knows no adapters: they have their own rate whatever the groups of the rest.
    parts: dict[str, list[tuple[str, nn.Parameter]]] = {}
    for part, name, parameter in learning:
        if part != "lora":
            parts.setdefault(part, []).append((name, parameter))
    recipe = emotionclip_groups(parts, config.lr, config.matrix_lr, config.weight_decay)
    return [*recipe, *_groups_by_part([one for one in learning if one[0] == "lora"], rates, config)]


def _groups_by_part(
    learning: Sequence[tuple[str, str, nn.Parameter]], rates: Mapping[str, float], config: OptimizerConfig
) -> list[dict]:
    """A group for each part, and with AdamW one without decay for what has one dimension.

    They stand in the order in which the model has their first parameters: kept states go by position, and the order is that of the
    checkpoints of runs that are under way.
    """
    groups: dict[str, dict] = {}
    for part, _, parameter in learning:
        lr = rates[part]
        no_decay = config.name == "adamw" and parameter.ndim < 2
        key = f"{part}.no_decay" if no_decay else part
        group = groups.setdefault(key, {"name": key, "params": [], "lr": lr, "initial_lr": lr})
        if no_decay:
            group["weight_decay"] = 0.0
        group["params"].append(parameter)
    return list(groups.values())


def _part_of(name: str) -> str:
    if LORA_MARK in name:
        return "lora"
    return "vision" if name.startswith(VISION_PREFIXES) else "text" if name.startswith(TEXT_PREFIXES) else "added"


def rate_factor(config: OptimizerConfig, step: int, total_steps: int, steps_per_epoch: int) -> float:
    """What the rates of all groups are multiplied by at a step (counted from 0); a pure function, so resuming needs no state."""
    if config.schedule == "constant":
        return 1.0
    if config.schedule == "multistep":
        epoch = step // steps_per_epoch
        return config.gamma ** sum(epoch >= milestone for milestone in config.milestones)
    warmup_steps = config.warmup * total_steps
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    progress = (step - warmup_steps) / max(1.0, total_steps - warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * progress))


def set_rates(
    optimizer: torch.optim.Optimizer,
    config: OptimizerConfig,
    step: int,
    total_steps: int,
    steps_per_epoch: int,
) -> None:
    """Give every group the rate of a step, counted from 0."""
    epochs = max(1, round(total_steps / steps_per_epoch))
    for group in optimizer.param_groups:
        base = group["initial_lr"]
        if config.schedule == "emotionclip":
            group["lr"] = emotionclip_rate(base, step, steps_per_epoch, config.warmup_steps, epochs)
        else:
            group["lr"] = base * rate_factor(config, step, total_steps, steps_per_epoch)


def added_rate(optimizer: torch.optim.Optimizer) -> float:
    """The rate of the part that is new, the one that `OptimizerConfig.lr` names; of several groups the fastest one's."""
    groups = optimizer.param_groups
    added = [group for group in groups if str(group.get("name", "")).startswith("added")] or groups
    return float(max(added, key=lambda group: group["initial_lr"])["lr"])


def clamp_logit_scale(
    logit_scale: nn.Parameter, max_multiplier: float | None, min_multiplier: float | None = None
) -> None:
    """Keep the multiplier exp(logit_scale) within the bounds, in place; EmoCLIP never does, EmotionCLIP within 1 and 100."""
    bounds = [None if bound is None else math.log(bound) for bound in (min_multiplier, max_multiplier)]
    if bounds != [None, None]:
        with torch.no_grad():
            logit_scale.clamp_(*bounds)


__all__ = ["added_rate", "build_optimizer", "clamp_logit_scale", "rate_factor", "select_trainable", "set_rates"]
