# SPDX-License-Identifier: Apache-2.0
"""What negatives from all processes cost beside a step: two processes, embeddings of a batch gathered forwards and backwards.

    torchrun --standalone --nproc_per_node 2 benchmarks/gather_overhead.py [--batch 1] [--frames 32] [--rounds 50]

ViT-B/32 at random weights in bf16 autocast. The step is forward and backward pass of `batch` clips with negatives of the own process; the
gather is that of their clip and text embeddings, forwards and backwards, and of the row counts. Prints one JSON line; `share` is the
gather's time over the step's.
"""

from __future__ import annotations

import argparse
import json
import time

import torch
import torch.distributed as dist

from emoclip.training.negatives import Negatives
from emoclip.training.processes import HostExchange
from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel
from modeling_emoclip.loss_emoclip import contrastive_loss


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=50)
    args = parser.parse_args()
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    model = EmoCLIPModel(EmoCLIPConfig.emoclip("ViT-B/32")).train()
    step_seconds = min(time_step(model, args) for _ in range(2))
    gather_seconds = time_gather(model.config.projection_dim, args)
    if dist.get_rank() == 0:
        line = {"benchmark": "gather_overhead", "processes": dist.get_world_size(), "batch": args.batch}
        line |= {"step_seconds": round(step_seconds, 3), "gather_seconds": round(gather_seconds, 5)}
        print(json.dumps(line | {"share": round(gather_seconds / step_seconds, 5)}))
    dist.destroy_process_group()


def time_step(model: EmoCLIPModel, args: argparse.Namespace) -> float:
    """Seconds of one forward and backward pass."""
    pixels = torch.randn(args.batch, args.frames, 3, 224, 224)
    ids = torch.tensor([[49406, 320, 1000 + row, 49407] for row in range(args.batch)])
    dist.barrier()
    start = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(pixel_values_videos=pixels, input_ids=ids)
    contrastive_loss(output.video_embeds, output.text_embeds, model.get_logit_multiplier()).backward()
    return time.perf_counter() - start


def time_gather(dim: int, args: argparse.Namespace) -> float:
    """Mean seconds of a gather of clips and texts with its backward pass."""
    negatives, exchange = Negatives("global", dist.get_world_size()), HostExchange()
    rows = torch.randn(2, args.batch, dim, requires_grad=True)
    dist.barrier()
    start = time.perf_counter()
    for _ in range(args.rounds):
        counts = [numbers[0] for numbers in exchange.all([args.batch])]
        sum(negatives.gather(part, counts).sum() for part in rows).backward()
    return (time.perf_counter() - start) / args.rounds


if __name__ == "__main__":
    main()
