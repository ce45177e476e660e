# SPDX-License-Identifier: Apache-2.0
"""A fine-tuning step in bf16 with gradient checkpointing, by the project's updater and optimiser, beside a plain loop in float32.

    python -P benchmarks/train_step.py [--batch 4] [--frames 32] [--steps 3] [--stride 1]

ViT-B/32 at random weights, everything trains, SGD with momentum, clips of noise; no loading, logging or saving. Ours has eager attention,
the faster kind on a CPU; the plain loop takes the model as transformers makes it. Each way runs in a
process of its own, one after the other, twice; the fastest step after the first counts, and the largest memory the process ever had.
Prints one JSON line; `speedup` is the plain loop's time over ours, `memory_ratio` our memory over the plain loop's.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import torch

from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel


LEARNING_RATE = 1e-3


def main() -> None:
    """Print both ways and their ratios, or, with `--way`, run one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--stride", type=int, default=1, help="every n-th layer is checkpointed")
    parser.add_argument("--way", choices=("plain", "ours"))
    args = parser.parse_args()
    if args.way:
        print(json.dumps(run_way(args)))
        return
    results: dict[str, list[dict[str, float]]] = {"plain": [], "ours": []}
    for _ in range(2):
        for way, found in results.items():
            command = [sys.executable, "-P", __file__, "--way", way, "--batch", str(args.batch)]
            command += ["--frames", str(args.frames), "--steps", str(args.steps), "--stride", str(args.stride)]
            found.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    seconds = {way: min(result["seconds"] for result in found) for way, found in results.items()}
    memory = {way: max(result["peak_gb"] for result in found) for way, found in results.items()}
    line = {"benchmark": "train_step", "batch": args.batch, "frames": args.frames, "stride": args.stride}
    line |= {"plain_seconds": round(seconds["plain"], 3), "our_seconds": round(seconds["ours"], 3)}
    line |= {"plain_gb": round(memory["plain"], 2), "our_gb": round(memory["ours"], 2)}
    line |= {"speedup": round(seconds["plain"] / seconds["ours"], 2)}
    line |= {"memory_ratio": round(memory["ours"] / memory["plain"], 2)}
    print(json.dumps(line))


def run_way(args: argparse.Namespace) -> dict[str, float]:
    """Seconds of the fastest step and the memory of this process."""
    torch.manual_seed(0)
    model = EmoCLIPModel(EmoCLIPConfig.emoclip("ViT-B/32")).train()
    inputs = {
        "pixel_values_videos": torch.randn(args.batch, args.frames, 3, 224, 224),
        "input_ids": torch.tensor([[49406, 320, 1000 + row, 49407] for row in range(args.batch)]),
    }
    step = plain_step(model, inputs) if args.way == "plain" else our_step(model, inputs, args)
    times = []
    for _ in range(args.steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return {"seconds": min(times[1:]), "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2}


def plain_step(model, inputs):
    """Float32, nothing recomputed, PyTorch's optimiser as it comes."""
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=0.9)

    def step() -> None:
        model(**inputs, return_loss=True).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def our_step(model, inputs, args):
    """The project's updater with bf16 autocast over float32 weights and gradient checkpointing."""
    from accelerate import Accelerator

    from emoclip.training.compute import prepare_compute
    from emoclip.training.config import DataConfig, ModelConfig, OptimizerConfig, TrainConfig
    from emoclip.training.engine_config import ComputeConfig
    from emoclip.training.negatives import Negatives
    from emoclip.training.objective import ContrastObjective
    from emoclip.training.optimization import build_optimizer
    from emoclip.training.step import Updater

    model.set_attn_implementation("eager")
    prepare_compute(model, ComputeConfig(gradient_checkpointing=True, checkpoint_stride=args.stride))
    accelerator = Accelerator(cpu=not torch.cuda.is_available(), mixed_precision="bf16")
    settings = OptimizerConfig(name="sgd", lr=LEARNING_RATE, train_vision="all", train_text="all")
    optimizer = build_optimizer(model, settings, None)
    objective = ContrastObjective(model.config, Negatives())
    model, optimizer = accelerator.prepare(model, optimizer)
    config = TrainConfig("unused", ModelConfig(), DataConfig("unused"), settings)
    updater = Updater(config, accelerator, model, optimizer, objective)
    return lambda: updater.update([(inputs, [args.batch])])


if __name__ == "__main__":
    main()
