# SPDX-License-Identifier: Apache-2.0
"""EmotionCLIP's parameter groups and schedule, as its code has them (`src/main.py`, `src/options.py`, `src/lr_scheduler.py`)."""

import math

from torch import nn


# Where its cosine ends, for every group alike.
LOWEST_RATE = 1e-10
# What its warm-up begins with, as a share of a group's rate.
FIRST_SHARE = 1e-5


def emotionclip_groups(
    parts: dict[str, list[tuple[str, nn.Parameter]]], lr: float, matrix_lr: float, weight_decay: float
) -> list[dict]:
    """Groups `<part>.bias` of norms, biases and all else of one dimension, `<part>.matrix`, and `logit_scale`.

    Matrices of all parts, also of the new temporal part, learn at `matrix_lr`, in the original a five-thousandth of `lr`.

    Args:
        parts: name of a part -> its trainable parameters by their names.
        lr: of norms and biases, which have no weight decay.
        matrix_lr: of matrices and of the logit scale.
        weight_decay: of matrices.
    """
    groups: dict[str, dict] = {}
    for part, parameters in parts.items():
        for name, parameter in parameters:
            if name == "logit_scale":
                key, rate, decay = name, matrix_lr, 0.0
            elif parameter.ndim < 2:
                key, rate, decay = f"{part}.bias", lr, 0.0
            else:
                key, rate, decay = f"{part}.matrix", matrix_lr, weight_decay
            fresh = {"name": key, "params": [], "lr": rate, "initial_lr": rate, "weight_decay": decay}
            groups.setdefault(key, fresh)["params"].append(parameter)
    return list(groups.values())


def emotionclip_rate(base: float, step: int, steps_per_epoch: int, warmup_steps: int, epochs: int) -> float:
    """The rate of a group at a step, counted from 0.

    It rises in a straight line from next to nothing to where a cosine over the epochs stands by then, and then follows the cosine,
    one value an epoch.

    Args:
        base: the group's own rate.
        step: optimiser steps so far.
        steps_per_epoch: of them.
        warmup_steps: 10,000 in the original.
        epochs: of the whole run, 25 in the original.
    """
    if step >= warmup_steps:
        return _cosine(base, step // steps_per_epoch, epochs)
    reached = step / warmup_steps
    return FIRST_SHARE * base * (1 - reached) + _cosine(base, warmup_steps // steps_per_epoch, epochs) * reached


def _cosine(base: float, epoch: int, epochs: int) -> float:
    return LOWEST_RATE + (base - LOWEST_RATE) * (1 + math.cos(math.pi * epoch / epochs)) / 2


__all__ = ["emotionclip_groups", "emotionclip_rate"]
