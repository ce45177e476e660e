# SPDX-License-Identifier: Apache-2.0
"""Whether preparing, checking and sharding ten thousand clips takes more memory than doing so with a thousand.

    python -P benchmarks/script_memory.py [--clips 10000]

The clips are as many names of one short video; each script runs in a process of its own, without workers, in which memory could
hide. Prints one JSON line: for each script clips a second, and the growth in MB of its peak from the thousandth clip to the end.
`prepare` holds the rows of its table, which are the growth it has.
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


WARM = 1000
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
    with tempfile.TemporaryDirectory() as folder:
        write_clips(Path(folder) / "media" / "calm", args.clips)
        result = {"benchmark": "script_memory", "clips": args.clips}
        for script in SCRIPTS:
            command = [sys.executable, "-P", __file__, "--script", script, "--folder", folder]
            environment = {**os.environ, "HF_HOME": f"{folder}/cache", "HF_HUB_OFFLINE": "1"}
            answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            result |= {f"{script}_{name}": value for name, value in json.loads(answer.stdout.splitlines()[-1]).items()}
    print(json.dumps(result))


def run(script: str, folder: Path) -> dict[str, float]:
    """Clips a second and the growth of the peak of one script."""
    peaks: list[float] = []
    done = 0

    def watch(items: Iterable, *_: int) -> Iterator:
        nonlocal done
        for item in items:
            # A finished shard stands for all of its clips.
            done += len(item.shard.rows) if script == "shard" else 1
            if done >= WARM and not peaks:
                peaks.append(peak_mb())
            yield item

    manifest = folder / "manifest.parquet"
    begin = time.perf_counter()
    if script == "prepare":
        prepare("folder", folder / "media", manifest, progress=watch)
    elif script == "check_media":
        check_media(manifest, folder / "checked.parquet", progress=watch)
    else:
        write_shards(manifest, folder / "shards", shard_bytes=8 * 2**20, progress=watch)
    seconds = time.perf_counter() - begin
    return {"clips_per_s": round(done / seconds), "grown_mb": round(peak_mb() - peaks[0], 1)}


def write_clips(folder: Path, count: int) -> None:
    """One video of 11 frames under as many names."""
    folder.mkdir(parents=True)
    first = folder / "000000.mp4"
    generator = np.random.default_rng(0)
    with av.open(str(first), "w") as container:
        stream = container.add_stream("h264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for _ in range(11):
            noise = generator.integers(0, 255, (96, 128, 3), dtype=np.uint8)
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
