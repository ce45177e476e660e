# SPDX-License-Identifier: Apache-2.0
"""How fast the model is beside transformers' own CLIP on the same frames and texts, and what the temporal part costs.

    python -P benchmarks/model_forward.py [--dtype float32] [--clips 4] [--frames 32] [--texts 11] [--runs 5]

ViT-B/32 at random weights with the released temporal sizes. The model and `CLIPModel`'s two towers, with the same weights, run in
turn. `ratio` compares the best time of each, which other work on the machine disturbs least; 1.0 is as fast as CLIP, which pools
nothing. Prints one JSON line; `temporal_share` is the temporal part's time over the whole forward's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch
from transformers import CLIPConfig, CLIPModel

from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel


def main() -> None:
    """Print the medians of both and of their ratio."""
    args = parse_arguments()
    torch.manual_seed(0)
    dtype = getattr(torch, args.dtype)
    model = EmoCLIPModel(EmoCLIPConfig.emoclip("ViT-B/32")).to(dtype).eval()
    clip = clip_with_the_same_towers(model)
    pixels = torch.randn(args.clips, args.frames, 3, 224, 224, dtype=dtype)
    ids = torch.randint(0, 49405, (args.texts, 32))
    ids[:, -1] = model.config.text_config.eos_token_id
    embeds = torch.randn(args.clips, args.frames, 512, dtype=dtype)

    def ours() -> None:
        model(pixels, ids)

    def towers() -> None:
        clip.get_image_features(pixels.flatten(0, 1))
        clip.get_text_features(ids)

    def temporal() -> None:
        model.get_video_features(frame_embeds=embeds)

    with torch.inference_mode():
        for run in (ours, towers, temporal):
            run()
        times = [rounds(ours, towers, temporal) for _ in range(args.runs)]
    result = {
        "benchmark": "model_forward",
        "dtype": args.dtype,
        "clips": args.clips,
        "frames": args.frames,
        "texts": args.texts,
        "runs": args.runs,
        "threads": torch.get_num_threads(),
        "forward_s": round(statistics.median(a for a, _, _ in times), 3),
        "clip_towers_s": round(statistics.median(b for _, b, _ in times), 3),
        "ratio": round(min(b for _, b, _ in times) / min(a for a, _, _ in times), 3),
        "median_ratio": round(statistics.median(b / a for a, b, _ in times), 3),
        "temporal_share": round(statistics.median(c / a for a, _, c in times), 4),
    }
    print(json.dumps(result))


def rounds(ours: Callable[[], None], towers: Callable[[], None], temporal: Callable[[], None]) -> tuple[float, ...]:
    """Best times of one round, in the order A B B A, so that a machine that slows down or speeds up favours neither."""
    first, second, third, fourth = seconds(ours), seconds(towers), seconds(towers), seconds(ours)
    return min(first, fourth), min(second, third), seconds(temporal)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--texts", type=int, default=11)
    parser.add_argument("--runs", type=int, default=5)
    return parser.parse_args()


def clip_with_the_same_towers(model: EmoCLIPModel) -> CLIPModel:
    """Transformers' CLIP with the model's weights, so that both do the same work."""
    config = CLIPConfig(
        text_config=model.config.text_config.to_dict(),
        vision_config=model.config.vision_config.to_dict(),
        projection_dim=model.config.projection_dim,
    )
    clip = CLIPModel(config)
    clip.load_state_dict({name: tensor for name, tensor in model.state_dict().items() if "temporal" not in name})
    return clip.to(model.dtype).eval()


def seconds(run: Callable[[], None]) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
