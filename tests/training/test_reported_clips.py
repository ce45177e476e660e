# SPDX-License-Identifier: Apache-2.0
"""Weights are selected on clips of the test only by those who say so."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.config_loading import load_config
from emoclip.console import run_command
from emoclip.data import load
from emoclip.training.cli import main
from emoclip.training.config import DataConfig, TrainConfig
from emoclip.training.loop import TrainingRun
from emoclip.training.reported_clips import num_reported, reported_split


FOLDS = {"split": "all", "prompt_set": "synthetic_descriptions"}


@pytest.fixture
def folded(rewritten: Callable[..., Path]) -> Path:
    """33 clips in three folds and of five persons, all in the split `all`."""
    return rewritten(
        "folded", lambda number, row: {"split": "all", "test_fold": number % 3 + 1, "subject_id": f"P{number % 5}"}
    )


def test_the_left_out_fold_is_no_clip_to_select_on(write_run: Callable[..., Path], folded: Path, capsys) -> None:
    """`validation.split=all` holds the fold that the figures are reported on, whatever its name."""
    config = write_run(max_steps=1, selection="validation", validation=FOLDS, data__manifest=str(folded), data__fold=1)
    assert run_command(main, ["--config", str(config)]) == 2
    assert "11 of 33 in the split `all`" in capsys.readouterr().err
    assert run_command(main, ["--config", str(config), "validation.allow_test=true"]) == 0
    assert "**11 of these 33 clips are kept for the test:**" in (config.parent / "run" / "report.md").read_text()


def test_other_clips_may_choose_weights(write_run: Callable[..., Path], folded: Path) -> None:
    """The guard must not stand in the way of an honest choice, nor of figures that choose nothing."""
    among_others = {**FOLDS, "split": "train", "fold": 1}
    honest = write_run(selection="validation", validation=among_others, data__manifest=str(folded), data__fold=1)
    assert TrainingRun(load_config(TrainConfig, honest)).validation.num_reported == 0
    watched = write_run(validation=FOLDS, data__manifest=str(folded), data__fold=1)
    assert TrainingRun(load_config(TrainConfig, watched)).validation.num_reported == 11


def test_the_left_out_person_counts(folded: Path) -> None:
    """Leave-one-patient-out by name is a test like one by fold."""
    data = DataConfig(manifest=folded, split="all", left_out_subject="P1")
    assert num_reported(data, load(folded), folded) == 7


def test_the_reported_split_may_have_another_name(rewritten: Callable[..., Path]) -> None:
    """AFEW's, AffectNet's and BoLD's test labels are not public: papers report on `validation`."""
    assert [reported_split(name) for name in ("afew/single", "affectnet/7", "bold/categories")] == ["validation"] * 3
    assert reported_split("dfew/single") == reported_split("somebody/faces") == "test"
