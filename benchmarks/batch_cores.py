# SPDX-License-Identifier: Apache-2.0
"""How busy `emoclip batch` keeps the cores: its processor seconds against those and the seconds in which a core was idle.

What other programs took counts for neither side.

A folder of rendered films is scored by as many processes as there are cores. The time until every process has loaded its model
is told apart: a folder of thousands has it once.

python benchmarks/batch_cores.py --films 24

With `--memory FEW MANY`, instead: whether memory grows with the number of files, by the highest resident memory of a worker over few and
over many films of two seconds; each case has processes of its own, memory is read ten times a second from outside.
"""

import argparse
import json
import os
import resource
import shutil
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from emoclip.batch.running import run_batch
from emoclip.batch.scorer import BatchSettings
from emoclip.batch.sources import find_sources
from emoclip.synthetic.samples import FPS, make_clip
from emoclip.synthetic.video_file import encode_h264


SECONDS = 10
# Of films for memory, and seconds between two readings of it.
SHORT, EVERY = 2, 0.1


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=24)
    parser.add_argument("--faces", default="all")
    parser.add_argument("--memory", type=int, nargs=2, metavar=("FEW", "MANY"))
    args = parser.parse_args()
    if args.memory:
        print(json.dumps(memory(*args.memory)))
        return
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        write_films(Path(folder, "films"), args.films)
        marks: list[tuple[float, float, float]] = []
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
        "processor_s": round(end[1] - begin[1], 2),
        "busy": busy(begin, end),
        "busy_after_start": busy(warm, marks[-cores]),
    }
    print(json.dumps(line))


def memory(few: int, many: int) -> dict:
    """Return the line on memory."""
    peaks = [highest_memory(count, SHORT) for count in (few, many)]
    return {
        "benchmark": "batch_memory",
        "workers": len(os.sched_getaffinity(0)),
        "films": [few, many],
        "film_seconds": SHORT,
        "worker_peak_mib": [round(peak / 2**20, 1) for peak in peaks],
        "ratio": round(peaks[1] / peaks[0], 3),
    }


def highest_memory(count: int, seconds: int) -> int:
    """Return the most bytes that a worker held while so many films were scored."""
    with tempfile.TemporaryDirectory() as folder, Watch() as watch:
        films = Path(folder, "films")
        write_films(films, count, seconds)
        workers = len(os.sched_getaffinity(0))
        settings = BatchSettings(["happiness", "sadness", "fear"], None, str(Path(folder, "out")), threads=1)
        result = run_batch(find_sources([str(films)]), settings, workers=workers)
    if sum(result.counts.values()) != count or result.counts["failed"]:
        raise RuntimeError(f"All films must be scored, got {dict(result.counts)}.")
    return watch.highest


class Watch:
    """Reads the memory of the processes that this one has started, until it is left."""

    def __init__(self) -> None:
        self.highest = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "Watch":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """End."""
        self._done.set()
        self._thread.join()

    def _read(self) -> None:
        import psutil

        while not self._done.wait(EVERY):
            for child in psutil.Process().children(recursive=True):
                try:
                    self.highest = max(self.highest, child.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue


def write_films(folder: Path, count: int, seconds: int = SECONDS) -> None:
    """Write films of some seconds at 360 lines: a drawn face on a still background, four different ones."""
    folder.mkdir()
    for number in range(min(count, 4)):
        face = make_clip(5, "test", 11 * number).frames().repeat(3, axis=1).repeat(3, axis=2)
        frames = np.full((len(face), 360, 640, 3), 110, np.uint8)
        frames[:, 36:324, 176:464] = face
        rounds = -(-int(seconds * FPS) // len(frames))
        film = np.concatenate([frames, frames[::-1]] * rounds)[: int(seconds * FPS)]
        (folder / f"{number:03}.mp4").write_bytes(encode_h264(film, FPS))
    for number in range(4, count):
        shutil.copyfile(folder / f"{number % 4:03}.mp4", folder / f"{number:03}.mp4")


def busy(begin: tuple[float, float, float], end: tuple[float, float, float]) -> float:
    """Share of the processor time that was used, of what was used or idle."""
    used, idle = end[1] - begin[1], end[2] - begin[2]
    return round(used / (used + idle), 3)


def clock() -> tuple[float, float, float]:
    """Wall seconds, processor seconds of this process and its children, and idle seconds of all cores."""
    import psutil

    machine = psutil.cpu_times()
    return time.perf_counter(), children_seconds(), machine.idle + getattr(machine, "iowait", 0.0)


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
