# SPDX-License-Identifier: Apache-2.0
"""Augmentation of one clip: pixels and masks move together, and only by the generator."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from emoclip.data.clip_transform import ClipTransform
from emoclip.data.clips import ClipDataset, clip_generator, collate_clips
from modeling_emoclip import EmoCLIPVideoProcessor
from modeling_emoclip.preprocessing_emoclip import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD, PREPROCESSING_PRESETS


def processor(**fields: object) -> EmoCLIPVideoProcessor:
    values = {"num_frames": 3, "frame_sampling": "uniform", "size": 24, "crop_size": 16, "do_normalize": False}
    return EmoCLIPVideoProcessor(**{**values, **fields})


@pytest.fixture
def marked(tmp_path: Path) -> dict:
    """A clip of three frames of 24 x 24 with a white square whose place is also given by boxes."""
    folder = tmp_path / "clip"
    folder.mkdir()
    for number in range(3):
        frame = np.zeros((24, 24, 3), np.uint8)
        frame[10:14, 8 + number : 12 + number] = 255
        Image.fromarray(frame).save(folder / f"{number}.png")
    boxes = [[8.0 + number, 10.0, 12.0 + number, 14.0] for number in range(3)]
    return {"file": str(folder), "media": "frames", "boxes": boxes}


@pytest.mark.parametrize("random_crop", ["none", "clip", "frame"])
def test_mask_lies_on_the_subject_after_every_augmentation(marked: dict, random_crop: str) -> None:
    """A mask that stays while the pixels move points the subject token at the background."""
    transform = ClipTransform(
        processor(),
        training=True,
        horizontal_flip=True,
        rotation_degrees=90.0,
        random_crop=random_crop,
        subject_masks=True,
    )
    for seed in range(8):
        item = transform(marked, clip_generator(seed, 0, 0))
        assert item["subject_masks"].shape == (3, 16, 16)
        white = item["pixel_values_videos"][:, 0] > 0.5
        assert torch.equal(white, item["subject_masks"] > 0.5)
        assert white.any()


def test_training_of_emoclip_is_that_of_the_original(tmp_path: Path) -> None:
    """Every step of the published code, written out plainly: normalise, resize in floats without antialias or clamping, crop the
    middle, turn by the nearest pixel with 0 where nothing is, mirror. Turned before normalising the corners would be black."""
    rng = np.random.default_rng(3)
    pictures = rng.integers(0, 256, (4, 37, 50, 3), dtype=np.uint8)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    maker = EmoCLIPVideoProcessor(
        **{**PREPROCESSING_PRESETS["emoclip"], "num_frames": 4, "frame_stride": 1, "size": 24, "crop_size": 24}
    )
    transform = ClipTransform(maker, training=True, horizontal_flip=True, rotation_degrees=6)
    mirrored = set()
    for seed in range(4):
        found = transform({"file": str(tmp_path), "media": "frames"}, clip_generator(seed, 0, 0))[
            "pixel_values_videos"
        ]
        generator = clip_generator(seed, 0, 0)
        indices, _ = maker.sample_frame_indices(4, training=True, generator=generator)
        degrees = float(torch.empty(()).uniform_(-6, 6, generator=generator))
        mirrored.add(mirror := bool(torch.rand((), generator=generator) < 0.5))
        frames = torch.from_numpy(pictures[indices.numpy()]).permute(0, 3, 1, 2).float() / 255
        mean, std = ((torch.tensor(values)[:, None, None]) for values in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
        frames = torch.nn.functional.interpolate((frames - mean) / std, size=(24, 32), mode="bicubic")[..., 4:28]
        expected = turned(frames, degrees)
        torch.testing.assert_close(found, expected.flip(-1) if mirror else expected, atol=1e-5, rtol=1e-5)
    assert mirrored == {True, False}


def turned(frames: torch.Tensor, degrees: float) -> torch.Tensor:
    """Pixel by pixel."""
    side = frames.shape[-1]
    angle, middle = np.deg2rad(degrees), (side - 1) / 2
    result = torch.zeros_like(frames)
    for row, column in np.ndindex(side, side):
        x, y = column - middle, row - middle
        from_x = round(float(np.cos(angle) * x - np.sin(angle) * y + middle))
        from_y = round(float(np.sin(angle) * x + np.cos(angle) * y + middle))
        if 0 <= from_x < side and 0 <= from_y < side:
            result[..., row, column] = frames[..., from_y, from_x]
    return result


def test_training_of_emotionclip_is_that_of_the_original(tmp_path: Path) -> None:
    """Short side resized as Pillow does, every frame cropped in its own place, ImageNet's mean, no mirror and no angle; distinct
    frames drawn from the whole clip, in their order."""
    rng = np.random.default_rng(4)
    pictures = rng.integers(0, 256, (11, 40, 50, 3), dtype=np.uint8)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / f"{number:02}.png")
    maker = EmoCLIPVideoProcessor(**{**PREPROCESSING_PRESETS["emotionclip"], "size": 32, "crop_size": 28})
    found = ClipTransform(maker, training=True, random_crop="frame")(
        {"file": str(tmp_path), "media": "frames"}, clip_generator(1, 0, 0)
    )["pixel_values_videos"]
    generator = clip_generator(1, 0, 0)
    indices, _ = maker.sample_frame_indices(11, training=True, generator=generator)
    assert len(indices) == 8 == len(set(indices.tolist())) and indices.tolist() == sorted(indices.tolist())
    tops = torch.randint(32 - 28 + 1, (8,), generator=generator).tolist()
    lefts = torch.randint(40 - 28 + 1, (8,), generator=generator).tolist()
    assert len(set(zip(tops, lefts, strict=True))) > 4
    for place, (index, top, left) in enumerate(zip(indices.tolist(), tops, lefts, strict=True)):
        resized = np.asarray(Image.fromarray(pictures[index]).resize((40, 32), Image.Resampling.BICUBIC))
        expected = resized[top : top + 28, left : left + 28] / 255
        expected = (expected - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        # One grey level, where rounding differs.
        np.testing.assert_allclose(found[place].permute(1, 2, 0), expected, atol=1.01 / 255 / 0.224)


def test_frames_are_cropped_each_in_its_own_place_or_all_in_one(marked: dict) -> None:
    """EmotionCLIP's draw for every frame, and the steady one, must not be mistaken for each other."""

    def tops(random_crop: str) -> set[int]:
        transform = ClipTransform(processor(), training=True, random_crop=random_crop)
        frames = transform(marked, clip_generator(2, 0, 0))["pixel_values_videos"][:, 0]
        return {int(frame.amax(dim=1).argmax()) for frame in frames}

    assert len(tops("clip")) == 1
    assert len(tops("frame")) > 1


def test_nothing_is_random_in_evaluation(marked: dict) -> None:
    """Scores would change from run to run."""
    transform = ClipTransform(processor(), horizontal_flip=True, rotation_degrees=20.0, random_crop="frame")
    items = [transform(marked, clip_generator(seed, 0, 0))["pixel_values_videos"] for seed in (0, 1)]
    assert torch.equal(*items)
    assert torch.equal(items[0], processor()(marked["file"])["pixel_values_videos"][0])


def test_frames_without_a_box_have_an_empty_mask(marked: dict) -> None:
    """A person who is not seen in a frame; boxes end before the clip does; nobody is marked at all."""
    transform = ClipTransform(processor(), subject_masks=True)
    boxes = [[8.0, 10.0, 12.0, 14.0], []]
    sums = transform({**marked, "boxes": boxes}, clip_generator(0, 0, 0))["subject_masks"].sum(dim=(1, 2))
    assert sums.tolist() == [16.0, 0.0, 0.0]
    assert transform({**marked, "boxes": None}, clip_generator(0, 0, 0))["subject_masks"].sum() == 0


def test_the_mask_is_on_all_persons_of_a_frame(marked: dict) -> None:
    """Films show several; with the first alone the subject of most frames would be another person."""
    marked["boxes"] = [[8.0, 10.0, 12.0, 14.0, 14.0, 6.0, 17.0, 8.0]] * 3
    mask = ClipTransform(processor(), subject_masks=True)(marked, clip_generator(0, 0, 0))["subject_masks"][0]
    assert mask[6:10, 4:8].all()
    assert mask[2:4, 10:13].all()
    assert mask.sum() == 16 + 6


def test_masks_reach_the_batch_padded_like_the_frames(marked: dict, tmp_path: Path) -> None:
    """A still beside a clip."""
    import datasets

    Image.new("RGB", (24, 24)).save(tmp_path / "still.png")
    still = {"file": str(tmp_path / "still.png"), "media": "image", "boxes": [[0.0, 0.0, 24.0, 24.0]]}
    rows = datasets.Dataset.from_list([marked, still])
    clips = ClipDataset(rows, processor(), subject_masks=True)
    batch = collate_clips([clips[0], clips[1]])
    assert batch["subject_masks"].shape == (2, 3, 16, 16)
    assert batch["subject_masks"][1].sum(dim=(1, 2)).tolist() == [256.0, 0.0, 0.0]


def test_crop_larger_than_the_frames_is_told_per_clip(marked: dict) -> None:
    """One small clip in ten thousand must not stop the run."""
    import datasets

    clips = ClipDataset(
        datasets.Dataset.from_list([marked]),
        processor(do_resize=False, crop_size=32),
        training=True,
        random_crop="clip",
    )
    assert r"at least as large as the crop of (32, 32), got (24, 24)" in clips[0]["error"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ClipTransform(processor(), random_crop="both"), "must be one of none, clip, frame, got 'both'"),
        (lambda: ClipTransform(processor(do_center_crop=False), random_crop="clip"), "needs a processor that crops"),
    ],
)
def test_choices_that_cannot_be_are_refused(make: Callable, message: str) -> None:
    """Before the first clip is decoded."""
    with pytest.raises(ValueError, match=message):
        make()
