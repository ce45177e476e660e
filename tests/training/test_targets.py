# SPDX-License-Identifier: Apache-2.0
"""What clips are taught: their own texts, their class's, labels and scores."""

from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from emoclip.training.targets import build_targets
from emoclip.training.task_config import TaskConfig


NAMES = ["anger", "fear"]
ROWS = [
    {"clip_id": "a", "captions": ["A frown.", "Narrow eyes."], "label": 0, "labels": [0], "targets": [1.0, 2.0]},
    {"clip_id": "b", "captions": None, "label": 1, "labels": [0, 1], "targets": [3.0, 4.5]},
    {"clip_id": "c", "captions": [], "label": None, "labels": None, "targets": None},
]


@pytest.fixture
def build(tiny_model_folder: Path):
    """Returns a function that builds the targets of a task."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_model_folder)
    return lambda **task: build_targets(TaskConfig(**task), NAMES, tokenizer)


def drawn(targets, row: dict) -> set[str]:
    return {targets.draw(row, torch.Generator().manual_seed(seed)) for seed in range(20)}


def test_a_caption_of_the_clip_is_drawn(build) -> None:
    """Always the first one would waste the others."""
    assert drawn(build(), ROWS[0]) == {"A frown.", "Narrow eyes."}


def test_class_text_stands_in_for_a_caption_that_is_missing(build) -> None:
    """Stills beside captioned clips have labels only."""
    targets = build(fill_captions="emoclip_descriptions")
    assert drawn(targets, ROWS[0]) == {"A frown.", "Narrow eyes."}
    assert [text[:28] for text in drawn(targets, ROWS[1])] == ["An expression of tension and"]
    targets.check(ROWS[:2], "m.parquet")


def test_class_mode_takes_the_description_of_the_class(build) -> None:
    """Its own captions would be another supervision."""
    assert [text[:19] for text in drawn(build(kind="class_texts"), ROWS[0])] == ["A facial expression"]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({}, r"needs a caption, but 2 of 3 in m.parquet have none, the first is 'b'.*task.fill_captions"),
        ({"kind": "class_texts"}, r"needs `label`, but 1 of 3 in m.parquet have none, the first is 'c'"),
        ({"kind": "classification"}, r"needs `label`, but 1 of 3"),
        ({"kind": "multi_label"}, r"needs `labels`, but 1 of 3"),
        ({"kind": "regression"}, r"needs `targets`, but 1 of 3"),
    ],
)
def test_rows_without_what_is_needed_are_refused(build, task: dict, message: str) -> None:
    """After hours of epochs is too late."""
    with pytest.raises(ValueError, match=message):
        build(**task).check(ROWS, "m.parquet")


def test_number_of_targets_must_be_that_of_the_names(build) -> None:
    """A third number would belong to no item."""
    with pytest.raises(ValueError, match=r"one number for each of the 2 class names of m.parquet, clip 'a' has 3"):
        build(kind="regression").check([{**ROWS[0], "targets": [1.0, 2.0, 3.0]}], "m.parquet")


@pytest.mark.parametrize(("number", "shown"), [(float("nan"), "nan"), (float("-inf"), "-inf"), (None, "null")])
def test_targets_that_are_no_number_are_refused(build, number: float | None, shown: str) -> None:
    """The loss of a step of innocent clips was blamed, for the mean of all targets was no number."""
    with pytest.raises(ValueError, match=rf"finite numbers, clip 'x' of m.parquet has 1, {shown}; leave it out"):
        build(kind="regression").check([ROWS[0], {"clip_id": "x", "targets": [1.0, number]}], "m.parquet")


@pytest.mark.parametrize("nothing", ["", "  ", "-", " - ", None])
def test_a_caption_that_says_nothing_is_none(build, nothing: str | None) -> None:
    """EmoCLIP's code writes a dash where MAFW has no caption: hundreds of clips would be taught the same."""
    row = {**ROWS[0], "clip_id": "x", "captions": [nothing]}
    with pytest.raises(ValueError, match=r"1 of 2 in m.parquet have none, the first is 'x'"):
        build().check([ROWS[0], row], "m.parquet")
    assert drawn(build(), {**row, "captions": [nothing, "A frown."]}) == {"A frown."}
    assert len(drawn(build(fill_captions="emoclip_descriptions"), row)) == 1


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("classification", torch.tensor([0, 1])),
        ("multi_label", torch.tensor([[1.0, 0.0], [1.0, 1.0]])),
        ("regression", torch.tensor([[1.0, 2.0], [3.0, 4.5]])),
    ],
)
def test_labels_are_what_the_head_takes(build, kind: str, expected: torch.Tensor) -> None:
    """Whole numbers for one class, a row of 0 and 1 for several, numbers for scores."""
    targets = build(kind=kind)
    labels = targets.collate([targets.draw(row, torch.Generator()) for row in ROWS[:2]])["labels"]
    assert torch.equal(labels, expected)
    assert labels.dtype == expected.dtype


def test_same_texts_have_the_same_number(build) -> None:
    """In every process: numbers are compared after the gather."""
    batch = build(same_text="positives").collate(["A frown.", "A smile.", "A frown."])
    groups = batch["text_groups"].tolist()
    assert groups[0] == groups[2] != groups[1]
    assert "text_groups" not in build().collate(["A frown."])


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"kind": "classification", "same_text": "positives"}, r"`same_text` belongs to captions and class_texts"),
        (
            {"kind": "class_texts", "fill_captions": "emoclip_descriptions"},
            r"`fill_captions` belongs to kind=captions",
        ),
        ({"target_scale": {"a": 2.0}}, r"`target_scale` belongs to kind=regression"),
        ({"kind": "regression", "target_scale": {"a": 0.0}}, r"must be above 0, got 0.0 for 'a'"),
    ],
)
def test_settings_without_effect_are_refused(task: dict, message: str) -> None:
    """A key that is ignored misleads whoever sets it."""
    with pytest.raises(ValueError, match=message):
        TaskConfig(**task)
