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
