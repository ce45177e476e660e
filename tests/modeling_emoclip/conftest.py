# SPDX-License-Identifier: Apache-2.0
"""Real video files, written in the test: every frame can be told by its grey level, every corner by its colour; tiny models."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
import torch

from modeling_emoclip import EmoCLIPConfig


FIRST_LEVEL, LEVEL_STEP, NUM_LEVELS = 20, 10, 22
# Time units a second, so that any time of a test is a whole number of them.
CLOCK = 1000


def numbered_frame(number: int, size: tuple[int, int]) -> np.ndarray:
    """Return an RGB frame whose grey level tells its number."""
    width, height = size
    return np.full((height, width, 3), FIRST_LEVEL + LEVEL_STEP * (number % NUM_LEVELS), dtype=np.uint8)


def noisy_frame(number: int, size: tuple[int, int]) -> np.ndarray:
    """Return an RGB frame with detail that moves, so that packets are large and depend on one another."""
    width, height = size
    blocks = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return np.roll(blocks.repeat(8, 0).repeat(8, 1), number, axis=1)


def corner_frame(number: int, size: tuple[int, int]) -> np.ndarray:
    """Return an RGB frame: top left red, top right green, bottom left blue, bottom right white."""
    width, height = size
    frame = np.full((height, width, 3), 255, dtype=np.uint8)
    frame[: height // 2, : width // 2] = (255, 0, 0)
    frame[: height // 2, width // 2 :] = (0, 255, 0)
    frame[height // 2 :, : width // 2] = (0, 0, 255)
    return frame


@pytest.fixture
def write_video() -> Callable[..., Any]:
    """Return a function that writes a video file with PyAV and gives back its path."""

    def write(
        target,
        *,
        codec="libx264",
        num_frames=20,
        size=(64, 48),
        pixel_format="yuv420p",
        draw=numbered_frame,
        times=None,
        group=12,
        rotation=0,
        horizontal_flip=False,
        options=None,
        container_options=None,
        container_format=None,
    ):
        name = target if hasattr(target, "write") else str(target)
        with av.open(name, "w", format=container_format, options=container_options or {}) as container:
            stream = container.add_stream(codec, rate=25, options=options or {})
            stream.width, stream.height = size
            stream.pix_fmt = pixel_format
            stream.codec_context.gop_size = group
            if times is not None:
                stream.codec_context.time_base = stream.time_base = Fraction(1, CLOCK)
            if rotation or horizontal_flip:
                stream.set_display_rotation(rotation, hflip=horizontal_flip)
            for number in range(num_frames):
                frame = av.VideoFrame.from_ndarray(draw(number, size), format="rgb24").reformat(format=pixel_format)
                if times is not None:
                    frame.pts, frame.time_base = round(times[number] * CLOCK), Fraction(1, CLOCK)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return target

    return write


@pytest.fixture
def frame_numbers() -> Callable[..., list[int]]:
    """Return a function that reads the numbers back from frames (T, 3, height, width) by `numbered_frame`."""

    def read(frames) -> list[int]:
        levels = frames.float().mean(dim=(1, 2, 3))
        return [round(float(level - FIRST_LEVEL) / LEVEL_STEP) for level in levels]

    return read


@pytest.fixture
def draw_noise() -> Callable[..., np.ndarray]:
    """Give tests the drawing of `noisy_frame`."""
    return noisy_frame


@pytest.fixture
def draw_corners() -> Callable[..., np.ndarray]:
    """Give tests the drawing of `corner_frame`."""
    return corner_frame


TINY_TEXT = {
    "hidden_size": 32,
    "intermediate_size": 37,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 99,
    "max_position_embeddings": 20,
    "bos_token_id": 97,
    "eos_token_id": 98,
    "pad_token_id": 98,
}
TINY_VISION = {
    "hidden_size": 24,
    "intermediate_size": 29,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "image_size": 16,
    "patch_size": 4,
}
TINY_TEMPORAL = {"head_dim": 5, "num_attention_heads": 7, "intermediate_size": 11, "max_position_embeddings": 13}


@pytest.fixture(scope="session")
def tiny_config() -> Callable[..., EmoCLIPConfig]:
    """Return a function that makes a configuration whose sizes all differ, so that a mixed-up axis fails.

    `temporal` holds fields of the temporal part, the other arguments are fields of the configuration.
    """

    def make(temporal: dict | None = None, **fields) -> EmoCLIPConfig:
        parts = {
            "text_config": dict(TINY_TEXT),
            "vision_config": dict(TINY_VISION),
            "temporal_config": {**TINY_TEMPORAL, **(temporal or {})},
        }
        return EmoCLIPConfig(**{"projection_dim": 18, **parts, **fields})

    return make


@pytest.fixture(scope="session")
def tiny_inputs() -> Callable[..., dict[str, torch.Tensor]]:
    """Return a function that makes inputs of the tiny models: 3 clips of 5 frames, texts, and what a method adds."""

    def make(num_texts: int = 3, *, masks: bool = False) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(1)
        input_ids = torch.randint(0, 97, (num_texts, 9), generator=generator)
        input_ids[:, -1] = 98
        inputs = {"pixel_values_videos": torch.randn(3, 5, 3, 16, 16, generator=generator), "input_ids": input_ids}
        if masks:
            corners = torch.rand(3, 5, 16, 16, generator=generator)
            inputs["subject_masks"] = (corners > 0.6).float()
        return inputs

    return make
