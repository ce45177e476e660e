# SPDX-License-Identifier: Apache-2.0
"""Whether a fitted projection beats the towers it stands behind, on rendered faces; from rendering to intervals in one command.

    python -P benchmarks/distilled_projection.py --output outputs/distilled_projection [--seeds 1 2 3] [--clips 660] [--stills 2000]

Every seed is a world of its own: other faces, other clips, other teachers, other order. The towers are the packaged model's, which saw
neither: with the mean of the frames, as Exp-CLIP pools, and with their temporal transformer. The teachers are small BLIP-2 Flan-T5 of
the real classes. `random` has random weights; it knows nothing of expressions. `untaught` has the packaged model's image tower, as a
BLIP-2 has that of an EVA-CLIP, and random weights behind it. `taught` is that one, taught to caption the stills of a school
(`emoclip.synthetic.taught_teacher`), a world apart: other faces than it is then shown, and nothing of the test.

Behind each kind of towers: no projection; fits to a teacher, on stills or on clips, with one instruction, colours in [0, 1] for the
teacher and batches of 256: `sgd` (PyTorch's start, SGD 1e-3, 5 epochs) and `adamw` (the isometric start, AdamW 1e-3, one cycle, 10
epochs, the teacher's mean subtracted); and the second fitted to captions without a teacher. They have the optimisers and starts of
`configs/distill/expclip_paper_code.yaml` and `expclip.yaml` and are not those recipes: data, instructions, colours and batches differ.

Judged zero-shot by class descriptions that no training saw. Prints one JSON line: the UAR of every arm by seed, and the paired
differences to the untouched towers with their 95 % intervals over the seeds (Student's t); how well the teachers caption pictures of
the school that were held back; and how much the features of teachers and towers are about what moves in the face: linear CKA with the
renderer's action units over the stills, 1 where two pictures are as close in the one as in the other, near 0 where one says nothing of
the other. What is finished is kept in the output and not made again; worlds and runs of other settings have folders of their own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import t as student
from torch.nn.functional import normalize
from tqdm import tqdm

from emoclip import default_model
from emoclip.config_loading import load_config
from emoclip.data import load
from emoclip.data.manifest import read_manifest
from emoclip.distillation.config import DistillConfig, TeacherConfig
from emoclip.distillation.instructions import INSTRUCTIONS
from emoclip.distillation.teacher import teacher_processor
from emoclip.distillation.teacher_features import TeacherCache
from emoclip.evaluation.prompts import class_texts
from emoclip.features import FrameFeatureStore, frame_features
from emoclip.features.pieces import PieceReader
from emoclip.metrics import uar
from emoclip.synthetic.action_units import UNITS
from emoclip.synthetic.render import World, render_world
from emoclip.synthetic.seeing_teacher import save_seeing_teacher
from emoclip.synthetic.taught_teacher import Lessons, teach, words_of
from emoclip.synthetic.tiny_teacher import save_tiny_teacher
from emoclip.training.build import load_earlier_run
from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor, EmoCLIPVideoProcessor


SGD = {
    "optimizer": "sgd", "lr": 1e-3, "weight_decay": 1e-4, "schedule": "constant", "epochs": 5, "center_teacher": False, "batch_size": 256,
}  # fmt: skip
ADAMW = {"epochs": 10, "batch_size": 256}
# Of a clip the default model takes a window; the teacher sees four frames of it.
CLIPS = {"level": "clip", "frames_per_clip": 4}
CAPTIONS = {"teacher_weight": 0.0, "caption_weight": 1.0}
POOLINGS = {"mean": {"temporal_config": {"pooling": "mean"}}, "temporal": {}}
RANDOM, UNTAUGHT, TAUGHT = {"teacher": "random"}, {"teacher": "untaught"}, {"teacher": "taught"}
STUDENTS: dict[str, dict[str, dict[str, Any]]] = {
    "mean": {
        "random_teacher_sgd": {**RANDOM, "head": {"init": "torch"}, "fit": SGD},
        "random_teacher_adamw": {**RANDOM, "fit": ADAMW},
        "untaught_teacher_adamw": {**UNTAUGHT, "fit": ADAMW},
        "taught_teacher_sgd": {**TAUGHT, "head": {"init": "torch"}, "fit": SGD},
        "taught_teacher_adamw": {**TAUGHT, "fit": ADAMW},
        "captions": {"data": CLIPS, "fit": {**ADAMW, **CAPTIONS}},
    },
    "temporal": {
        "random_teacher_adamw": {**RANDOM, "data": CLIPS, "fit": ADAMW},
        "untaught_teacher_adamw": {**UNTAUGHT, "data": CLIPS, "fit": ADAMW},
        "taught_teacher_adamw": {**TAUGHT, "data": CLIPS, "fit": ADAMW},
        "captions": {"data": CLIPS, "fit": {**ADAMW, **CAPTIONS}},
    },
}
# The school's world has a seed that no other has.
SCHOOL = 1000
# Chosen by the caption loss of held-out pictures of seed 1's school alone, before any projection was fitted.
LESSONS = Lessons(steps=2000, batch_size=16, lr=2e-3)


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--clips", type=int, default=660, help="of training")
    parser.add_argument("--test-clips", type=int, default=330)
    parser.add_argument("--stills", type=int, default=2000, help="shown to the teachers")
    parser.add_argument(
        "--school-stills", type=int, default=10_500, help="with captions, for the teacher that is taught"
    )
    args = parser.parse_args()
    by_seed = [study(args, seed) for seed in args.seeds]
    found = {part: {name: [one[part][name] for one in by_seed] for name in by_seed[0][part]} for part in by_seed[0]}
    scores = found["uar"]
    differences = {
        f"{pooling}.{arm}_minus_untouched": paired(scores[f"{pooling}.{arm}"], scores[f"{pooling}.untouched"])
        for pooling, arms in STUDENTS.items()
        for arm in arms
    }
    settings = {"seeds": args.seeds, "clips": args.clips, "test_clips": args.test_clips, "stills": args.stills}
    settings |= {"school_stills": args.school_stills, "lessons": asdict(LESSONS)}
    print(json.dumps({"benchmark": "distilled_projection", **settings, **found, **differences, "chance": 1 / 11}))


def study(args: argparse.Namespace, seed: int) -> dict[str, dict[str, float]]:
    """What one world gives: `caption_loss` of the teachers, `alignment` with the action units, `uar` of every arm."""
    numbers = f"clips_{args.clips}_{args.test_clips}_stills_{args.stills}_school_{args.school_stills}"
    folder = args.output / f"{numbers}_seed_{seed}"
    if not (folder / "world" / "stills.parquet").is_file():
        render_world(folder / "world", World(seed, args.clips, args.test_clips, args.stills), workers=1)
    caption_loss = make_teachers(folder, args.school_stills, seed)
    return {"caption_loss": caption_loss, "alignment": alignments(folder), "uar": scores_of(folder, seed)}


def teachers_of(folder: Path) -> Path:
    """Where a world's teachers lie: with another packaged model they are others."""
    return folder / f"teachers_{towers_digest()}"


@cache
def towers_digest() -> str:
    """Of the packaged model's weights."""
    return hashlib.sha256((default_model.path() / "model.safetensors").read_bytes()).hexdigest()[:8]


def make_teachers(folder: Path, school_stills: int, seed: int) -> dict[str, float]:
    """The folders `random`, `untaught` and `taught`; how well the last two caption, see `emoclip.synthetic.taught_teacher.teach`."""
    school, teachers = folder / "school", teachers_of(folder)
    if not (school / "stills.parquet").is_file():
        render_world(school, World(SCHOOL + seed, 0, 0, school_stills), workers=1)
    rows = load(school / "stills.parquet", split="train")
    captions = [texts[0] for texts in rows["captions"]]
    if not (teachers / "random").is_dir():
        save_tiny_teacher(teachers / "random", seed=seed)
    towers = EmoCLIPModel.from_pretrained(default_model.path()).eval()
    pixels = school_pictures(rows, teachers / "random", towers.config.vision_config.image_size)
    if not (teachers / "untaught").is_dir():
        colours = EmoCLIPProcessor.from_pretrained(default_model.path()).video_processor
        save_seeing_teacher(
            teachers / "untaught",
            towers.vision_model,
            colours.image_mean,
            colours.image_std,
            pixels[:200] / 255,
            seed=seed,
            more_words=words_of(captions),
        )
    instruction = INSTRUCTIONS["action_describer"]
    record = teach(
        teachers / "untaught", teachers / "taught", pixels, captions, instruction, lessons=LESSONS, seed=seed
    )
    return record["held_out_loss"]


def school_pictures(rows: Any, teacher: Path, side: int) -> torch.Tensor:
    """uint8 (N, 3, side, side), as a teacher of that side gets them."""
    fields = teacher_processor(TeacherConfig(name=str(teacher)), 1).to_dict()
    processor = EmoCLIPVideoProcessor.from_dict({**fields, "size": {"height": side, "width": side}})
    reader = PieceReader(processor, kept="window")
    pictures = [next(reader.pieces(row)).frames for row in tqdm(rows, desc="school", disable=None)]
    return torch.cat(pictures).to(torch.uint8)


def alignments(folder: Path) -> dict[str, float]:
    """Linear CKA of what teachers and towers make of the stills with the action units that were rendered."""
    rows = load(folder / "world" / "stills.parquet", split="train")
    states = [json.loads(units) for units in rows["units"]]
    units = torch.tensor([[state.get(name, 0.0) for name in UNITS] for state in states])
    towers = load_earlier_run(str(default_model.path()), POOLINGS["mean"]).eval()
    processor = EmoCLIPProcessor.from_pretrained(default_model.path())
    store = frame_features(rows, towers, processor.video_processor, folder / "features", kept="window")
    features = {"towers": torch.cat([store.window(row)["frame_embeds"][:1] for row in range(len(store))])}
    for teacher in ("random", "untaught", "taught"):
        config = TeacherConfig(name=str(teachers_of(folder) / teacher))
        cache = TeacherCache(rows, config, folder / "features", num_frames=1, device=torch.device("cpu"))
        cache.fill()
        features[teacher] = cache.features()[0].means(np.arange(len(rows)))
    return {name: linear_cka(normalize(values.float(), dim=-1), units) for name, values in features.items()}


def linear_cka(ones: torch.Tensor, others: torch.Tensor) -> float:
    """Centred kernel alignment of two sets of features (N, D), (N, E) of the same things (Kornblith et al. 2019), in [0, 1]."""
    ones, others = ones - ones.mean(dim=0), others - others.mean(dim=0)
    return float((ones.T @ others).norm() ** 2 / ((ones.T @ ones).norm() * (others.T @ others).norm()))


def scores_of(folder: Path, seed: int) -> dict[str, float]:
    """UAR of every arm in one world."""
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
        "teachers": [{"name": str(teachers_of(folder) / changes["teacher"])}] if "teacher" in changes else [],
        "head": changes.get("head", {}),
        "fit": changes["fit"],
    }
    # Settings that were changed in this file, or a packaged model that was, make another run.
    digest = hashlib.sha256(json.dumps([values, towers_digest()], sort_keys=True).encode()).hexdigest()[:8]
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
