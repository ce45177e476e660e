# SPDX-License-Identifier: Apache-2.0
"""Which similarity "none of these" should stand for: rendered clips, once with their own word in the list and once without it.

    python -P benchmarks/none_of_these.py [--clips 132]

Renders test clips of the 11 expressions, reads each as a whole by the embedded default against EmoCLIP's class descriptions, and
prints one JSON line: for each threshold the share of clips whose best word is more similar than it (kept), and, with the clip's own
word taken out of the list, the share in which no word is (refused).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

import emoclip
from emoclip.analysis import load_model


ROOT = Path(__file__).resolve().parents[1]
THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4)


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=132)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        render(Path(name), args.clips)
        similarity, own = similarities(Path(name))
    best, without = similarity.max(axis=1), similarity.copy()
    without[np.arange(len(own)), own] = -1.0
    result = {
        "benchmark": "none_of_these",
        "clips": len(own),
        "right": round(float((similarity.argmax(axis=1) == own).mean()), 3),
        "kept": {str(edge): round(float((best > edge).mean()), 3) for edge in THRESHOLDS},
        "refused": {str(edge): round(float((without.max(axis=1) <= edge).mean()), 3) for edge in THRESHOLDS},
    }
    print(json.dumps(result))


def render(folder: Path, clips: int) -> None:
    """Write test clips and their manifest."""
    script = ROOT / "data_scripts/render_synthetic_faces.py"
    sizes = ["--train-clips", "0", "--test-clips", str(clips), "--stills", "0"]
    subprocess.run([sys.executable, script, "--output", folder, *sizes], check=True, stdout=subprocess.DEVNULL)


def similarities(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Similarity (clips, classes) and the number of each clip's own class."""
    manifest = folder / "clips.parquet"
    table: pd.DataFrame = pq.read_table(manifest).to_pandas()
    names = json.loads(pq.read_schema(manifest).metadata[b"class_names"])
    model, rows = load_model(None), []
    for path in table["path"]:
        found = emoclip.analyze(folder / path, names, model, faces="none", mode="whole")
        rows.append([found.timeline.set_index("emotion")["similarity"][name] for name in names])
    own = [names.index(label) if isinstance(label, str) else int(label) for label in table["label"]]
    return np.array(rows), np.array(own)


if __name__ == "__main__":
    main()
