# SPDX-License-Identifier: Apache-2.0
"""Speed and memory: what the configuration switches on in the model, and how much memory is in use."""

import resource
import sys

import torch
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from emoclip.freed_memory import keep_freed_memory
from emoclip.training.engine_config import ComputeConfig


# Whole towers, so that PyTorch compiles few and large graphs.
COMPILED_PARTS = ("vision_model", "text_model", "temporal")


def prepare_compute(model: PreTrainedModel, config: ComputeConfig) -> None:
    """Switch gradient checkpointing and compiling on, in place; names of parameters stay.

    Where there is no accelerator, the process keeps freed memory from here on.
    """
    if not torch.cuda.is_available():
        keep_freed_memory()
    if config.gradient_checkpointing:
        # The reentrant kind needs inputs that require gradients, which pixels do not.
        # Newer releases of transformers have renamed the method.
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        enable({"use_reentrant": False})
        _keep_every(model, config.checkpoint_stride)
    if config.compile:
        for name in COMPILED_PARTS:
            part = getattr(model, name, None)
            if part is not None:
                part.compile()


def _keep_every(model: PreTrainedModel, stride: int) -> None:
    """Switch checkpointing off again in all layers of a stack but every n-th."""
    for stack in model.modules():
        if isinstance(stack, torch.nn.ModuleList):
            layers = [layer for layer in stack if isinstance(layer, GradientCheckpointingLayer)]
            for number, layer in enumerate(layers):
                layer.gradient_checkpointing = number % stride == 0


def peak_memory() -> int:
    """The most bytes in use so far: of the accelerator if there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


__all__ = ["peak_memory", "prepare_compute"]
