# SPDX-License-Identifier: Apache-2.0
"""How long a report takes from a prediction table of 40,000 clips.

    python -P benchmarks/report.py [--rows 40000] [--repeats 2]

Writes a table of 7 classes with 5 folds, subjects and captions into a temporary folder, then makes its report in a process of its own
with 2000 resamples: numbers with intervals, Markdown, JSON, CSV, HTML and pictures. Prints one JSON line with the median seconds of the
whole process and of the report in it; `ratio` is the report over one with a tenth of the rows in the same run: below 10 it grows
more slowly than its table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from emoclip.evaluation.predictions import PredictionTable
from emoclip.evaluation.report import write_tables


NAMES = ["happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear"]
SHARES = np.array([489, 379, 534, 435, 294, 29, 181]) / 2341  # of DFEW
MAKE = """
import json, sys, time
from emoclip.evaluation.report import report_from_predictions
begin = time.perf_counter()
report = report_from_predictions(sys.argv[1])
print(json.dumps({"seconds": time.perf_counter() - begin, "uar": report["uar"]}))
"""


def main() -> None:
    """Print the time of a report of all rows and of a tenth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--repeats", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small", Path(folder) / "large"
        write_tables(small, [table(args.rows // 10)])
        write_tables(large, [table(args.rows)])
        runs = [(timed(small), timed(large)) for _ in range(args.repeats)]
    tenth, reported, process = (
        statistics.median(values) for values in zip(*[(s[0], *r) for s, r in runs], strict=True)
    )
    result = {
        "benchmark": "report",
        "rows": args.rows,
        "report_s": round(reported, 2),
        "process_s": round(process, 2),
        "ratio": round(reported / tenth, 2),
    }
    print(json.dumps(result))


def timed(folder: Path) -> tuple[float, float]:
    """Seconds of the report, and of the process around it."""
    begin = time.perf_counter()
    output = subprocess.run(
        [sys.executable, "-P", "-c", MAKE, str(folder)], check=True, capture_output=True, text=True
    )
    return json.loads(output.stdout)["seconds"], time.perf_counter() - begin


def table(rows: int) -> PredictionTable:
    """A model that is right in some 45 of 100 clips."""
    generator = np.random.default_rng(0)
    references = generator.choice(len(NAMES), rows, p=SHARES)
    logits = 2 * generator.normal(size=(rows, len(NAMES)))
    logits[np.arange(rows), references] += 2
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    columns = {
        "fold": (np.arange(rows) % 5 + 1).tolist(),
        "subject_id": [f"person_{number}" for number in generator.integers(0, rows // 20, rows)],
        "captions": [["A woman lifts her brows and opens her mouth."]] * rows,
    }
    return PredictionTable(
        clip_ids=[f"clip_{number:06}" for number in range(rows)],
        references=references.tolist(),
        scores=(scores / scores.sum(axis=1, keepdims=True)).astype(np.float32),
        class_names=NAMES,
        model="some/model",
        revision="0",
        prompt_set="descriptions",
        manifest_sha256="0" * 64,
        columns=columns,
        dataset="dfew/single",
    )


if __name__ == "__main__":
    main()
