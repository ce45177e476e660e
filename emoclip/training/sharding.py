# SPDX-License-Identifier: Apache-2.0
"""Weights spread over processes by FSDP2, and the single numbers among them, which stay whole in every process.

FSDP2 cuts each parameter along its first dimension, which a single number such as the logit scale lacks. Such parameters are left out
of it; their gradients are averaged here, as DistributedDataParallel does with all.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from accelerate import Accelerator
from torch import nn
from transformers import PreTrainedModel

from emoclip.training.config import TrainConfig


class _Holder(nn.Module):
    """Accelerate takes modules to leave out, not parameters."""

    def __init__(self, parameters: Iterable[nn.Parameter]):
        super().__init__()
        self.held = nn.ParameterList(parameters)


def check_sharding(config: TrainConfig, *, is_version_2: bool = True) -> None:
    """Refuse what reads whole weights between the steps, or lets processes pass through the model unequally often.

    Args:
        config: of the run.
        is_version_2: which FSDP the launcher asks for.

    Raises:
        ValueError: the configuration has some of it, or FSDP is the older one.
    """
    if not is_version_2:
        raise ValueError(
            "FSDP must be of version 2, got version 1; set `fsdp_version: 2` in the launcher's file, as in configs/accelerate/fsdp2.yaml."
        )
    if config.contrast.chunk_size is not None:
        raise ValueError(
            "`contrast.chunk_size` must be null with FSDP, whose processes pass through the model equally often, which portions of uneven "
            f"shares do not, got {config.contrast.chunk_size}; unset it or launch with configs/accelerate/ddp.yaml."
        )
    whole = {
        "lora": config.lora is not None,
        "data.cache_features": config.data.cache_features,
        "optimizer.word_prediction": bool(config.optimizer.word_prediction),
    }
    wanted = [name for name, is_set in whole.items() if is_set]
    if wanted:
        raise ValueError(
            f"`{wanted[0]}` must not be set with FSDP, which spreads the weights; unset it or launch with "
            "configs/accelerate/ddp.yaml."
        )


def fit_sharding(accelerator: Accelerator, model: nn.Module, optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    """Fit FSDP2 to a model before it is prepared: keep single numbers out of it; return those that learn, none without FSDP2.

    In the optimiser they get groups of their own, because its kernels for many weights at a time take only one kind of tensor.
    """
    if not accelerator.is_fsdp2:
        return []
    plugin: Any = accelerator.state.fsdp_plugin
    scalars = [parameter for parameter in model.parameters() if not parameter.ndim]
    for parameter in scalars:
        # FSDP2 moves only what it spreads.
        parameter.data = parameter.data.to(accelerator.device)
    others = plugin.ignored_modules or []
    if isinstance(others, str):
        others = [module for name, module in model.named_modules() if re.fullmatch(others, name)]
    plugin.ignored_modules = [*others, _Holder(scalars)]
    if plugin.transformer_cls_names_to_wrap is not None:
        # The file names the layers of every kind of model, and Accelerate stops at one that this model lacks.
        present = {type(module).__name__ for module in model.modules()}
        plugin.transformer_cls_names_to_wrap = [n for n in plugin.transformer_cls_names_to_wrap if n in present]
    _split_groups(optimizer, scalars)
    return [parameter for parameter in scalars if parameter.requires_grad]


def _split_groups(optimizer: torch.optim.Optimizer, scalars: Sequence[nn.Parameter]) -> None:
    known = {id(parameter) for parameter in scalars}
    groups = []
    for group in optimizer.param_groups:
        alone = [parameter for parameter in group["params"] if id(parameter) in known]
        group["params"] = [parameter for parameter in group["params"] if id(parameter) not in known]
        groups += [group] if group["params"] else []
        if alone:
            groups.append({**group, "params": alone, "name": f"{group['name']}.scalars"})
    optimizer.param_groups[:] = groups


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace the gradients of whole parameters by their mean over the processes; every process must call it."""
    for parameter in parameters:
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        dist.all_reduce(gradient)
        parameter.grad = gradient / dist.get_world_size()


def gathered_model(
    accelerator: Accelerator, model: nn.Module, plain_class: type[PreTrainedModel]
) -> PreTrainedModel | None:
    """A whole copy of a model that FSDP2 has spread, in the main process, None in the others; every process must call it.

    Args:
        accelerator: that spread it.
        model: as it was prepared.
        plain_class: its class before that, built from its `config`.
    """
    weights = accelerator.get_state_dict(model)
    if not accelerator.is_main_process:
        return None
    whole = plain_class(accelerator.unwrap_model(model).config)
    whole.load_state_dict(weights)
    return whole


__all__ = ["average_gradients", "check_sharding", "fit_sharding", "gathered_model"]
