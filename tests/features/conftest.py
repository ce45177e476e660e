# SPDX-License-Identifier: Apache-2.0
"""Clips of every kind, and a model that embeds their frames in no time."""

from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
import torch
from PIL import Image

from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel, EmoCLIPVideoProcessor


@pytest.fixture
def processor() -> EmoCLIPVideoProcessor:
    """Five frames, every third, 20 pixels."""
    return EmoCLIPVideoProcessor(
        num_frames=5, frame_stride=3, size={"shortest_edge": 20}, crop_size={"height": 20, "width": 20}
    )


@pytest.fixture
def make_model() -> Callable[..., EmoCLIPModel]:
    """Returns a function that makes a model of random weights, the same for the same seed."""

    def make(seed: int = 0, **changes) -> EmoCLIPModel:
        torch.manual_seed(seed)
        vision = {
            "hidden_size": 14,
            "intermediate_size": 19,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 20,
            "patch_size": 5,
        }
        text = {"hidden_size": 12, "intermediate_size": 17, "num_hidden_layers": 1, "num_attention_heads": 3}
        temporal = {"num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 7, "intermediate_size": 13}
        config = EmoCLIPConfig(
            projection_dim=10, vision_config=vision, text_config=text, temporal_config=temporal, **changes
        )
        return EmoCLIPModel(config).eval()

    return make


@pytest.fixture
def files(make_clip: Callable[..., Path], tmp_path: Path) -> list[Path]:
    """A long clip, a short one, a folder of frames, a still, and a file that is no video."""
    folder, still, broken = tmp_path / "frames", tmp_path / "still.png", tmp_path / "broken.mp4"
    folder.mkdir()
    for number in range(8):
        Image.new("RGB", (31, 23), (25 * number, 30, 200 - 20 * number)).save(folder / f"{number}.png")
    Image.new("RGB", (31, 23), (200, 30, 10)).save(still)
    broken.write_bytes(b"no video")
    return [make_clip(41), make_clip(7, seed=2), folder, still, broken]


@pytest.fixture
def rows(files: list[Path]) -> datasets.Dataset:
    """These clips as a table."""
    kinds = ["video", "video", "frames", "image", "video"]
    return datasets.Dataset.from_dict({"file": [str(path) for path in files], "media": kinds})
