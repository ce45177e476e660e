# SPDX-License-Identifier: Apache-2.0
"""The accelerator of a run: device, processes, number format, trackers."""

import os

import torch
import torch.distributed as dist
from accelerate import Accelerator, PartialState
from accelerate.utils import DistributedDataParallelKwargs, DistributedType

from emoclip.console import require
from emoclip.precision import autocast_dtype
from emoclip.training.config import TrainConfig
from emoclip.training.deepspeed_settings import check_deepspeed, fit_deepspeed, is_deepspeed_asked_for
from emoclip.training.sharding import check_sharding


def build_accelerator(config: TrainConfig) -> Accelerator:
    """The accelerator with the configured precision and tracker.

    Raises:
        ImportError: the tracker is not installed.
        ValueError: the configuration does not fit FSDP or DeepSpeed.
        OSError: the port that processes meet at is taken, or they cannot meet.
    """
    precision = config.mixed_precision
    if config.tracker != "none":
        require(config.tracker, "train" if config.tracker == "tensorboard" else config.tracker)
    if is_deepspeed_asked_for():
        check_deepspeed(config)
    device = process_state().device
    if precision == "auto":
        precision = "bf16" if autocast_dtype(device) is torch.bfloat16 else "no"
    # Without the search DistributedDataParallel sorts its buckets anew after the first step, also after the first one of a resumed
    # run, and sums of three and more processes would be rounded otherwise than in an uninterrupted run. On CPUs it costs nothing.
    wrapper = DistributedDataParallelKwargs(find_unused_parameters=device.type == "cpu")
    accelerator = Accelerator(
        cpu=device.type == "cpu",
        mixed_precision=precision,
        log_with=None if config.tracker == "none" else config.tracker,
        project_dir=str(config.output_dir),
        kwargs_handlers=[wrapper],
    )
    if accelerator.distributed_type is DistributedType.FSDP:
        check_sharding(config, is_version_2=accelerator.is_fsdp2)
    if accelerator.distributed_type is DistributedType.DEEPSPEED:
        fit_deepspeed(accelerator.state.deepspeed_plugin, config)
    return accelerator


def process_state() -> PartialState:
    """Which process this is and its device; started here, because without `cpu` Accelerate runs one process on CPUs."""
    wants_cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")
    try:
        return PartialState(cpu=wants_cpu or not torch.accelerator.is_available())
    except dist.DistNetworkError as error:
        place = f"{os.environ.get('MASTER_ADDR', 'localhost')}:{os.environ.get('MASTER_PORT', '29500')}"
        if "EADDRINUSE" in str(error):
            raise OSError(
                f"The processes must meet at a free port, but {place} is taken by another job; choose another by "
                "`accelerate launch --main_process_port 29501`, or any free one by `torchrun --standalone`."
            ) from error
        raise OSError(
            f"The processes could not meet at {place} ({error}); start all of them with the same address."
        ) from error


def seed_process(seed: int, rank: int) -> None:
    """Give every process but the first a stream of random numbers of its own, so that their dropout differs.

    Weights are drawn before, from one stream in all processes. A checkpoint keeps each process's state.

    Args:
        seed: Of the run.
        rank: Of this process; EmotionCLIP adds it to the seed as well.
    """
    if rank:
        torch.manual_seed((seed + rank) % 2**32)


__all__ = ["build_accelerator", "process_state", "seed_process"]
