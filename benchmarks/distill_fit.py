# SPDX-License-Identifier: Apache-2.0
"""How long the projection takes to fit to kept features, beside the floor that its matrix products set.

    python -P benchmarks/distill_fit.py [--pictures 50000] [--epochs 5] [--width 512] [--teacher-width 4096] [--recipe paper_code]

Random features of Exp-CLIP's sizes are written as distillation keeps them and read by memory map. `floor_s` is the time of the four
products of every step alone (projection, cosines and the gradients of both), measured over some steps right before and right after
the fit; `ratio` is the floor over the fit, 1.0 would be nothing but products. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from emoclip.config_loading import load_config
from emoclip.distillation.config import DistillConfig, FitConfig
from emoclip.distillation.fitting import CenteredPairs, fit_projection, start_head
from emoclip.distillation.mapped_features import MappedFeatures
from emoclip.distillation.pairs import FeaturePairs
from emoclip.features.clip_keys import key_of
from emoclip.features.parts import ClipRecord, PartFiles, write_part


ROWS_PER_PART = 5000
FLOOR_STEPS = 25
CONFIGS = Path(__file__).parents[1] / "configs" / "distill"


def main() -> None:
    """Print the seconds of the fit and of its floor."""
    args = parse_arguments()
    config = load_config(
        DistillConfig, CONFIGS / f"expclip{'_paper_code' if args.recipe == 'paper_code' else ''}.yaml"
    )
    fit = FitConfig(**{**vars(config.fit), "epochs": args.epochs})
    with tempfile.TemporaryDirectory() as folder:
        pairs = keep_random_features(Path(folder), args.pictures, args.width, args.teacher_width)
        steps = args.epochs * (args.pictures // fit.batch_size)
        before = floor(fit.batch_size, args.width, args.teacher_width)
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        source = CenteredPairs.of(pairs) if fit.center_teacher else pairs
        torch.manual_seed(0)
        head = torch.nn.Linear(args.width, args.teacher_width, bias=False)
        start_head(head, source, config.head, fit)
        fit_projection(head, source, fit, 100.0)
        seconds = time.perf_counter() - start
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held
        after = floor(fit.batch_size, args.width, args.teacher_width)
    result = {
        "benchmark": "distill_fit",
        "recipe": args.recipe,
        "pictures": args.pictures,
        "epochs": args.epochs,
        "steps": steps,
        "widths": [args.width, args.teacher_width],
        "threads": torch.get_num_threads(),
        "fit_s": round(seconds, 1),
        "floor_s": round(steps * (before + after) / 2, 1),
        "ratio": round(steps * (before + after) / 2 / seconds, 3),
        "memory_growth_mb": round(grown / 1024),
    }
    print(json.dumps(result))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=50_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--teacher-width", type=int, default=4096)
    parser.add_argument("--recipe", choices=("paper_code", "sane"), default="paper_code")
    return parser.parse_args()


def keep_random_features(folder: Path, pictures: int, width: int, teacher_width: int) -> FeaturePairs:
    """Random features of as many pictures, the teacher's on disk."""
    generator = np.random.default_rng(0)
    keys = np.array([key_of(str(number)) for number in range(pictures)])
    drawn = generator.standard_normal((ROWS_PER_PART, teacher_width), dtype=np.float32).astype(np.float16)
    for start in range(0, pictures, ROWS_PER_PART):
        part_keys = list(keys[start : start + ROWS_PER_PART])
        # Every part turned by one place more, which is as random and made at once.
        part = np.roll(drawn, start // ROWS_PER_PART, axis=1)
        records = [ClipRecord(1, np.zeros(1, np.int32), row[None, None]) for row in part[: len(part_keys)]]
        write_part(folder, 0, part_keys, records, "float16")
    parts = PartFiles.of(folder)
    teacher = MappedFeatures(parts, parts.find(keys), teacher_width)
    embeds = torch.randn(pictures, 1, width, generator=torch.Generator().manual_seed(0)).half()
    return FeaturePairs(list(embeds), [teacher])


def floor(batch_size: int, width: int, teacher_width: int) -> float:
    """Seconds of the matrix products of one step."""
    embeds = torch.randn(batch_size, width)
    weight, teacher = torch.randn(teacher_width, width), torch.randn(batch_size, teacher_width)
    start = time.perf_counter()
    for _ in range(FLOOR_STEPS):
        projected = embeds @ weight.T
        logits = projected @ teacher.T
        gradient = logits @ teacher
        gradient.T @ embeds
    return (time.perf_counter() - start) / FLOOR_STEPS


if __name__ == "__main__":
    main()
