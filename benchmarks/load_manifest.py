# SPDX-License-Identifier: Apache-2.0
"""What it costs to open a manifest of a million rows.

    python -P benchmarks/load_manifest.py [--rows 1000000]

Writes a manifest with captions into a temporary folder, then loads it in a process of its own: once with the table that `datasets`
keeps on disk not yet made, once with it. Prints one JSON line: seconds from the call of `emoclip.data.load` to a data set of
clips, the growth of the process beyond its imports, and microseconds for what a worker reads of a row, at random places. `ratio` is
the second start over that of a manifest of a tenth of the rows, `row_ratio` the same of a row: near 1 the cost is flat.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from emoclip.data.manifest import NUM_CHECKED
from emoclip.data.parts import ROWS_PER_GROUP


SCENES = ("DailyLife", "ElegantArt", "Interview")

START = """
import json, re, sys, time
from pathlib import Path
import datasets, torch, transformers
from emoclip.data.clips import ClipDataset
from emoclip.data import load
from modeling_emoclip import EmoCLIPVideoProcessor

def peak():
    # Not getrusage, whose peak is that of the parent where that is higher.
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

processor = EmoCLIPVideoProcessor()
before = peak()
begin = time.perf_counter()
clips = ClipDataset(load(sys.argv[1], split="train"), processor)
seconds = time.perf_counter() - begin
grown = peak() - before
places = torch.randint(len(clips), (2000,), generator=torch.Generator().manual_seed(0)).tolist()
begin = time.perf_counter()
for place in places:
    clips.rows[place]
row = (time.perf_counter() - begin) / len(places)
print(json.dumps({"rows": len(clips), "seconds": seconds, "mb": grown, "row_us": 1e6 * row}))
"""


def main() -> None:
    """Print the cost of the first and of later starts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small, large = (write(Path(folder) / f"{rows}", rows) for rows in (args.rows // 10, args.rows))
        start(small)
        tenth, first, later = start(small), start(large), start(large)
    result = {
        "benchmark": "load_manifest",
        "rows": later["rows"],
        "first_start_s": round(first["seconds"], 2),
        "start_s": round(later["seconds"], 2),
        "first_grown_mb": round(first["mb"]),
        "grown_mb": round(later["mb"]),
        "ratio": round(later["seconds"] / tenth["seconds"], 2),
        "row_us": round(later["row_us"]),
        "row_ratio": round(later["row_us"] / tenth["row_us"], 2),
    }
    print(json.dumps(result))


def write(folder: Path, count: int) -> Path:
    """A manifest of folders of frames with names as long as those of FERV39k; those that loading looks for are there."""
    folder.mkdir()
    numbers = np.arange(count)
    names = [f"{SCENES[number % len(SCENES)]}/Happy/{number:07}" for number in range(count)]
    paths = [f"../FERV39k/2_ClipsforFaceCrop/{name}" for name in names]
    # More than these are not looked for, and a million empty folders would take longer than all else.
    for number in range(0, count, max(1, count // NUM_CHECKED)):
        (folder / paths[number]).mkdir(parents=True, exist_ok=True)
    columns = {
        "clip_id": pa.array(names),
        "path": pa.array(paths),
        "media": pa.array(["frames"] * count),
        "num_frames": pa.array(np.full(count, 64)),
        "fps": pa.array(np.full(count, 25.0)),
        "label": pa.array(numbers % 7),
        "labels": pa.nulls(count, pa.list_(pa.int64())),
        "captions": pa.array([[f"a person raises the brows, take {number}"] for number in numbers]),
        "subject_id": pa.nulls(count, pa.string()),
        "split": pa.array(["train"] * count),
        "test_fold": pa.nulls(count, pa.int64()),
        "boxes": pa.nulls(count, pa.list_(pa.list_(pa.float32()))),
        "sha256": pa.nulls(count, pa.string()),
    }
    classes = json.dumps([f"class {number}" for number in range(7)])
    metadata = {"class_names": classes, "dataset": "generated", "licence": "none", "source": "this benchmark"}
    table = pa.table(columns).replace_schema_metadata(metadata)
    pq.write_table(table, folder / "manifest.parquet", row_group_size=ROWS_PER_GROUP)
    return folder / "manifest.parquet"


def start(manifest: Path) -> dict[str, float]:
    """Load in a new process, with a cache of its own."""
    environment = {**os.environ, "HF_HOME": str(manifest.parent / "cache"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-P", "-c", START, str(manifest)]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
