# SPDX-License-Identifier: Apache-2.0
"""Training batches: pairs that belong together, reproducible, and readable errors."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from emoclip.config_loading import load_config
from emoclip.data.manifest import write_manifest
from emoclip.training.build import build_model
from emoclip.training.config import TrainConfig
from emoclip.training.data import CaptionedClips


@pytest.fixture
def source(write_run: Callable[..., Path]) -> Callable[..., CaptionedClips]:
    def build(**changes) -> CaptionedClips:
        config = load_config(TrainConfig, write_run(**changes))
        return CaptionedClips(config, build_model(config.model)[1])

    return build


def test_batch_is_what_the_model_takes(source: Callable[..., CaptionedClips]) -> None:
    """Shapes of one batch of four clips of five frames."""
    inputs, errors, *_ = next(iter(source().epoch(0)))
    assert inputs["pixel_values_videos"].shape == (4, 5, 3, 20, 20)
    assert inputs["frame_mask"].all()
    assert len(inputs["input_ids"]) == 4
    assert errors == {}


def test_captions_belong_to_their_clips(source: Callable[..., CaptionedClips]) -> None:
    """Captions shifted by one row would train on noise without any error."""
    data = source()
    data.sampler.set_position(1)
    batch = next(iter(data.sampler))
    inputs, *_ = next(iter(data.epoch(1)))
    texts = data.targets.tokenizer.batch_decode(inputs["input_ids"], skip_special_tokens=True)
    for index, text in zip(batch, texts, strict=True):
        assert "".join(text.split()) in {"".join(caption.lower().split()) for caption in data.about(index)["captions"]}


def test_epochs_draw_different_captions_and_windows(source: Callable[..., CaptionedClips]) -> None:
    """Several captions a clip are worth nothing if the first is always taken."""
    data = source()
    drawn = {data.target(epoch, 3) for epoch in range(20)}
    assert drawn == set(data.about(3)["captions"])


def test_cached_frames_equal_decoded_ones(source: Callable[..., CaptionedClips]) -> None:
    """The cache must change the speed only."""
    cached, plain = source(), source(data__cache_frames=False)
    for epoch in (0, 1):
        for (ours, *_), (theirs, *_) in zip(cached.epoch(epoch), plain.epoch(epoch), strict=True):
            assert torch.equal(ours["pixel_values_videos"], theirs["pixel_values_videos"])
            assert torch.equal(ours["input_ids"], theirs["input_ids"])


def test_workers_give_the_same_batches(source: Callable[..., CaptionedClips]) -> None:
    """Randomness that depends on the worker would make runs differ with `num_workers`."""
    alone = source(data__cache_frames=False)
    shared = source(data__cache_frames=False, data__num_workers=2)
    for (ours, *_), (theirs, *_) in zip(alone.epoch(3), shared.epoch(3), strict=True):
        assert torch.equal(ours["pixel_values_videos"], theirs["pixel_values_videos"])


def test_one_broken_clip_is_reported_and_left_out(world: Path, tmp_path: Path, source: Callable) -> None:
    """One bad clip in ten thousand must not end a run."""
    copy = tmp_path / "world"
    shutil.copytree(world, copy)
    (copy / "clips" / "000" / "train_000007.mp4").write_bytes(b"no video at all")
    data = source(data__manifest=str(copy / "clips.parquet"))
    sizes, messages = [], {}
    for inputs, errors, *_ in data.epoch(0):
        sizes.append(len(inputs["input_ids"]))
        messages.update(errors)
    assert sum(sizes) == 19  # five batches of four, less the broken clip
    assert list(messages) == ["train_000007"]
    assert "train_000007.mp4" in messages["train_000007"]


def test_clips_without_captions_are_refused(world: Path, tmp_path: Path, source: Callable) -> None:
    """The contrast needs a text for every clip."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    copy = tmp_path / "world"
    shutil.copytree(world, copy)
    table = pq.read_table(copy / "clips.parquet")
    captions = table["captions"].to_pylist()
    captions[4] = []
    column = table.schema.get_field_index("captions")
    table = table.set_column(column, table.schema.field(column), pa.array(captions, type=pa.list_(pa.string())))
    pq.write_table(table, copy / "clips.parquet")
    with pytest.raises(ValueError, match=r"1 of 22 in .* the first is 'train_000004'"):
        source(data__manifest=str(copy / "clips.parquet"))


def test_batches_carry_the_masks_of_the_subject(source: Callable[..., CaptionedClips]) -> None:
    """A model with subject prompting cannot be trained without them."""
    data = source(data__cache_frames=False, data__subject_masks=True, data__random_crop="frame")
    inputs, *_ = next(iter(data.epoch(0)))
    assert inputs["subject_masks"].shape == inputs["pixel_values_videos"][:, :, 0].shape


def test_balanced_batches_draw_classes_alike(
    source: Callable[..., CaptionedClips], world: Path, tmp_path: Path
) -> None:
    """The choice in the configuration must reach the order: 20 clips of one class and 2 of another."""
    rows = pq.read_table(world / "clips.parquet").to_pylist()
    train = [row for row in rows if row["split"] == "train"]
    for number, row in enumerate(train):
        row |= {"label": int(number < 2), "labels": None, "path": os.path.relpath(world / row["path"], tmp_path)}
    skewed = tmp_path / "skewed.parquet"
    write_manifest(skewed, train, class_names=["a", "b"], dataset="x", licence="CC0-1.0", source="test")
    data = source(data__manifest=str(skewed), data__class_balanced=True)
    drawn = Counter(row < 2 for batch in data.sampler for row in batch)
    assert abs(drawn[True] - drawn[False]) <= 2


def test_a_clip_without_a_class_cannot_be_balanced(
    source: Callable[..., CaptionedClips], rewritten: Callable[..., Path]
) -> None:
    """A row number names no clip, and not even its place in the manifest where a split was chosen."""
    manifest = rewritten("unlabelled", lambda number, row: {"label": None} if number in (5, 7) else {})
    with pytest.raises(
        ValueError, match=r"2 of 22 in .*unlabelled.parquet .* first is 'train_000005'; leave them out"
    ):
        source(data__manifest=str(manifest), data__class_balanced=True)
