# SPDX-License-Identifier: Apache-2.0
"""Whether the subject token and the sentiment-guided loss help, on rendered films; from films to intervals in one command.

    python -P benchmarks/film_studies.py --output outputs/film_studies [--seeds 1 2 3] [--scenes 6400] [--steps 600]

Renders films in which the speaker is one of up to four faces, cuts and filters them as real films are (emoclip.dialogue), trains
small towers with train.py's loop, and judges them on other faces and other lines. As EmotionCLIP starts from CLIP, all arms of a seed
start from towers that have seen faces: they were trained on films in which the speaker is alone. Whose line it is comes from the
renderer, in training and in the test: no detector could tell, so the token's figure is what a known subject is worth. Three arms: no
subject, the subject's token, and the token with the sentiment-guided loss. Prints one JSON line: the UAR of every arm, and the paired
differences over the seeds with their 95 % intervals (Student's t). The seeds differ in weights, order and draws; the films are the same,
so the intervals say nothing of other films. Two figures help to read them: what the towers reach on new films with one face, and what
the token's arm reaches when every clip is given the subject's place of another clip; a token that is used falls there. Runs that are
finished are kept in the output and not trained again, one that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

import torch
import yaml

from emoclip.config_loading import load_config
from emoclip.data import load
from emoclip.data.clips import ClipDataset, collate_clips
from emoclip.data.manifest import read_manifest, write_manifest_table
from emoclip.metrics import uar
from emoclip.synthetic.films import SCENE_SECONDS, TRUTH_NAME, FilmWorld, render_films
from emoclip.synthetic.samples import EMOTIONS
from emoclip.synthetic.spoken_lines import SENTIMENT_OF, SENTIMENTS, spoken_lines


SPOKEN = tuple(emotion for emotion in EMOTIONS if emotion != "neutral")
SCENES_A_FILM, TEST_SCENES = 100, 600
ARMS = {"no_subject": ("none", False), "subject_token": ("sap", False), "subject_and_sentiment": ("sap", True)}
COMPARED = (("subject_token", "no_subject"), ("subject_and_sentiment", "subject_token"))
# Student's t for a two-sided 95 % interval, by degrees of freedom.
T_95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--scenes", type=int, default=6400, help="of training")
    parser.add_argument("--steps", type=int, default=600, help="of each arm")
    parser.add_argument("--tower-steps", type=int, default=1000, help="on films with one face")
    args = parser.parse_args()
    alone = make_films(args.output / f"alone_{args.scenes}", args.scenes, others=0, seed=1)
    train = make_films(args.output / f"train_{args.scenes}", args.scenes)
    test = make_films(args.output / f"test_{TEST_SCENES}", TEST_SCENES, held_out=True)
    test_alone = make_films(args.output / f"test_alone_{TEST_SCENES}", TEST_SCENES, held_out=True, others=0)
    # Seed by seed, so that a study that was stopped holds whole comparisons.
    by_seed = []
    for seed in args.seeds:
        towers = trained(args, "towers", seed, args.tower_steps, alone, None)
        runs = {arm: trained(args, arm, seed, args.steps, train, towers) for arm in ARMS}
        found = {arm: score(run, test) for arm, run in runs.items()}
        found["towers_on_one_face"] = score(towers, test_alone)
        found["subject_token_elsewhere"] = score(runs["subject_token"], test, places="other")
        by_seed.append(found)
    scores = {name: [found[name] for found in by_seed] for name in by_seed[0]}
    differences = {f"{one}_minus_{other}": paired(scores[one], scores[other]) for one, other in COMPARED}
    settings = {"seeds": args.seeds, "scenes": args.scenes, "steps": args.steps, "tower_steps": args.tower_steps}
    print(
        json.dumps({"benchmark": "film_studies", **settings, "uar": scores, **differences, "chance": 1 / len(SPOKEN)})
    )


def make_films(folder: Path, scenes: int, **about: Any) -> Path:
    """Render films and prepare them; the manifest, with the speaker's box and emotion from the truth."""
    manifest = folder / "speakers.parquet"
    if manifest.is_file():
        return manifest
    from emoclip.dialogue.prepare import MANIFEST_NAME, prepare_dialogue
    from emoclip.dialogue.settings import DialogueSettings

    world = FilmWorld(films=max(1, scenes // SCENES_A_FILM), scenes=min(scenes, SCENES_A_FILM), **about)
    render_films(folder / "films", world)
    settings = DialogueSettings(sentiment_model=str(write_classifier(folder / "classifier")), person_model=None)
    if not (folder / "clips" / MANIFEST_NAME).is_file():
        prepare_dialogue([folder / "films"], folder / "clips", settings)
    return write_speakers(manifest, folder / "clips" / MANIFEST_NAME, folder / "films" / TRUTH_NAME)


def write_speakers(path: Path, prepared: Path, truth: Path) -> Path:
    """Give every clip the box and the emotion of its speaker, which the renderer knows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    scenes = {(row["film_id"], row["number"]): row for row in pq.read_table(truth).to_pylist()}
    source = read_manifest(prepared)
    rows = source.table.to_pylist()
    told = [scenes[row["subject_id"], int(row["start"] // SCENE_SECONDS)] for row in rows]
    columns = {
        "path": pa.array([f"clips/{row['path']}" for row in rows]),
        "boxes": pa.array([[scene["box"]] * row["num_frames"] for row, scene in zip(rows, told, strict=True)]),
        "label": pa.array([SPOKEN.index(scene["emotion"]) for scene in told], pa.int64()),
    }
    table = source.table
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, values.cast(table.schema.field(name).type))
    about = {"dataset": "rendered films", "licence": "CC0-1.0", "source": "benchmarks/film_studies.py"}
    write_manifest_table(path, table, class_names=list(SPOKEN), **about)
    return path


def write_classifier(folder: Path) -> Path:
    """A small classifier of the class that the real one has, taught the sentiment of all lines."""
    from transformers import BertConfig, BertForSequenceClassification

    lines = [
        (line, emotion)
        for emotion in EMOTIONS
        for part in (False, True)
        for line in spoken_lines(emotion, held_out=part)
    ]
    tokenizer = word_tokenizer([line for line, _ in lines])
    torch.manual_seed(0)
    labels = dict(enumerate(SENTIMENTS))
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=48,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=96,
        id2label=labels,
    )
    model = BertForSequenceClassification(config)
    batch = tokenizer([line for line, _ in lines], padding=True, return_tensors="pt")
    wanted = torch.tensor([SENTIMENTS.index(SENTIMENT_OF[emotion]) for _, emotion in lines])
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(model(**batch).logits, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def word_tokenizer(texts: list[str]) -> Any:
    """A tokenizer of whole words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    split = pre_tokenizers.Whitespace()
    words = sorted({word for text in texts for word, _ in split.pre_tokenize_str(text.lower())})
    inner = Tokenizer(
        models.WordLevel({word: place for place, word in enumerate(["<pad>", "<unk>", *words])}, "<unk>")
    )
    inner.normalizer, inner.pre_tokenizer = normalizers.Lowercase(), split
    return PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>", model_max_length=64)


def trained(args: argparse.Namespace, arm: str, seed: int, steps: int, films: Path, towers: Path | None) -> Path:
    """The model folder of a run, which is done or goes on if it was stopped."""
    from emoclip.training.checkpoint import find_checkpoint
    from emoclip.training.config import TrainConfig
    from emoclip.training.loop import TrainingRun

    # What a kept run depends on stands in its name.
    after = "" if towers is None else f"_after_{args.tower_steps}"
    folder = args.output / f"{arm}_{seed}_{args.scenes}_{steps}{after}"
    if (folder / "done").is_file():
        return folder / "model"
    configuration = folder.with_suffix(".yaml")
    values = {**run_settings(args, arm, seed, steps, films, towers), "output_dir": str(folder)}
    configuration.write_text(yaml.safe_dump(values), encoding="utf-8")
    checkpoint = find_checkpoint(folder, "auto") if folder.is_dir() else None
    model = TrainingRun(load_config(TrainConfig, configuration), checkpoint).train()
    if model is None:
        sys.exit("Stopped and saved; the same command goes on.")
    (folder / "done").touch()
    return model


def score(model: Path, test: Path, places: str = "own") -> float:
    """UAR of a trained model, kept in its run's folder."""
    result = model.parent / f"uar_{places}.json"
    if not result.is_file():
        result.write_text(json.dumps(judged(model, test, places)))
    return json.loads(result.read_text())


def run_settings(
    args: argparse.Namespace, arm: str, seed: int, steps: int, films: Path, towers: Path | None
) -> dict[str, Any]:
    """The configuration of one run; without `towers` that of the towers themselves."""
    prompting, sentiment = ARMS.get(arm, ("none", False))
    tower = {"hidden_size": 128, "intermediate_size": 512, "num_attention_heads": 2}
    temporal = {
        "pooling": "residual_transformer", "num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 64,
        "intermediate_size": 256, "max_position_embeddings": 8,
    }  # fmt: skip
    return {
        "seed": seed,
        "epochs": 1000,
        "max_steps": steps,
        "log_every": 20,
        "checkpoint_every": 250,
        "mixed_precision": "auto",
        "model": {
            "init": "scratch" if towers is None else "emoclip",
            "name": None if towers is None else str(towers),
            "tokenizer": str(tokenizer_folder(args.output)),
            "attention": "eager",
            "config": {
                "projection_dim": 128,
                "subject_prompting": prompting,
                "text_config": {**tower, "num_hidden_layers": 2},
                "vision_config": {**tower, "num_hidden_layers": 4, "image_size": 128, "patch_size": 16},
                "temporal_config": temporal,
            },
            "processor": {
                "num_frames": 2,
                "frame_sampling": "emotionclip",
                "size": {"shortest_edge": 128},
                "crop_size": {"height": 128, "width": 128},
            },
        },
        "data": {
            "manifest": str(films),
            "batch_size": 64,
            "num_workers": 1,
            "horizontal_flip": True,
            "subject_masks": prompting != "none",
            "sentiment": sentiment,
        },
        "optimizer": {
            "name": "adamw", "lr": 2e-3 if towers is None else 5e-4, "backbone_lr_scale": 1.0, "train_vision": "all", "train_text": "all", "weight_decay": 0.05,
            "schedule": "one_cycle", "warmup": 0.1, "max_logit_scale": 100.0, "max_grad_norm": 1.0, "word_prediction": 2.0,
        },
    }  # fmt: skip


def tokenizer_folder(output: Path) -> Path:
    """A tokenizer of CLIP's kind, trained on the lines of training."""
    from emoclip.synthetic.tokenizer import train_tokenizer

    folder = output / "tokenizer"
    if not folder.is_dir():
        train_tokenizer([line for emotion in SPOKEN for line in spoken_lines(emotion)]).save_pretrained(folder)
    return folder


@torch.inference_mode()
def judged(folder: Path, test: Path, places: str) -> float:
    """UAR over the emotions of the speakers; a class stands for the mean of its held-out lines.

    With `places="other"` every clip gets the subject's place of the clip before it.
    """
    from transformers import AutoTokenizer

    from modeling_emoclip import EmoCLIPModel, EmoCLIPVideoProcessor

    model = EmoCLIPModel.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prototypes = []
    for emotion in SPOKEN:
        tokens = tokenizer(spoken_lines(emotion, held_out=True), padding=True, return_tensors="pt")
        embeds = model.get_text_features(**tokens).pooler_output
        prototypes.append(torch.nn.functional.normalize(embeds, dim=-1).mean(dim=0))
    rows = load(test)
    masks = model.config.subject_prompting != "none"
    clips = ClipDataset(rows, EmoCLIPVideoProcessor.from_pretrained(folder), subject_masks=masks)
    predictions = []
    for begin in range(0, len(rows), 50):
        batch = collate_clips(clips[number] for number in range(begin, min(begin + 50, len(rows))))
        wanted = {
            name: batch[name] for name in ("pixel_values_videos", "frame_mask", "subject_masks") if name in batch
        }
        if places == "other":
            wanted["subject_masks"] = wanted["subject_masks"].roll(1, dims=0)
        video = torch.nn.functional.normalize(model.get_video_features(**wanted).pooler_output, dim=-1)
        similarity = video @ torch.nn.functional.normalize(torch.stack(prototypes), dim=-1).T
        predictions += similarity.argmax(dim=-1).tolist()
    return uar(list(rows["label"]), predictions)


def paired(ones: list[float], others: list[float]) -> dict[str, float]:
    """Mean difference over the seeds, and its 95 % interval where there are two seeds or more."""
    differences = [one - other for one, other in zip(ones, others, strict=True)]
    mean = statistics.fmean(differences)
    if len(differences) < 2:
        return {"mean": mean}
    half = T_95[len(differences) - 1] * statistics.stdev(differences) / len(differences) ** 0.5
    return {"mean": mean, "low": mean - half, "high": mean + half}


if __name__ == "__main__":
    main()
