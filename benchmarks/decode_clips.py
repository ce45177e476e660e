# SPDX-License-Identifier: Apache-2.0
"""How fast one worker turns clips into sampled frames beside the `ffmpeg` program, and how two workers scale.

    python -P benchmarks/decode_clips.py [--clip FILE] [--frames 32] [--runs 15] [--clips 96]

The clip is 360 lines high, H.264, 125 frames, drawn here unless one is given. `ffmpeg` picks the same frames by number and hands them
over as RGB, both with one thread for each core; they run in turn, and the median of the ratios counts. `ratio` is decoding and
sampling alone; `ratio_item` is the whole item of the data set, which also resizes and normalises. `workers_speedup` is the rate of
a loader with two workers over that with one, on as many copies of the clip. Prints one JSON line; needs the program `ffmpeg`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import datasets
import numpy as np
import torch
from torch.utils.data import DataLoader

from emoclip.data.clips import ClipDataset
from modeling_emoclip import EmoCLIPVideoProcessor
from modeling_emoclip.video_decoding_emoclip import decode_video, probe_video


HEIGHT, WIDTH, NUM_FRAMES = 360, 640, 125


def main() -> None:
    """Print the medians of both ways, of their ratio, and the gain of a second worker."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, help="a video of your own instead of the drawn one")
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--clips", type=int, default=96)
    args = parser.parse_args()
    if shutil.which("ffmpeg") is None:
        sys.exit("error: the program `ffmpeg` must be installed to compare with; run: apt-get install ffmpeg")
    with tempfile.TemporaryDirectory() as folder:
        clip = args.clip or drawn_clip(Path(folder) / "clip.mp4")
        print(json.dumps(measure(clip, args)))


def measure(clip: Path, args: argparse.Namespace) -> dict[str, Any]:
    """The line of results."""
    processor = EmoCLIPVideoProcessor(num_frames=args.frames, frame_sampling="uniform")
    info = probe_video(clip)
    total = len(decode_video(clip).frames)
    indices = sorted(set(processor.sample_frame_indices(total)[0].tolist()))
    ours = decode_video(clip, indices=indices).frames
    theirs = by_ffmpeg(clip, indices, info.height, info.width)
    difference = (ours.float() - theirs.float()).abs().mean().item()
    clips = ClipDataset(rows_of(clip, 1), processor)
    times = [
        (
            seconds(lambda: decode_video(clip, indices=indices)),
            seconds(lambda: clips[0]),
            seconds(lambda: by_ffmpeg(clip, indices, info.height, info.width)),
        )
        for _ in range(args.runs)
    ]
    rates = [(rate_of(clip, processor, args.clips, 1), rate_of(clip, processor, args.clips, 2)) for _ in range(3)]
    return {
        "benchmark": "decode_clips",
        "clip": [total, info.height, info.width],
        "frames": len(indices),
        "runs": args.runs,
        "threads": torch.get_num_threads(),
        "ours_ms": round(1000 * statistics.median(a for a, _, _ in times), 1),
        "item_ms": round(1000 * statistics.median(b for _, b, _ in times), 1),
        "ffmpeg_ms": round(1000 * statistics.median(c for _, _, c in times), 1),
        "ratio": round(statistics.median(c / a for a, _, c in times), 2),
        "ratio_item": round(statistics.median(c / b for _, b, c in times), 2),
        "mean_difference": round(difference, 3),
        "one_worker_clips_per_s": round(statistics.median(a for a, _ in rates), 1),
        "two_workers_clips_per_s": round(statistics.median(b for _, b in rates), 1),
        "workers_speedup": round(statistics.median(b / a for a, b in rates), 2),
    }


def by_ffmpeg(clip: Path, indices: list[int], height: int, width: int) -> torch.Tensor:
    """The frames of these numbers, uint8 (T, 3, height, width)."""
    wanted = "+".join(f"eq(n,{index})" for index in indices)
    command = ["ffmpeg", "-v", "error", "-i", str(clip), "-vf", f"select='{wanted}'", "-fps_mode", "passthrough"]
    result = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True)
    return torch.frombuffer(bytearray(result.stdout), dtype=torch.uint8).view(-1, height, width, 3).permute(0, 3, 1, 2)


def rate_of(clip: Path, processor: EmoCLIPVideoProcessor, count: int, workers: int) -> float:
    """Clips a second of a loader, without the start of its workers."""
    loader = DataLoader(ClipDataset(rows_of(clip, count), processor), batch_size=4, num_workers=workers)
    batches = iter(loader)
    next(batches)
    begin = time.perf_counter()
    done = sum(len(batch["index"]) for batch in batches)
    return done / (time.perf_counter() - begin)


def rows_of(clip: Path, count: int) -> datasets.Dataset:
    """A table of the same clip many times."""
    return datasets.Dataset.from_dict({"file": [str(clip)] * count, "media": ["video"] * count})


def drawn_clip(path: Path) -> Path:
    """A film of soft shapes that move, with a little grain, as a camera gives."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=25, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(NUM_FRAMES):
            shapes = [128 + 90 * np.sin(rows / (30 + 9 * c) + columns / (50 - 7 * c) + number / 9) for c in range(3)]
            frame = np.stack(shapes, axis=-1) + generator.normal(0, 4, (HEIGHT, WIDTH, 1))
            picture = av.VideoFrame.from_ndarray(frame.clip(0, 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
