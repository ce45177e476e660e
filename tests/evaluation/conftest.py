# SPDX-License-Identifier: Apache-2.0
"""A manifest of tiny clips, and prediction tables made by hand."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


CLASS_NAMES = ["anger", "happiness", "sadness"]


@pytest.fixture(scope="session")
def write_clips(make_clip, tmp_path_factory) -> Callable[..., Path]:
    """Returns a function that writes a manifest of 5 test clips and 1 training clip, and returns its path.

    `broken` names clips whose file is text; `labels` overrides the labels of clips.
    """
    from emoclip.data.manifest import write_manifest

    clips = [make_clip(11 + number, f"c{number}.mp4", seed=number) for number in range(6)]

    def write(broken=(), labels=None) -> Path:
        folder = tmp_path_factory.mktemp("clips")
        rows = []
        for number, clip in enumerate(clips):
            clip_id = f"c{number}"
            shutil.copy(clip, folder / clip.name)
            if clip_id in broken:
                (folder / clip.name).write_text("this is no video")
            label = (labels or {}).get(clip_id, number % 3)
            row = {"clip_id": clip_id, "path": clip.name, "media": "video", "label": label}
            rows.append(row | {"split": "train" if number == 5 else "test", "captions": ["A face."]})
        path = folder / "manifest.parquet"
        write_manifest(path, rows, class_names=CLASS_NAMES, dataset="tiny", licence="CC0-1.0", source="drawn")
        return path

    return write


@pytest.fixture(scope="session")
def manifest(write_clips) -> Path:
    """Five good test clips of three classes."""
    return write_clips()


@pytest.fixture
def make_table() -> Callable[..., object]:
    """Returns a function that makes a table of 33 clips of 3 classes with scores that know more the larger `skill` is."""
    from emoclip.evaluation.predictions import PredictionTable

    def make(system="trained", skill=3.0, prompt_set="set", seed=0, **changes):
        references = [number % 3 for number in range(33)]
        scores = np.random.default_rng(seed).normal(size=(33, 3)).astype(np.float32)
        scores[np.arange(33), references] += skill
        fields = {
            "clip_ids": [f"c{number}" for number in range(33)],
            "references": references,
            "scores": scores,
            "class_names": CLASS_NAMES,
            "model": "some/model",
            "revision": "abc",
            "prompt_set": prompt_set,
            "manifest_sha256": "f" * 64,
            "system": system,
        }
        return PredictionTable(**{**fields, **changes})

    return make


@pytest.fixture(scope="session")
def tiny_clip_folder(tiny_model_folder, tmp_path_factory) -> Path:
    """A plain CLIP of transformers with the tiny model's towers, its tokenizer and an image processor's file."""
    import json

    from transformers import AutoTokenizer, CLIPConfig, CLIPModel

    from modeling_emoclip import EmoCLIPModel

    ours = EmoCLIPModel.from_pretrained(tiny_model_folder)
    config = CLIPConfig(
        text_config=ours.config.text_config.to_dict(),
        vision_config=ours.config.vision_config.to_dict(),
        projection_dim=ours.config.projection_dim,
    )
    clip = CLIPModel(config)
    clip.load_state_dict({name: tensor for name, tensor in ours.state_dict().items() if name in clip.state_dict()})
    folder = tmp_path_factory.mktemp("tiny_clip")
    clip.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model_folder).save_pretrained(folder)
    fields = {"image_processor_type": "CLIPImageProcessor", "size": 20, "crop_size": 20, "image_mean": [0.5, 0.4, 0.3]}
    (folder / "preprocessor_config.json").write_text(json.dumps(fields))
    return folder


@pytest.fixture(scope="session")
def tiny_xclip_folder(tiny_model_folder, tmp_path_factory) -> Path:
    """A random X-CLIP of 4 frames with the tiny model's tokenizer."""
    import torch
    from transformers import AutoTokenizer, XCLIPConfig, XCLIPModel

    tokenizer = AutoTokenizer.from_pretrained(tiny_model_folder)
    torch.manual_seed(11)
    config = XCLIPConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 12,
            "intermediate_size": 17,
            "num_hidden_layers": 1,
            "num_attention_heads": 3,
            "max_position_embeddings": 57,
            "eos_token_id": tokenizer.eos_token_id,
        },
        vision_config={
            "image_size": 20,
            "patch_size": 5,
            "hidden_size": 14,
            "intermediate_size": 19,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "mit_hidden_size": 16,
            "mit_intermediate_size": 18,
            "mit_num_attention_heads": 2,
            "num_frames": 4,
        },
        projection_dim=16,
        prompt_layers=1,
        prompt_num_attention_heads=2,
    )
    folder = tmp_path_factory.mktemp("tiny_xclip")
    XCLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def write_set(make_clip, tmp_path_factory) -> Callable[..., Path]:
    """Returns a function that writes a manifest of `count` small clips, of which `describe(number)` gives further columns."""
    from emoclip.data.manifest import write_manifest

    clips = [make_clip(11 + number, f"s{number}.mp4", seed=20 + number) for number in range(4)]

    def write(count, describe, class_names=CLASS_NAMES, dataset="tiny") -> Path:
        folder = tmp_path_factory.mktemp("set")
        rows = []
        for number in range(count):
            shutil.copy(clips[number % len(clips)], folder / f"c{number}.mp4")
            row = {"clip_id": f"c{number}", "path": f"c{number}.mp4", "media": "video", "split": "test"}
            rows.append(row | describe(number))
        path = folder / "manifest.parquet"
        write_manifest(path, rows, class_names=class_names, dataset=dataset, licence="CC0-1.0", source="drawn")
        return path

    return write


@pytest.fixture
def no_clip_is_read(monkeypatch):
    """What is told before the work is told without a look at a clip."""
    from emoclip.evaluation.protocols import context

    def encode(*_args, **_kwargs):
        raise AssertionError("clips were encoded first")

    monkeypatch.setattr(context, "encode_features", encode)


@pytest.fixture
def run_tables(tiny_model_folder):
    """Returns a function that runs a configuration and returns its tables."""
    from emoclip.config_loading import load_config
    from emoclip.evaluation.config import EvaluationConfig
    from emoclip.evaluation.run import run_evaluation

    def run(manifest, *overrides):
        base = [f"data.manifest={manifest}", f"model={tiny_model_folder}", "prompt_sets=[name]"]
        fast = ["data.num_workers=0", "data.batch_size=4", "precision=float32"]
        return run_evaluation(load_config(EvaluationConfig, None, [*base, *fast, *overrides])).tables

    return run
