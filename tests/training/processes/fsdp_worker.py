# SPDX-License-Identifier: Apache-2.0
"""`train.py` under FSDP2 on CPUs, over gloo: `torchrun fsdp_worker.py ARGUMENTS`. Not a test itself: tests start it.

Accelerate turns FSDP on for accelerators alone; here its state is told that it is on, all else is as it is there.
"""

import sys

import accelerate.state
from accelerate import Accelerator
from accelerate.utils import DistributedType

import emoclip.training.accelerator as ours
from emoclip.training.cli import main


class ShardingAccelerator(Accelerator):
    """An accelerator that spreads weights over processes without accelerators."""

    def __init__(self, **options):
        prepare = accelerate.state.PartialState._shared_state
        prepare["distributed_type"] = DistributedType.MULTI_GPU
        options.pop("kwargs_handlers")
        super().__init__(**options)


ours.Accelerator = ShardingAccelerator

if __name__ == "__main__":
    sys.exit(main())
