# SPDX-License-Identifier: Apache-2.0
"""Whether memory of `emoclip batch` grows with the number of files: the highest resident memory of a worker over few and over many.

The same rendered films, in both cases by as many processes as there are cores, each case with processes of its own. Memory is
read ten times a second from outside.

python benchmarks/batch_memory.py --films 10 100
"""

import argparse
import json
import os
import tempfile
import threading
from pathlib import Path

import psutil
from batch_cores import write_films

from emoclip.batch.running import run_batch
from emoclip.batch.scorer import BatchSettings
from emoclip.batch.sources import find_sources


EVERY = 0.1


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, nargs=2, default=(10, 100), metavar=("FEW", "MANY"))
    parser.add_argument("--film-seconds", type=int, default=2)
    args = parser.parse_args()
    few, many = (highest_memory(count, args.film_seconds) for count in args.films)
    line = {
        "benchmark": "batch_memory",
        "workers": len(os.sched_getaffinity(0)),
        "films": list(args.films),
        "film_seconds": args.film_seconds,
        "worker_peak_mib": [round(few / 2**20, 1), round(many / 2**20, 1)],
        "ratio": round(many / few, 3),
    }
    print(json.dumps(line))


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
        while not self._done.wait(EVERY):
            for child in psutil.Process().children(recursive=True):
                try:
                    self.highest = max(self.highest, child.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue


if __name__ == "__main__":
    main()
