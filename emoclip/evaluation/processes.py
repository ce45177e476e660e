# SPDX-License-Identifier: Apache-2.0
"""Several processes of one run, started by `torchrun` or `accelerate launch`: who am I, and wait for the others."""

from __future__ import annotations

import os
from datetime import timedelta

import torch


# Longer than any share of a run may lag behind another.
_PATIENCE = timedelta(hours=24)


def process_rank() -> int:
    """Number of this process, from 0."""
    return int(os.environ.get("RANK", "0"))


def process_count() -> int:
    """Number of processes of this run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def wait_for_all() -> None:
    """Returns when every process has come here."""
    if process_count() == 1:
        return
    if not torch.distributed.is_initialized():
        # Only to wait for one another: nothing of the models is exchanged, so gloo serves for GPUs too.
        torch.distributed.init_process_group("gloo", timeout=_PATIENCE)
    torch.distributed.barrier()


def own_device() -> torch.device:
    """The accelerator of this process if there is one, else the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


__all__ = ["own_device", "process_count", "process_rank", "wait_for_all"]
