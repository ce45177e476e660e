# SPDX-License-Identifier: Apache-2.0
"""How much memory a clip takes in the model beside transformers' CLIP image tower on the same frames.

    python -P benchmarks/model_memory.py [--dtype float32] [--frames 32]

ViT-B/32 at random weights with the released temporal sizes, inference mode, the text tower idle. PyTorch's profiler tells every
allocation of the allocator in order; the highest sum of what is held between is the peak above the loaded weights and the input.
Prints one JSON line; `ratio` is the model's peak over CLIP's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile
from transformers import CLIPVisionModelWithProjection

from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel


def main() -> None:
    """Print both peaks and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--frames", type=int, default=32)
    args = parser.parse_args()

    torch.manual_seed(0)
    dtype = getattr(torch, args.dtype)
    model = EmoCLIPModel(EmoCLIPConfig.emoclip("ViT-B/32")).to(dtype).eval()
    vision = model.config.vision_config
    vision.projection_dim = model.config.projection_dim
    clip = CLIPVisionModelWithProjection(vision).to(dtype).eval()
    pixels = torch.randn(1, args.frames, 3, 224, 224, dtype=dtype)
    frames = pixels.flatten(0, 1)

    def run_model() -> None:
        model.get_video_features(pixels)

    def run_clip() -> None:
        clip(pixel_values=frames)

    ours, theirs = peak_bytes(run_model), peak_bytes(run_clip)
    result = {
        "benchmark": "model_memory",
        "dtype": args.dtype,
        "frames": args.frames,
        "model_peak_mb": round(ours / 1e6, 2),
        "clip_tower_peak_mb": round(theirs / 1e6, 2),
        "ratio": round(ours / theirs, 3),
    }
    print(json.dumps(result))


def peak_bytes(run: Callable[[], None]) -> int:
    """The highest sum of bytes held at once during a call, above what was held before it."""
    with torch.inference_mode():
        run()
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            run()
    held, peak = 0, 0
    for event in sorted(profiler.profiler.kineto_results.events(), key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


if __name__ == "__main__":
    main()
