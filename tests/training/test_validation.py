# SPDX-License-Identifier: Apache-2.0
"""Validation during training gives the figures that the finished model is evaluated with."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from emoclip.config_loading import load_config
from emoclip.data import load
from emoclip.evaluation.prompts import class_texts
from emoclip.evaluation.zero_shot import predict
from emoclip.metrics import uar, war
from emoclip.training.config import TrainConfig
from emoclip.training.engine_config import ValidationConfig
from emoclip.training.loop import TrainingRun


TEST_SPLIT = {"split": "test", "prompt_set": "synthetic_descriptions"}


def run_of(path: Path, *overrides: str) -> TrainingRun:
    return TrainingRun(load_config(TrainConfig, path, list(overrides)))


def test_figures_are_those_of_evaluation(write_run: Callable[..., Path], world: Path) -> None:
    """Another prompt, another frame window or training mode would select the wrong weights."""
    run = run_of(write_run(validation=TEST_SPLIT))
    model = run.accelerator.unwrap_model(run.model)
    model.train()
    before = torch.get_rng_state()
    figures = run.validation(model)
    assert model.training
    assert torch.equal(torch.get_rng_state(), before)

    rows = load(world / "clips.parquet", split="test")
    texts = class_texts("synthetic_descriptions", _class_names(world))
    scores, clips = predict(model.eval(), run.processor, rows, list(texts.values()))
    references, predicted = list(rows["label"]), scores.argmax(axis=1).tolist()
    assert clips.rows == list(range(len(rows)))
    assert figures == {"uar": uar(references, predicted), "war": war(references, predicted)}


def _class_names(world: Path) -> list[str]:
    from emoclip.data.manifest import read_manifest

    return list(read_manifest(world / "clips.parquet").class_names)


def test_recall_counts_both_directions(write_run: Callable[..., Path]) -> None:
    """A model that has learned its own training clips by heart finds them again."""
    run = run_of(
        write_run(
            epochs=60,
            checkpoint_every=1000,
            optimizer__lr=5e-3,
            optimizer__backbone_lr_scale=1.0,
            data__horizontal_flip=False,
            validation={"split": "train", "metric": "recall", "every": 1000},
        )
    )
    model = run.accelerator.unwrap_model(run.model)
    first = run.validation(model)
    run.train()
    last = run.validation(model)
    assert last["recall"] == (last["recall_to_text"] + last["recall_to_video"]) / 2
    assert last["recall"] > first["recall"]


def test_the_best_weights_are_handed_out(write_run: Callable[..., Path]) -> None:
    """The figure of the saved model must be the best of the log, not the last."""
    run = run_of(
        write_run(
            epochs=6,
            optimizer__lr=3e-2,
            selection="validation",
            validation={**TEST_SPLIT, "metric": "war", "every": 3, "allow_test": True},
        )
    )
    run.train()
    assert run.selection.best_step is not None
    assert run.selection.best_step % 3 == 0
    figures = run.validation(run.accelerator.unwrap_model(run.model))  # saving has loaded the chosen weights
    assert figures["war"] == run.selection.best_value


def test_selecting_on_test_needs_the_flag(write_run: Callable[..., Path]) -> None:
    """Figures on clips that chose the weights are no test any more."""
    config = write_run(selection="validation", validation=TEST_SPLIT)
    with pytest.raises(ValueError, match=r"say validation\.allow_test=true"):
        load_config(TrainConfig, config)
    assert load_config(TrainConfig, config, ["validation.allow_test=true"]).validation.allow_test
    assert load_config(TrainConfig, config, ["selection=last"]).validation.is_test


def test_selection_needs_clips_to_validate_on(write_run: Callable[..., Path]) -> None:
    """Nothing to choose by would mean the last weights in silence."""
    with pytest.raises(ValueError, match=r"give validation\.split"):
        load_config(TrainConfig, write_run(selection="validation"))


def test_a_split_that_does_not_exist_is_refused_before_training(write_run: Callable[..., Path]) -> None:
    """Not after the first epoch."""
    with pytest.raises(ValueError, match="holdout"):
        run_of(write_run(validation={**TEST_SPLIT, "split": "holdout"}))


def test_the_other_folds_are_no_test() -> None:
    """Only the split called test is."""
    config = ValidationConfig("train", fold=2)
    assert not config.is_test
    assert dataclasses.replace(config, split="test").is_test
