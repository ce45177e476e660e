# SPDX-License-Identifier: Apache-2.0
"""Whether a fitted projection beats the towers it stands behind, on rendered faces; from rendering to intervals in one command.

    python -P benchmarks/distilled_projection.py --output outputs/distilled_projection [--seeds 1 2 3] [--clips 660] [--stills 2000]

Every seed is a world of its own: other faces, other clips, other teacher, other order. The towers are the packaged model's, which saw
neither: with the mean of the frames, as Exp-CLIP pools, and with their temporal transformer. Behind each: no projection; two fits to a
BLIP-2 Flan-T5 of random weights, on stills or on clips, with one instruction, colours in [0, 1] for the teacher and batches of 256:
`sgd` (PyTorch's start, SGD 1e-3, 5 epochs) and `adamw` (the isometric start, AdamW 1e-3, one cycle, 10 epochs, the teacher's mean
subtracted); and the second fitted to captions without a teacher. They have the optimisers and starts of
`configs/distill/expclip_paper_code.yaml` and `expclip.yaml` and are not those recipes: data, instructions, colours and batches differ.

Judged zero-shot by class descriptions that no training saw. Prints one JSON line: the UAR of every arm by seed, and the paired
differences to the untouched towers with their 95 % intervals over the seeds (Student's t). What is finished is kept in the output and
not made again; worlds and runs of other settings have folders of their own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
from pathlib import Path
from typing import Any

import torch
from scipy.stats import t as student

from emoclip import default_model
from emoclip.config_loading import load_config
from emoclip.data import load
from emoclip.data.manifest import read_manifest
from emoclip.distillation.config import DistillConfig
from emoclip.evaluation.prompts import class_texts
from emoclip.features import FrameFeatureStore, frame_features
from emoclip.metrics import uar
from emoclip.synthetic.render import World, render_world
from emoclip.synthetic.tiny_teacher import save_tiny_teacher
from emoclip.training.build import load_earlier_run
from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor


SGD = {
    "optimizer": "sgd", "lr": 1e-3, "weight_decay": 1e-4, "schedule": "constant", "epochs": 5, "center_teacher": False, "batch_size": 256,
}  # fmt: skip
ADAMW = {"epochs": 10, "batch_size": 256}
# Of a clip the default model takes a window; the teacher sees four frames of it.
CLIPS = {"level": "clip", "frames_per_clip": 4}
CAPTIONS = {"teacher_weight": 0.0, "caption_weight": 1.0}
POOLINGS = {"mean": {"temporal_config": {"pooling": "mean"}}, "temporal": {}}
STUDENTS: dict[str, dict[str, dict[str, Any]]] = {
    "mean": {
        "random_teacher_sgd": {"head": {"init": "torch"}, "fit": SGD},
        "random_teacher_adamw": {"fit": ADAMW},
        "captions": {"data": CLIPS, "fit": {**ADAMW, **CAPTIONS}},
    },
    "temporal": {
        "random_teacher_adamw": {"data": CLIPS, "fit": ADAMW},
        "captions": {"data": CLIPS, "fit": {**ADAMW, **CAPTIONS}},
    },
}


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--clips", type=int, default=660, help="of training")
    parser.add_argument("--test-clips", type=int, default=330)
    parser.add_argument("--stills", type=int, default=2000)
    args = parser.parse_args()
    by_seed = [scores_of(args, seed) for seed in args.seeds]
    scores = {arm: [scores[arm] for scores in by_seed] for arm in by_seed[0]}
    differences = {
        f"{pooling}.{arm}_minus_untouched": paired(scores[f"{pooling}.{arm}"], scores[f"{pooling}.untouched"])
        for pooling, arms in STUDENTS.items()
        for arm in arms
    }
    settings = {"seeds": args.seeds, "clips": args.clips, "test_clips": args.test_clips, "stills": args.stills}
    print(
        json.dumps({"benchmark": "distilled_projection", **settings, "uar": scores, **differences, "chance": 1 / 11})
    )


def scores_of(args: argparse.Namespace, seed: int) -> dict[str, float]:
    """UAR of every arm in one world."""
    folder = args.output / f"clips_{args.clips}_{args.test_clips}_stills_{args.stills}_seed_{seed}"
    if not (folder / "world" / "stills.parquet").is_file():
        render_world(folder / "world", World(seed, args.clips, args.test_clips, args.stills), workers=1)
    if not (folder / "teacher").is_dir():
        save_tiny_teacher(folder / "teacher", seed=seed)
    processor = EmoCLIPProcessor.from_pretrained(default_model.path())
    rows = load(folder / "world" / "clips.parquet", split="test")
    names = read_manifest(folder / "world" / "clips.parquet").class_names
    texts = processor.tokenize(list(class_texts("synthetic_descriptions", names).values()))
    scores = {}
    for pooling, arms in STUDENTS.items():
        towers = load_earlier_run(str(default_model.path()), POOLINGS[pooling]).eval()
        store = frame_features(rows, towers, processor.video_processor, folder / "features", kept="window")
        models = {"untouched": towers}
        for arm, changes in arms.items():
            models[arm] = EmoCLIPModel.from_pretrained(fitted(folder, pooling, arm, changes, seed)).eval()
        for arm, model in models.items():
            scores[f"{pooling}.{arm}"] = uar(list(rows["label"]), predictions(model, store, texts))
    return scores


def fitted(folder: Path, pooling: str, arm: str, changes: dict[str, Any], seed: int) -> Path:
    """The Hub folder of an arm, made by the command's own code."""
    from emoclip.distillation.run import DistillationRun

    on_clips = changes.get("data", {}).get("level") == "clip"
    manifest = folder / "world" / ("clips.parquet" if on_clips else "stills.parquet")
    values: dict[str, Any] = {
        "features_dir": str(folder / "features"),
        "seed": seed,
        "model": {"init": "emoclip", "name": str(default_model.path()), "config": POOLINGS[pooling]},
        "data": {"manifest": str(manifest), "num_workers": 1, **changes.get("data", {})},
        "teachers": [{"name": str(folder / "teacher")}],
        "head": changes.get("head", {}),
        "fit": changes["fit"],
    }
    # Settings that were changed in this file make another run.
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]
    output = folder / f"{pooling}.{arm}.{digest}"
    if (output / "run.json").is_file():
        return output / "model"
    path = output.with_name(f"{output.name}.yaml")
    path.write_text(json.dumps({**values, "output_dir": str(output)}), encoding="utf-8")  # JSON is YAML
    return DistillationRun(load_config(DistillConfig, path)).run()


@torch.inference_mode()
def predictions(model: EmoCLIPModel, store: FrameFeatureStore, texts: dict[str, torch.Tensor]) -> list[int]:
    """The class of each clip of a store, by the model's own temporal part and head."""
    prototypes = torch.nn.functional.normalize(model.get_text_features(**texts).pooler_output, dim=-1)
    windows = [store.window(row) for row in range(len(store))]
    video = model.get_video_features(
        frame_embeds=torch.stack([window["frame_embeds"] for window in windows]),
        frame_mask=torch.stack([window["frame_mask"] for window in windows]),
    ).pooler_output
    return model.get_prototype_logits(video, prototypes).argmax(dim=-1).tolist()


def paired(ones: list[float], others: list[float]) -> dict[str, float]:
    """Mean difference over the seeds, and its 95 % interval where there are two seeds or more."""
    differences = [one - other for one, other in zip(ones, others, strict=True)]
    mean = statistics.fmean(differences)
    if len(differences) < 2:
        return {"mean": mean}
    half = float(student.ppf(0.975, len(differences) - 1)) * statistics.stdev(differences) / len(differences) ** 0.5
    return {"mean": mean, "low": mean - half, "high": mean + half}


if __name__ == "__main__":
    main()
