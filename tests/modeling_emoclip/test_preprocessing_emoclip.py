# SPDX-License-Identifier: Apache-2.0
"""Preparation of frames for the released weights against slow plain formulations of the originals."""

import numpy as np
import pytest
import torch
from PIL import Image

from modeling_emoclip import EmoCLIPConfig, EmoCLIPVideoProcessor
from modeling_emoclip.preprocessing_emoclip import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    OPENAI_CLIP_MEAN,
    OPENAI_CLIP_STD,
    preprocessing_preset,
)


SIDES = [(72, 128), (97, 61), (256, 256), (300, 226)]


@pytest.fixture(params=SIDES, ids=lambda sides: f"{sides[0]}x{sides[1]}")
def frames(request) -> torch.Tensor:
    """Smooth frames with edges, as pictures have, uint8 (3, 3, height, width)."""
    height, width = request.param
    y, x = np.mgrid[:height, :width]
    waves = [127 + 127 * np.sign(np.sin(x / (9 + s))) * np.cos(y / (7 + s)) for s in range(9)]
    return torch.from_numpy(np.stack(waves).reshape(3, 3, height, width).astype(np.uint8))


def colours(values: list[float]) -> torch.Tensor:
    return torch.tensor(values)[:, None, None]


def middle(frames: torch.Tensor, side: int) -> torch.Tensor:
    top, left = (round((length - side) / 2) for length in frames.shape[-2:])
    return frames[..., top : top + side, left : left + side]


def with_pillow(frames: torch.Tensor, sides: tuple[int, int], resample: Image.Resampling) -> torch.Tensor:
    resized = []
    for frame in frames.permute(0, 2, 3, 1).numpy():
        resized.append(np.array(Image.fromarray(frame).resize(sides[::-1], resample)))
    return torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).float()


def test_emoclip_equals_normalising_resizing_and_cropping_floats(frames):
    """The original normalises first, resizes without antialias and never clamps; its scores hang on all three."""
    values = (frames.float() / 255 - colours(OPENAI_CLIP_MEAN)) / colours(OPENAI_CLIP_STD)
    height, width = frames.shape[-2:]
    sides = (224 * height // min(height, width), 224 * width // min(height, width))
    resized = torch.nn.functional.interpolate(values, size=sides, mode="bicubic", align_corners=False)
    ours = EmoCLIPVideoProcessor(**preprocessing_preset("emoclip")).transform_frames(frames)
    torch.testing.assert_close(ours, middle(resized, 224), rtol=0, atol=1e-4)


def test_emotionclip_equals_pillow_within_one_grey_level(frames):
    """Short side 256 by Pillow, the middle 224, ImageNet's colours."""
    height, width = frames.shape[-2:]
    sides = (256 * height // min(height, width), 256 * width // min(height, width))
    expected = middle(with_pillow(frames, sides, Image.Resampling.BICUBIC), 224)
    ours = EmoCLIPVideoProcessor(**preprocessing_preset("emotionclip")).transform_frames(frames)
    grey = (ours * colours(IMAGENET_STD) + colours(IMAGENET_MEAN)) * 255
    assert (grey - expected).abs().max() <= 1.001


def test_expclip_equals_pillow_within_one_grey_level(frames):
    """Squashed to a square, in [0, 1], not normalised: CLIP's mean would ruin the released heads."""
    expected = with_pillow(frames, (224, 224), Image.Resampling.BILINEAR)
    ours = EmoCLIPVideoProcessor(**preprocessing_preset("expclip")).transform_frames(frames)
    assert ours.shape == (3, 3, 224, 224)
    assert (ours * 255 - expected).abs().max() <= 1.001
    assert ours.min() >= 0 and ours.max() <= 1


@pytest.mark.parametrize(("method", "num_frames"), [("emoclip", 32), ("emotionclip", 8), ("expclip", 16)])
def test_configuration_brings_the_processor_of_its_method(method, num_frames):
    """One call from the name of the paper to pixels."""
    config = getattr(EmoCLIPConfig, method)()
    processor = EmoCLIPVideoProcessor.from_config(config)
    assert processor.num_frames == num_frames
    side = config.vision_config.image_size
    assert processor(np.zeros((3, 40, 52, 3), np.uint8))["pixel_values_videos"].shape == (1, num_frames, 3, side, side)


def test_sizes_follow_the_image_tower():
    """EmotionCLIP keeps its margin of 256 to 224 at other sizes."""
    assert preprocessing_preset("emotionclip", 112)["size"] == {"shortest_edge": 128}
    assert preprocessing_preset("expclip", 32)["size"] == {"height": 32, "width": 32}
    assert preprocessing_preset("emoclip", 336)["crop_size"] == {"height": 336, "width": 336}


def test_presets_are_copies():
    """A list changed in one configuration must not change the next."""
    preprocessing_preset("emoclip")["image_mean"][0] = 9.0
    assert preprocessing_preset("emoclip")["image_mean"] == OPENAI_CLIP_MEAN


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("clip",), "must be one of emoclip, emotionclip, expclip, got 'clip'"), (("emoclip", 0), "at least 1, got 0")],
)
def test_unknown_presets_are_refused(arguments, message):
    """The message says what there is."""
    with pytest.raises(ValueError, match=message):
        preprocessing_preset(*arguments)
