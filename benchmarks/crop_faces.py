# SPDX-License-Identifier: Apache-2.0
"""Whether cropping ten thousand clips takes more memory than cropping a thousand.

    python -P benchmarks/crop_faces.py [--clips 10000]

Crops short clips of noise with given boxes, all in this process, so that nothing hides in a worker. Prints one JSON line: clips a
second, and the growth in MB of the process's peak from the thousandth clip to the last, and to the finished manifest.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from emoclip.data.faces.crop_clip import ClipResult
from emoclip.data.faces.crop_set import crop_faces
from emoclip.data.faces.crop_settings import CropSettings
from emoclip.data.manifest import write_manifest


FRAMES, WARM = 5, 1000


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=10_000)
    args = parser.parse_args()
    peaks: list[float] = []

    def watch(results: Iterable[ClipResult], total: int) -> Iterator[ClipResult]:
        for number, one in enumerate(results, start=1):
            if number in (min(WARM, total), total):
                peaks.append(peak_mb())
            yield one

    with tempfile.TemporaryDirectory() as folder:
        manifest = write(Path(folder), args.clips)
        begin = time.perf_counter()
        made = crop_faces(manifest, Path(folder) / "crops", CropSettings(size=32), detector="boxes", progress=watch)
        seconds = time.perf_counter() - begin
    result = {
        "benchmark": "crop_faces",
        "clips": made.num_crops,
        "clips_per_s": round(made.num_crops / seconds),
        "grown_mb": round(peaks[-1] - peaks[0], 1),
        "grown_with_manifest_mb": round(peak_mb() - peaks[0], 1),
    }
    print(json.dumps(result))


def write(folder: Path, count: int) -> Path:
    """A manifest whose clips are all the same folder of frames."""
    (folder / "clip").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (FRAMES, 48, 64, 3), dtype=np.uint8)
    for number, frame in enumerate(noise):
        Image.fromarray(frame).save(folder / "clip" / f"{number}.jpg")
    rows = [
        {"clip_id": f"{number // 100}/{number}", "path": "clip", "media": "frames", "split": "train", "boxes": [[9, 9, 40, 40]]}
        for number in range(count)
    ]  # fmt: skip
    labels = {"class_names": ["none"], "dataset": "generated", "licence": "none", "source": "this benchmark"}
    write_manifest(folder / "manifest.parquet", rows, **labels)
    return folder / "manifest.parquet"


def peak_mb() -> float:
    """Most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
