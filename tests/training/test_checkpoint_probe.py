# SPDX-License-Identifier: Apache-2.0
"""A probe during training is scikit-learn's on the embeddings that the model has at that step."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, balanced_accuracy_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import normalize

from emoclip.config_loading import load_config
from emoclip.data import load
from emoclip.data.clips import ClipDataset, collate_clips
from emoclip.data.manifest import read_manifest, write_manifest
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun


PLAIN = {"C": 3.16, "solver": "sag", "max_iter": 2000, "random_state": 1}


@pytest.fixture
def run_of(write_run: Callable[..., Path]) -> Callable[..., TrainingRun]:
    def build(**validation) -> TrainingRun:
        return TrainingRun(load_config(TrainConfig, write_run(validation={"split": "test", **validation})))

    return build


def plain_features(run: TrainingRun, rows) -> np.ndarray:
    clips = ClipDataset(rows, run.processor.video_processor)
    batch = collate_clips(clips[number] for number in range(len(rows)))
    model = run.accelerator.unwrap_model(run.model).eval()
    with torch.inference_mode():
        features = model.get_video_features(batch["pixel_values_videos"], frame_mask=batch["frame_mask"]).pooler_output
    return normalize(features.double().numpy())


def test_classes(run_of, world: Path) -> None:
    """Features of another split or without unit length would give another figure."""
    run = run_of(metric="probe_uar")
    figures = run.validation(run.accelerator.unwrap_model(run.model))
    train, test = (load(world / "clips.parquet", split=split) for split in ("train", "test"))
    probe = LogisticRegression(**PLAIN).fit(plain_features(run, train), train["label"])
    predicted = probe.predict(plain_features(run, test))
    assert figures["probe_uar"] == pytest.approx(balanced_accuracy_score(test["label"], predicted))
    assert figures["probe_war"] == pytest.approx(np.mean(predicted == np.array(test["label"])))


def test_several_labels_a_clip(run_of, world: Path, tmp_path: Path) -> None:
    """BoLD's form: each clip has a class and the one after it."""
    source = read_manifest(world / "clips.parquet")
    names = source.class_names[:4]
    rows = [
        {
            **row,
            "path": os.path.relpath(world / row["path"], tmp_path),
            "label": None,
            "labels": [row["label"] % 4, (row["label"] + 1) % 4],
        }
        for row in source.table.to_pylist()
    ]
    about = {"dataset": "drawn", "licence": "cc0-1.0", "source": "drawn"}
    write_manifest(tmp_path / "labels.parquet", rows, class_names=names, **about)
    run = run_of(metric="probe_map", manifest=str(tmp_path / "labels.parquet"))
    figures = run.validation(run.accelerator.unwrap_model(run.model))
    train, test = (load(tmp_path / "labels.parquet", split=split) for split in ("train", "test"))
    taught, wanted = ([[int(c in labels) for c in range(4)] for labels in part["labels"]] for part in (train, test))
    probe = OneVsRestClassifier(LogisticRegression(**PLAIN)).fit(plain_features(run, train), np.array(taught))
    scores = probe.predict_proba(plain_features(run, test))
    assert figures["probe_map"] == pytest.approx(average_precision_score(np.array(wanted), scores), rel=1e-4)


def test_figures_stand_in_the_log_and_choose_the_weights(write_run: Callable[..., Path], tmp_path: Path) -> None:
    """A probe that is not logged is not seen."""
    config = write_run(
        epochs=2, selection="validation", validation={"split": "test", "metric": "probe_war", "allow_test": True}
    )
    run = TrainingRun(load_config(TrainConfig, config))
    run.train()
    log = (run.config.output_dir / "metrics.jsonl").read_text(encoding="utf-8")
    assert log.count("validation_probe_war") == 2
    assert run.selection.best_value is not None


def test_split_to_fit_on_must_exist(run_of) -> None:
    """Not after the first epoch."""
    with pytest.raises(ValueError, match="No split 'dev'"):
        run_of(metric="probe_uar", probe={"fit_split": "dev"})


def test_overrides_of_the_documentation_are_understood(write_run: Callable[..., Path]) -> None:
    """docs/emotionclip.md asks for BoLD by the command line, where no `validation` stands in the file."""
    overrides = ["validation.manifest=bold.parquet", "validation.split=validation", "validation.metric=probe_map"]
    config = load_config(TrainConfig, write_run(), overrides)
    assert config.validation is not None
    assert (config.validation.is_probe, config.validation.probe.regularization) == (True, 3.16)
