# SPDX-License-Identifier: Apache-2.0
"""What many prompt sets and folds cost beyond one pass over the videos.

    python -P benchmarks/evaluation_passes.py --manifest outputs/demo/data/clips.parquet [--clips 220] [--runs 3]

Evaluates the packaged model on the same clips, with nothing kept from before: once with one prompt set on a fixed split, whose pass
over the videos is the measure, and once with 5 prompt sets on each of 5 folds, in turns. Prints one JSON line: seconds of the one pass,
of everything with 5 x 5, their ratio, which must be at most 1.1, and how often a clip is decoded for the 5 x 5. Models and manifests
are loaded outside of the time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from unittest import mock

import datasets

from emoclip.config_loading import load_config
from emoclip.data.clips import ClipDataset
from emoclip.data.manifest import read_manifest, write_manifest
from emoclip.evaluation.config import EvaluationConfig
from emoclip.evaluation.run import run_evaluation
from emoclip.provenance import git_commit


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
        decodes = decodes_per_clip(many, args.clips)
        passes, everything = [], []
        for _ in range(args.runs):
            passes.append(run_evaluation(one).record["seconds"]["features"])
            everything.append(run_evaluation(many).record["seconds"]["all"])
    result = {
        "benchmark": "evaluation_passes",
        "commit": git_commit(),
        "clips": args.clips,
        "one_pass_s": round(statistics.median(passes), 2),
        "five_prompt_sets_five_folds_s": round(statistics.median(everything), 2),
        "ratio": round(statistics.median(e / p for e, p in zip(everything, passes, strict=True)), 3),
        "decodes_per_clip": decodes,
        "clips_per_s": round(args.clips / statistics.median(passes), 1),
    }
    print(json.dumps(result))


def decodes_per_clip(run: EvaluationConfig, clips: int) -> float:
    """How often a clip is read in a run, on average: 1 where all prompt sets and folds share one pass."""
    read = ClipDataset.__getitem__
    with mock.patch.object(ClipDataset, "__getitem__", autospec=True, side_effect=read) as counted:
        run_evaluation(run)
    return counted.call_count / clips


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
