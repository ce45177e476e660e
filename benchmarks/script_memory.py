# SPDX-License-Identifier: Apache-2.0
"""Whether preparing, checking and sharding ten thousand clips takes more memory than doing so with a thousand.

    python -P benchmarks/script_memory.py [--clips 10000]

The clips are as many names of one short video; each script runs in a process of its own, without workers, in which memory could
hide. Prints one JSON line: for each script clips a second, and by how many MB the peak of its run, table included, is above that of
a run over a tenth of the clips.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np

from emoclip.data.media_check import check_media
from emoclip.data.prepare import prepare
from emoclip.data.sharding import write_shards


SCRIPTS = ("prepare", "check_media", "shard")


def main() -> None:
    """Print the line; with `--script`, run one script in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--script", choices=SCRIPTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.script:
        print(json.dumps(run(args.script, args.folder)))
        return
    result = {"benchmark": "script_memory", "clips": args.clips}
    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as many:
        write_clips(Path(few) / "media" / "calm", args.clips // 10)
        write_clips(Path(many) / "media" / "calm", args.clips)
        for script in SCRIPTS:
            small, large = (run_elsewhere(script, folder) for folder in (few, many))
            result[f"{script}_clips_per_s"] = round(large["clips_per_s"])
            result[f"{script}_grown_mb"] = round(large["peak_mb"] - small["peak_mb"], 1)
    print(json.dumps(result))


def run_elsewhere(script: str, folder: str) -> dict[str, float]:
    """What `run` returns, of a new process with a cache of its own."""
    command = [sys.executable, "-P", __file__, "--script", script, "--folder", folder]
    environment = {**os.environ, "HF_HOME": f"{folder}/cache", "HF_HUB_OFFLINE": "1"}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1])


def run(script: str, folder: Path) -> dict[str, float]:
    """Clips a second and the peak of one script."""
    done = 0

    def watch(items: Iterable, *_: int) -> Iterator:
        nonlocal done
        for item in items:
            # A finished shard stands for all of its clips.
            done += len(item.shard.rows) if script == "shard" else 1
            yield item

    manifest = folder / "manifest.parquet"
    begin = time.perf_counter()
    if script == "prepare":
        prepare("folder", folder / "media", manifest, progress=watch)
    elif script == "check_media":
        check_media(manifest, folder / "checked.parquet", progress=watch)
    else:
        write_shards(manifest, folder / "shards", shard_bytes=2 * 2**20, progress=watch)
    seconds = time.perf_counter() - begin
    return {"clips_per_s": done / seconds, "peak_mb": peak_mb()}


def write_clips(folder: Path, count: int) -> None:
    """One video of 5 frames under as many names."""
    folder.mkdir(parents=True)
    first = folder / "000000.mp4"
    generator = np.random.default_rng(0)
    with av.open(str(first), "w") as container:
        stream = container.add_stream("h264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            noise = generator.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode())
    for number in range(1, count):
        os.link(first, folder / f"{number:06}.mp4")


def peak_mb() -> float:
    """Most memory this process has held; not getrusage's, which may be the parent's."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
