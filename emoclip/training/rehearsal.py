# SPDX-License-Identifier: Apache-2.0
"""What a run will take: sizes from the model, times and memory from some steps without an update."""

import contextlib
import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import torch

from emoclip.training.compute import peak_memory
from emoclip.training.feature_rehearsal import Estimate, sampled_features


if TYPE_CHECKING:
    from emoclip.training.loop import TrainingRun

# The first step also allocates, and compiles where that is asked for.
STEPS = 3
GIGABYTE = 1024**3


def describe_run(run: "TrainingRun") -> Iterator[str]:
    """Yield one line each on parameters, data, memory and time; takes some steps, which change nothing."""
    total = sum(parameter.numel() for parameter in run.model.parameters())
    yield f"model: {total:,} parameters"
    for group in run.optimizer.param_groups:
        count = sum(parameter.numel() for parameter in group["params"])
        yield f"group {group['name']}: {count:,} parameters at rate {group['initial_lr']:g}"
    yield f"data: {run.data.extent}, {run.steps_per_epoch:,} steps an epoch"
    yield f"steps: {run.total_steps:,}, precision {run.accelerator.mixed_precision}"
    states = state_bytes(run)
    yield f"memory: {states / GIGABYTE:.2f} GB for weights, gradients and optimiser"
    if run.config.data.cache_features:
        with sampled_features(run) as features:
            yield features_line(features)
            data_seconds, step_seconds = rehearse(run)
    else:
        data_seconds, step_seconds = rehearse(run)
    # A run that goes on has them; a new one makes them at its first step.
    without = "" if run.step else ", without the optimiser's states"
    yield f"memory: {peak_memory() / GIGABYTE:.2f} GB at the peak of {STEPS} steps{without}"
    # Workers decode while the model computes; stored features need none.
    has_workers = run.config.data.num_workers and not run.config.data.cache_features
    seconds = max(data_seconds, step_seconds) if has_workers else data_seconds + step_seconds
    left = seconds * (run.total_steps - run.step)
    yield (
        f"time: {step_seconds:.3g} s a step and {data_seconds:.3g} s for its data, {_clock(seconds * run.steps_per_epoch)} an epoch, "
        f"{_clock(left)} {'still to do' if run.step else 'in all'}"
    )


def features_line(features: Estimate) -> str:
    """What storing the frame embeddings will take first."""
    seconds, size = features.missing * features.seconds, features.missing * features.num_bytes
    return (
        f"features: {features.missing:,} of {features.total:,} clips are still to be embedded, {features.seconds:.3g} s each, "
        f"{_clock(seconds)} and {size / GIGABYTE:.2f} GB in all"
    )


def state_bytes(run: "TrainingRun") -> int:
    """Bytes of weights, their gradients and the optimiser's states in one process, all in float32."""
    weights = sum(parameter.numel() for parameter in run.model.parameters())
    trained = sum(parameter.numel() for group in run.optimizer.param_groups for parameter in group["params"])
    states = 2 if run.config.optimizer.name == "adamw" else 1
    return 4 * (weights + trained * (1 + states))


def rehearse(run: "TrainingRun") -> tuple[float, float]:
    """Seconds for the data of a step and for its forward and backward pass, each the median of some steps."""
    run.model.train()
    data, steps = [], []
    with contextlib.closing(run.data.epoch(0)) as batches:
        for _ in range(STEPS):
            start = time.perf_counter()
            group = list(islice(batches, run.config.contrast.accumulate))
            data.append(time.perf_counter() - start)
            if not group:
                break
            start = time.perf_counter()
            run.try_step(group)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            steps.append(time.perf_counter() - start)
    run.data.close()
    return sorted(data)[len(data) // 2], sorted(steps)[len(steps) // 2]


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} h" if hours else f"{minutes}:{rest:02d} min"


__all__ = ["describe_run", "features_line", "rehearse", "state_bytes"]
