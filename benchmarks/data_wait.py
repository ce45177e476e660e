# SPDX-License-Identifier: Apache-2.0
"""Which share of a training step is spent waiting for decoded clips, with one worker and with none.

    python -P benchmarks/data_wait.py [--batch-size 4] [--steps 5]

ViT-B/32 at random weights trains whole on drawn clips of 360 lines, 32 frames each, by the project's own loop and its own log
(`data_wait` in `metrics.jsonl`), gradient checkpointing on, in the number format of `mixed_precision: auto`. The baseline decodes in
the training process itself. The first step of each run is not counted: nothing could be decoded ahead of it. Prints one JSON line;
`data_wait` is the share with one worker, `ratio` how many times longer the baseline waits.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from emoclip import default_model
from emoclip.config_loading import load_config
from emoclip.data.manifest import write_manifest
from emoclip.synthetic.video_file import encode_h264
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun


HEIGHT, WIDTH, NUM_FRAMES, FPS = 360, 640, 125, 25


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--steps", type=int, default=5, help="that are counted")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        manifest = drawn_manifest(Path(folder), args.batch_size * (args.steps + 1))
        ours, baseline = (measure(manifest, args, workers) for workers in (1, 0))
    line = {"benchmark": "data_wait", "batch_size": args.batch_size, "frames": 32, "steps": args.steps}
    line |= {"step_seconds": round(ours["step"], 3), "step_seconds_without_worker": round(baseline["step"], 3)}
    line |= {"data_wait": round(ours["share"], 4), "data_wait_without_worker": round(baseline["share"], 4)}
    print(json.dumps({**line, "ratio": round(baseline["wait"] / max(ours["wait"], 1e-6), 1)}))


def measure(manifest: Path, args: argparse.Namespace, workers: int) -> dict[str, float]:
    """Mean seconds of a step, those of its waiting, and their share, from the log of a run."""
    output = manifest.parent / f"run_{workers}"
    run = {
        "output_dir": str(output),
        "epochs": 1,
        "mixed_precision": "auto",
        "log_every": 1,
        "checkpoint_every": 10**6,
        "model": {
            "init": "scratch",
            "name": None,
            "tokenizer": str(default_model.path()),
            "config": {"text_config": {"vocab_size": 49408}},
            "processor": {"num_frames": 32, "frame_stride": 4},
        },
        "data": {"manifest": str(manifest), "batch_size": args.batch_size, "num_workers": workers},
        "optimizer": {"train_vision": "all", "train_text": "all"},
        "compute": {"gradient_checkpointing": True},
    }
    path = manifest.parent / f"run_{workers}.yaml"
    path.write_text(json.dumps(run), encoding="utf-8")
    TrainingRun(load_config(TrainConfig, path)).train()
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    steps = [line for line in lines if "data_wait" in line][1:]
    seconds = [args.batch_size / line["clips_per_second"] for line in steps]
    waits = [line["data_wait"] * length for line, length in zip(steps, seconds, strict=True)]
    return {
        "step": sum(seconds) / len(steps),
        "wait": sum(waits) / len(steps),
        "share": sum(waits) / sum(seconds),
    }


def drawn_manifest(folder: Path, count: int) -> Path:
    """A manifest of as many names of one drawn clip."""
    clip = folder / "clip.mp4"
    clip.write_bytes(encode_h264(moving_shapes(), FPS))
    rows = [
        {
            "clip_id": str(number),
            "path": clip.name,
            "media": "video",
            "split": "train",
            "captions": [f"the brows of person {number} rise, the mouth opens and the eyes widen for a moment"],
        }
        for number in range(count)
    ]
    manifest = folder / "manifest.parquet"
    write_manifest(manifest, rows, class_names=["calm"], dataset="drawn", licence="cc0-1.0", source="drawn")
    return manifest


def moving_shapes() -> np.ndarray:
    """Soft shapes that move, with a little grain, as a camera gives: uint8 (frames, height, width, 3)."""
    generator = np.random.default_rng(0)
    time, rows, columns = np.ogrid[0:NUM_FRAMES, 0:HEIGHT, 0:WIDTH]
    shapes = [128 + 90 * np.sin(rows / (30 + 9 * c) + columns / (50 - 7 * c) + time / 9) for c in range(3)]
    grain = generator.normal(0, 4, (NUM_FRAMES, HEIGHT, WIDTH))
    return np.stack([shape + grain for shape in shapes], axis=-1).clip(0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
