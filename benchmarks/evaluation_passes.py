# SPDX-License-Identifier: Apache-2.0
"""What many prompt sets and folds cost beyond one pass over the videos.

    python -P benchmarks/evaluation_passes.py --manifest outputs/demo/data/clips.parquet [--clips 220] [--runs 3]

Evaluates the packaged model twice on the same clips, with nothing kept from before: once with one prompt set on a fixed split, and
once with 5 prompt sets on each of 5 folds. Prints one JSON line: seconds of one pass over the videos, of everything with 5 x 5, and
the ratio of everything to the pass within the same run, which must be at most 1.1; medians of alternating runs. Models and manifests
are loaded outside of the time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import datasets

from emoclip.config_loading import load_config
from emoclip.data.manifest import read_manifest, write_manifest
from emoclip.evaluation.config import EvaluationConfig
from emoclip.evaluation.run import run_evaluation


PROMPT_SETS = "[synthetic_descriptions, emoclip_descriptions, photo, expclip_p4, expclip_p5]"


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=220, help="of the test split")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder:
        manifest = folded(args.manifest, Path(folder), args.clips)
        one = config(manifest, "prompt_sets=[synthetic_descriptions]")
        many = config(manifest, f"prompt_sets={PROMPT_SETS}", "data.fold=all")
        for warm_up in (one, many):  # files in the cache of the system, code paths taken
            run_evaluation(warm_up)
        passes, everything, ratios = [], [], []
        for _ in range(args.runs):
            passes.append(run_evaluation(one).record["seconds"]["features"])
            seconds = run_evaluation(many).record["seconds"]
            everything.append(seconds["all"])
            ratios.append(seconds["all"] / seconds["features"])
    result = {
        "benchmark": "evaluation_passes",
        "clips": args.clips,
        "one_pass_s": round(statistics.median(passes), 2),
        "five_prompt_sets_five_folds_s": round(statistics.median(everything), 2),
        "ratio": round(statistics.median(ratios), 3),
        "clips_per_s": round(args.clips / statistics.median(passes), 1),
    }
    print(json.dumps(result))


def folded(source: Path, folder: Path, count: int) -> Path:
    """A manifest of test clips in five folds, beside a link to their files."""
    manifest = read_manifest(source, check_media=False)
    rows = [row for row in manifest.table.to_pylist() if row["split"] == "test"][:count]
    for number, row in enumerate(rows):
        row["test_fold"] = 1 + number % 5
    (folder / "clips").symlink_to((source.parent / "clips").resolve())
    about = {name: getattr(manifest, name) for name in ("class_names", "dataset", "licence", "source")}
    write_manifest(folder / "folds.parquet", rows, **about)
    return folder / "folds.parquet"


def config(manifest: Path, *overrides: str) -> EvaluationConfig:
    """The evaluation of the packaged model; decoding in this process, so that starting workers is not measured."""
    fixed = [f"data.manifest={manifest}", "data.num_workers=0", "data.batch_size=32"]
    return load_config(EvaluationConfig, None, [*fixed, *overrides])


if __name__ == "__main__":
    main()
