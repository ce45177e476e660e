# SPDX-License-Identifier: Apache-2.0
"""How busy `emoclip batch` keeps the cores: processor seconds of all its processes against wall seconds times cores.

A folder of rendered films is scored by as many processes as there are cores. The time until every process has loaded its model
is told apart: a folder of thousands has it once.

python benchmarks/batch_cores.py --films 24
"""

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from emoclip.batch.running import run_batch
from emoclip.batch.scorer import BatchSettings
from emoclip.batch.sources import find_sources
from emoclip.synthetic.samples import FPS, make_clip
from emoclip.synthetic.video_file import encode_h264


SECONDS = 10


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=24)
    parser.add_argument("--faces", default="all")
    args = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        write_films(Path(folder, "films"), args.films)
        marks: list[tuple[float, float]] = []
        settings = BatchSettings(
            ["happiness", "sadness", "fear"],
            None,
            str(Path(folder, "out")),
            options={"faces": args.faces},
            threads=1,
        )
        begin = clock()
        result = run_batch(
            find_sources([str(Path(folder, "films"))]),
            settings,
            workers=cores,
            progress=lambda row: marks.append(clock()),
        )
        end = clock()
    # Until each process has done one file it has imported and loaded.
    warm = marks[cores - 1]
    line = {
        "benchmark": "batch_cores",
        "cores": cores,
        "films": args.films,
        "film_seconds": SECONDS,
        "faces": args.faces,
        "done": result.counts["done"] + result.counts["no face"],
        "wall_s": round(end[0] - begin[0], 2),
        "video_seconds_a_second": round(args.films * SECONDS / (end[0] - begin[0]), 2),
        "busy": round((end[1] - begin[1]) / cores / (end[0] - begin[0]), 3),
        "busy_after_start": round((marks[-cores][1] - warm[1]) / cores / (marks[-cores][0] - warm[0]), 3),
    }
    print(json.dumps(line))


def write_films(folder: Path, count: int) -> None:
    """Write films of ten seconds at 360 lines: a drawn face on a still background, four different ones."""
    folder.mkdir()
    for number in range(min(count, 4)):
        face = make_clip(5, "test", 11 * number).frames().repeat(3, axis=1).repeat(3, axis=2)
        frames = np.full((len(face), 360, 640, 3), 110, np.uint8)
        frames[:, 36:324, 176:464] = face
        rounds = -(-int(SECONDS * FPS) // len(frames))
        film = np.concatenate([frames, frames[::-1]] * rounds)[: int(SECONDS * FPS)]
        (folder / f"{number:03}.mp4").write_bytes(encode_h264(film, FPS))
    for number in range(4, count):
        shutil.copyfile(folder / f"{number % 4:03}.mp4", folder / f"{number:03}.mp4")


def clock() -> tuple[float, float]:
    """Wall seconds, and processor seconds of this process and its living and ended children."""
    return time.perf_counter(), children_seconds()


def children_seconds() -> float:
    """Processor seconds of everything this process started and of itself."""
    import psutil

    own = resource.getrusage(resource.RUSAGE_SELF)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
    for child in psutil.Process().children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


if __name__ == "__main__":
    main()
