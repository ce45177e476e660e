# SPDX-License-Identifier: Apache-2.0
"""What DeepSpeed must know of a run, and what a run cannot have with it."""

import os
from typing import TYPE_CHECKING

from emoclip.training.config import TrainConfig


if TYPE_CHECKING:
    from accelerate.utils import DeepSpeedPlugin


def is_deepspeed_asked_for() -> bool:
    """Whether Accelerate's launcher was told to use DeepSpeed."""
    return os.environ.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true"


def check_deepspeed(config: TrainConfig) -> None:
    """Refuse what goes backward more than once before a step: DeepSpeed's engine updates the weights after each backward pass.

    Raises:
        ValueError: the configuration does.
    """
    contrast = config.contrast
    if contrast.chunk_size is not None:
        raise ValueError(
            f"`contrast.chunk_size` must be null with DeepSpeed, which knows one backward pass a step, got {contrast.chunk_size}; "
            "set contrast.chunk_size=null or launch with configs/accelerate/ddp.yaml."
        )
    if contrast.accumulate > 1:
        raise ValueError(
            f"`contrast.accumulate` must be 1 with DeepSpeed, which knows one backward pass a step, got {contrast.accumulate}; "
            "raise data.batch_size instead or launch with configs/accelerate/ddp.yaml."
        )


def fit_deepspeed(plugin: "DeepSpeedPlugin", config: TrainConfig) -> None:
    """Tell DeepSpeed the clips a process takes at a time, which it cannot read from our loader, and the bound on gradients."""
    plugin.deepspeed_config["train_micro_batch_size_per_gpu"] = config.data.batch_size
    # DeepSpeed clips by itself; 0 is its word for never, and its launcher's default would be 1.
    plugin.deepspeed_config["gradient_clipping"] = config.optimizer.max_grad_norm or 0.0


__all__ = ["check_deepspeed", "fit_deepspeed", "is_deepspeed_asked_for"]
