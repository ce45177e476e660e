# SPDX-License-Identifier: Apache-2.0
"""How much faster the video processor prepares frames than Pillow does frame by frame.

    python -P benchmarks/preprocess.py [--frames 32] [--height 720] [--width 1280] [--runs 7]

Both resize the short side to 224 (bicubic), cut the centre, scale to [0, 1] and normalise with CLIP's mean and deviation. They run
in turn, so that a busy machine slows both, and the median of the ratios counts. Prints one JSON line; `max_difference` is the
largest difference of two prepared values, in units of one of 255 steps.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from modeling_emoclip import EmoCLIPVideoProcessor


SIDE = 224


def main() -> None:
    """Print the medians of both ways and of their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args()

    processor = EmoCLIPVideoProcessor()
    frames = smooth_frames(args.frames, args.height, args.width)
    ours, plain = processor.transform_frames, lambda batch: with_pillow(batch, processor)
    step = min(processor.image_std) * 255
    difference = (ours(frames) - plain(frames)).abs().max().item() * step
    times = [(seconds(ours, frames), seconds(plain, frames)) for _ in range(args.runs)]
    result = {
        "benchmark": "preprocess",
        "frames": [args.frames, 3, args.height, args.width],
        "runs": args.runs,
        "threads": torch.get_num_threads(),
        "processor_ms": round(1000 * statistics.median(a for a, _ in times), 1),
        "pillow_ms": round(1000 * statistics.median(b for _, b in times), 1),
        "speedup": round(statistics.median(b / a for a, b in times), 2),
        "max_difference": round(difference, 2),
    }
    print(json.dumps(result))


def smooth_frames(num_frames: int, height: int, width: int) -> torch.Tensor:
    """Frames with the soft edges of a film, uint8, (time, 3, height, width); noise would exaggerate the difference."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(num_frames, 3, 9, 16, generator=generator) * 255
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear").to(torch.uint8)


def with_pillow(frames: torch.Tensor, processor: EmoCLIPVideoProcessor) -> torch.Tensor:
    """The usual way: one Pillow image at a time, float32, (time, 3, 224, 224)."""
    prepared = []
    for frame in frames.permute(0, 2, 3, 1).numpy():
        image = Image.fromarray(frame)
        scale = SIDE / min(image.size)
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
        left, top = (image.width - SIDE) // 2, (image.height - SIDE) // 2
        values = np.asarray(image.crop((left, top, left + SIDE, top + SIDE)), dtype=np.float32) / 255
        prepared.append((values - processor.image_mean) / processor.image_std)
    return torch.from_numpy(np.stack(prepared).astype(np.float32)).permute(0, 3, 1, 2)


def seconds(prepare: Callable[[torch.Tensor], torch.Tensor], frames: torch.Tensor) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    prepare(frames)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
