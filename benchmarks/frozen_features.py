# SPDX-License-Identifier: Apache-2.0
"""How much faster an epoch is with the stored embeddings of a frozen image tower than with every frame encoded in every epoch.

    python -P benchmarks/frozen_features.py [--clips 16] [--batch-size 8]

ViT-B/32 at random weights, 32 frames a clip, drawn clips of 125 frames, temporal part and logit scale learn. The reference decodes and
encodes every frame in every epoch in float32, as the published code does; ours reads embeddings that were computed once and trains in
the number format of `mixed_precision: auto`. Both take real training steps in the same process. Prints one JSON line: seconds an
epoch both ways, their ratio, the same ratio with float32 on both sides, and what filling the store took.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
from accelerate.state import AcceleratorState

from emoclip import default_model
from emoclip.config_loading import load_config
from emoclip.data.manifest import write_manifest
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun


EPOCHS = 3
FRAMES, HEIGHT, WIDTH = 125, 240, 320


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=8)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        manifest = drawn_clips(Path(folder), args.clips)
        print(json.dumps(measure(manifest, args)))


def measure(manifest: Path, args: argparse.Namespace) -> dict[str, Any]:
    """The line of results."""
    begin = time.perf_counter()
    stored = build(manifest, args.batch_size, "auto", cache=True)
    filling = time.perf_counter() - begin
    ours = epoch_seconds(stored, EPOCHS)
    precision = stored.accelerator.mixed_precision
    del stored
    plain_stored = build(manifest, args.batch_size, "no", cache=True)
    ours_float32 = epoch_seconds(plain_stored, EPOCHS)
    del plain_stored
    # Seconds a step leave nothing to warm up for.
    reference = epoch_seconds(build(manifest, args.batch_size, "no", cache=False), 1, warm_up=False)
    return {
        "benchmark": "frozen_features",
        "clips": args.clips,
        "frames": 32,
        "precision": precision,
        "reference_epoch_s": round(reference, 2),
        "stored_epoch_s": round(ours, 3),
        "stored_float32_epoch_s": round(ours_float32, 3),
        "building_and_filling_s": round(filling, 1),
        "ratio": round(reference / ours, 1),
        "ratio_float32": round(reference / ours_float32, 1),
    }


def build(manifest: Path, batch_size: int, precision: str, *, cache: bool) -> TrainingRun:
    """A run of ViT-B/32 at random weights on the drawn clips, with frozen towers."""
    run = {
        "output_dir": str(manifest.parent / "run"),
        "mixed_precision": precision,
        "model": {
            "init": "scratch",
            "name": None,
            "tokenizer": str(default_model.path()),
            "config": {"text_config": {"vocab_size": 49408}},
            "processor": {"num_frames": 32, "frame_stride": 4},
        },
        "data": {
            "manifest": str(manifest),
            "batch_size": batch_size,
            "num_workers": 0,
            "cache_features": cache,
            "features_dir": str(manifest.parent / "features"),
            "horizontal_flip": False,
        },
        "optimizer": {"train_vision": "none", "train_text": "none"},
    }
    path = manifest.parent / "run.yaml"
    path.write_text(json.dumps(run), encoding="utf-8")
    AcceleratorState._reset_state(True)  # one process trains in one number format; here in two, one after the other
    return TrainingRun(load_config(TrainConfig, path))


def epoch_seconds(run: TrainingRun, epochs: int, *, warm_up: bool = True) -> float:
    """Mean seconds of an epoch of training steps, after one step that is not counted."""
    run.model.train()
    if warm_up:
        step(run, next(iter(run.data.epoch(0))))
    begin = time.perf_counter()
    for epoch in range(epochs):
        for batch in run.data.epoch(epoch):
            step(run, batch)
    return (time.perf_counter() - begin) / epochs


def step(run: TrainingRun, batch: Any) -> None:
    """One optimiser step."""
    inputs = {name: tensor for name, tensor in batch.inputs.items() if name not in ("attention_mask", "frame_mask")}
    run.updater.update([(inputs, [len(batch.clip_ids)])])


def drawn_clips(folder: Path, count: int) -> Path:
    """A manifest of short films of drifting noise."""
    rows = []
    for number in range(count):
        path = folder / f"{number}.mp4"
        start = (
            np.random.default_rng(number).integers(0, 200, size=(HEIGHT // 8, WIDTH // 8, 3)).repeat(8, 0).repeat(8, 1)
        )
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
            for frame in range(FRAMES):
                picture = ((start + 2 * frame) % 256).astype(np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        caption = f"the brows of person {number} rise, the mouth opens and the eyes widen for a moment"
        rows.append(
            {"clip_id": str(number), "path": path.name, "media": "video", "split": "train", "captions": [caption]}
        )
    manifest = folder / "manifest.parquet"
    write_manifest(manifest, rows, class_names=["calm"], dataset="drawn", licence="cc0-1.0", source="drawn")
    return manifest


if __name__ == "__main__":
    main()
