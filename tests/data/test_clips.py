# SPDX-License-Identifier: Apache-2.0
"""Rows become model inputs: the same ones whoever makes them, and broken files are told, not fatal."""

from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from emoclip.data.clips import ClipDataset, clip_generator, collate_clips
from modeling_emoclip import EmoCLIPVideoProcessor


@pytest.fixture
def processor() -> EmoCLIPVideoProcessor:
    """Five frames, every third, 20 pixels."""
    return EmoCLIPVideoProcessor(
        num_frames=5, frame_stride=3, size={"shortest_edge": 20}, crop_size={"height": 20, "width": 20}
    )


@pytest.fixture
def rows(make_clip: Callable[..., Path], tmp_path: Path) -> datasets.Dataset:
    """A long clip, a short one, a still, and a file that is no video."""
    still, broken = tmp_path / "still.png", tmp_path / "broken.mp4"
    Image.new("RGB", (31, 23), (200, 30, 10)).save(still)
    broken.write_bytes(b"no video")
    files = [make_clip(41), make_clip(7), still, broken]
    return datasets.Dataset.from_dict({"file": [str(f) for f in files], "media": ["video", "video", "image", "video"]})


def test_evaluation_items_equal_the_processors_own(rows: datasets.Dataset, processor: EmoCLIPVideoProcessor) -> None:
    """Scores of `evaluate.py` and of a user's own call must be those of the same pixels."""
    item = ClipDataset(rows, processor)[0]
    expected = processor(rows["file"][0])
    assert torch.equal(item["pixel_values_videos"], expected["pixel_values_videos"][0])
    assert torch.equal(item["frame_mask"], expected["frame_mask"][0])


def test_still_is_a_clip_of_one_frame(rows: datasets.Dataset, processor: EmoCLIPVideoProcessor) -> None:
    """Repeating it would cost as much as a video and teach nothing more."""
    for cache in (False, True):
        item = ClipDataset(rows, processor, cache=cache)[2]
        assert item["pixel_values_videos"].shape == (1, 3, 20, 20)
        assert item["frame_mask"].tolist() == [True]


def test_broken_file_is_told_by_name(rows: datasets.Dataset, processor: EmoCLIPVideoProcessor) -> None:
    """An exception in a worker would end a run of ten thousand clips."""
    item = ClipDataset(rows, processor)[3]
    assert item["index"] == 3
    assert "broken.mp4" in item["error"]


def test_items_do_not_depend_on_what_came_before(rows: datasets.Dataset, processor: EmoCLIPVideoProcessor) -> None:
    """A resumed run asks for the same items in other company."""
    first, second = (ClipDataset(rows, processor, training=True, seed=3) for _ in range(2))
    for dataset in (first, second):
        dataset.set_epoch(5)
    for index in (1, 0, 2):
        second[index]
    assert torch.equal(first[0]["pixel_values_videos"], second[0]["pixel_values_videos"])


def test_epochs_show_different_windows(rows: datasets.Dataset, processor: EmoCLIPVideoProcessor) -> None:
    """A random window that is drawn once is no augmentation."""
    dataset = ClipDataset(rows, processor, training=True)
    drawn = []
    for epoch in range(8):
        dataset.set_epoch(epoch)
        drawn.append(dataset[0]["pixel_values_videos"])
    assert any(not torch.equal(drawn[0], other) for other in drawn[1:])


def test_flip_mirrors_whole_clips_in_training_only(rows: datasets.Dataset, processor: EmoCLIPVideoProcessor) -> None:
    """Frames flipped one by one would flicker; a flip in evaluation would change scores."""
    plain = ClipDataset(rows, processor, training=True, cache=True)
    flipping = ClipDataset(rows, processor, training=True, horizontal_flip=True, cache=True)
    kinds = set()
    for epoch in range(12):
        plain.set_epoch(epoch)
        flipping.set_epoch(epoch)
        ours, theirs = flipping[0]["pixel_values_videos"], plain[0]["pixel_values_videos"]
        assert torch.equal(ours, theirs) or torch.equal(ours, theirs.flip(-1))
        kinds.add(torch.equal(ours, theirs))
    assert kinds == {True, False}
    quiet = ClipDataset(rows, processor, horizontal_flip=True)
    assert torch.equal(quiet[0]["pixel_values_videos"], ClipDataset(rows, processor)[0]["pixel_values_videos"])


def test_rotation_turns_whole_clips_in_training_only(rows: datasets.Dataset, processor: EmoCLIPVideoProcessor) -> None:
    """One angle for a clip; a new one for each frame would shake it."""
    turning = ClipDataset(rows, processor, training=True, rotation_degrees=40, cache=True)
    plain = ClipDataset(rows, processor, training=True, cache=True)
    ours, theirs = turning[0]["pixel_values_videos"], plain[0]["pixel_values_videos"]
    opened = (ours == 0).all(dim=1)
    assert opened.any() and (opened == opened[0]).all()
    assert not torch.equal(ours, theirs)
    quiet = ClipDataset(rows, processor, rotation_degrees=40)
    assert torch.equal(quiet[0]["pixel_values_videos"], ClipDataset(rows, processor)[0]["pixel_values_videos"])


def test_collate_pads_and_masks_shorter_clips(rows: datasets.Dataset, processor: EmoCLIPVideoProcessor) -> None:
    """Stills and videos share a batch; the filling must not count."""
    dataset = ClipDataset(rows, processor)
    batch = collate_clips([dataset[index] for index in (0, 2, 3)])
    assert batch["pixel_values_videos"].shape == (2, 5, 3, 20, 20)
    assert batch["frame_mask"].tolist() == [[True] * 5, [True, False, False, False, False]]
    assert batch["index"].tolist() == [0, 2]
    assert list(batch["errors"]) == [3]
    assert "index" not in collate_clips([dataset[3]])


def test_generator_differs_by_each_of_its_arguments() -> None:
    """Neighbouring clips with related draws would all start their windows together."""
    draws = {
        arguments: int(torch.randint(2**40, (), generator=clip_generator(*arguments)))
        for arguments in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)]
    }
    assert len(set(draws.values())) == len(draws)
    again = int(torch.randint(2**40, (), generator=clip_generator(1, 1, 1)))
    assert again == draws[(1, 1, 1)]


def test_workers_that_stay_see_the_next_epoch(rows: datasets.Dataset, processor: EmoCLIPVideoProcessor) -> None:
    """They are copies: a plain attribute would give them the windows of the first epoch for ever."""
    clips = ClipDataset(rows.select([0]), processor, training=True, horizontal_flip=True)
    loader = DataLoader(clips, num_workers=1, persistent_workers=True, collate_fn=collate_clips)
    for epoch in (0, 1, 2, 3):
        clips.set_epoch(epoch)
        (batch,) = loader
        assert torch.equal(batch["pixel_values_videos"][0], clips[0]["pixel_values_videos"]), epoch
