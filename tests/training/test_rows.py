# SPDX-License-Identifier: Apache-2.0
"""Rows of several manifests: what they have means the same in all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.config_loading import load_config
from emoclip.data.sharding import write_shards
from emoclip.training.config import DataConfig, TrainConfig
from emoclip.training.loop import TrainingRun
from emoclip.training.rows import training_rows


def test_mixed_targets_go_by_name(rewritten: Callable[..., Path]) -> None:
    """In the other manifest's order a head for arousal learned valence."""
    first = rewritten(
        "first", lambda number, row: {"targets": [1.0, 2.0, 3.0], "label": None, "labels": None}, [*"xyz"]
    )
    other = rewritten(
        "other", lambda number, row: {"targets": [30.0, 0.0, 10.0, 20.0], "label": None, "labels": None}, [*"zwxy"]
    )
    rows = training_rows(DataConfig(manifest=first, mix=(other,))).rows
    assert len(rows) == 44
    targets = {row["clip_id"]: row["targets"] for row in rows}
    assert targets["train_000003"] == [1.0, 2.0, 3.0]
    assert targets["other/train_000003"] == [10.0, 20.0, 30.0]


def test_mixed_targets_without_one_of_the_names_are_refused(
    rewritten: Callable[..., Path], write_run: Callable[..., Path], tiny_model_folder: Path, caplog
) -> None:
    """Another score in its place would be learned in silence."""
    first = rewritten("first", lambda number, row: {"targets": [1.0, 2.0], "label": None, "labels": None}, ["x", "y"])
    other = rewritten("other", lambda number, row: {"targets": [3.0, 4.0], "label": None, "labels": None}, ["x", "z"])
    base = {"init": "emoclip", "name": str(tiny_model_folder)}
    run = write_run(model=base, task={"kind": "regression"}, data__manifest=str(first), data__mix=[str(other)])
    with pytest.raises(ValueError, match=r"needs `targets`, but 22 of 44 .* the first is 'other/train_000000'"):
        TrainingRun(load_config(TrainConfig, run))
    assert "it has none for 'y'" in caplog.text


@pytest.mark.parametrize("own_names", [["x", "y"], ["x", "y", "z"]])
def test_mixed_targets_of_something_else_do_not_stop_a_run_that_reads_none(
    rewritten: Callable[..., Path], own_names: list[str], caplog
) -> None:
    """A set may carry valence and arousal beside its classes: only a regression needs one number for each name."""
    first = rewritten("first", lambda number, row: {"label": 0, "labels": None}, ["x", "y"])
    other = rewritten("other", lambda number, row: {"targets": [0.5] * 4, "label": 1, "labels": None}, own_names)
    rows = training_rows(DataConfig(manifest=first, mix=(other,))).rows
    assert {row["label"] for row in rows if row["clip_id"].startswith("other/")} == {1}
    assert [row["targets"] for row in rows if row["clip_id"].startswith("other/")] == [None] * 22
    assert f"it has {len(own_names)} class names, and 4 numbers" in caplog.text


def test_shards_beside_manifests_are_refused_in_words(world: Path, tmp_path: Path) -> None:
    """Their columns are of other types, of which the library told a page."""
    write_shards(world / "clips.parquet", tmp_path / "set")
    with pytest.raises(
        ValueError, match=r"`mix` needs manifests alone, .* got .*/set, .*stills\.parquet; give the manif"
    ):
        training_rows(DataConfig(manifest=tmp_path / "set", mix=(world / "stills.parquet",)))


def test_left_out_class_does_not_come_in_as_part_of_a_mixed_compound(rewritten: Callable[..., Path]) -> None:
    """Leave-one-class-out with a clip of `b+c` has seen c."""
    first = rewritten(
        "first", lambda number, row: {"label": 0, "labels": [0]} if number else {"label": 2, "labels": [2]}, [*"abc"]
    )
    # c is the first class there, b the second; d is none of ours.
    compounds = {0: [0, 1], 1: [1], 2: [1, 2], 3: [2]}
    other = rewritten(
        "other",
        lambda number, row: {"label": None, "labels": compounds[number]} if number in compounds else None,
        [*"cbd"],
    )
    rows = training_rows(DataConfig(manifest=first, mix=(other,), left_out_class="c")).rows
    labels = {row["clip_id"]: row["labels"] for row in rows if row["clip_id"].startswith("other/")}
    assert labels == {"other/train_000001": [1], "other/train_000002": [1]}
    whole = training_rows(DataConfig(manifest=first, mix=(other,))).rows
    assert {row["clip_id"]: row["labels"] for row in whole}["other/train_000000"] == [2, 1]


@pytest.mark.parametrize(
    ("targets", "message"),
    [([float("nan")], "finite numbers, clip 'train_000004'"), (None, "1 of 22 .* first is 'train_000004'")],
)
def test_a_target_that_is_missing_is_told_with_its_clip(
    rewritten: Callable[..., Path],
    write_run: Callable[..., Path],
    tiny_model_folder: Path,
    targets: list[float] | None,
    message: str,
) -> None:
    """The head begins at the mean of all targets, which one of them made NaN, before anybody looked."""
    none = {"label": None, "labels": None}
    manifest = rewritten("scores", lambda place, row: {**none, "targets": targets if place == 4 else [0.5]}, ["x"])
    base = {"init": "emoclip", "name": str(tiny_model_folder)}
    run = write_run(model=base, task={"kind": "regression"}, data__manifest=str(manifest))
    with pytest.raises(ValueError, match=message):
        TrainingRun(load_config(TrainConfig, run))
