# SPDX-License-Identifier: Apache-2.0
"""The parts of a model that become graphs of their own, with example inputs and the axes that may vary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


# Sizes of the example inputs; all differ from one another and from 1, so that the exporter takes none for a constant.
EXAMPLE_CLIPS, EXAMPLE_FRAMES, EXAMPLE_TEXTS, EXAMPLE_TOKENS = 2, 3, 5, 11
# The videos of a call and the texts of a call; a graph needs an upper bound.
MOST_CLIPS, MOST_TEXTS = 4096, 65536
LONGEST_CLIP = 4096


@dataclass(frozen=True)
class Graph:
    """One graph to export.

    Args:
        name: Of the file.
        module: Takes the inputs in order and returns one tensor.
        inputs: Input name -> example.
        axes: Input name -> axis -> name of an axis that may vary.
        output: Name of the output.
    """

    name: str
    module: nn.Module
    inputs: dict[str, torch.Tensor]
    axes: dict[str, dict[int, str]]
    output: str


class _Video(nn.Module):
    """Pixels to clip embeddings."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(
        self, pixel_values_videos: torch.Tensor, frame_mask: torch.Tensor, subject_masks: torch.Tensor | None = None
    ) -> torch.Tensor:
        return self.model.get_video_features(
            pixel_values_videos, frame_mask=frame_mask, subject_masks=subject_masks
        ).pooler_output


class _Frames(nn.Module):
    """Pixels to frame embeddings."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, pixel_values_videos: torch.Tensor, subject_masks: torch.Tensor | None = None) -> torch.Tensor:
        return self.model.get_frame_features(pixel_values_videos, subject_masks=subject_masks)


class _Pooling(nn.Module):
    """Frame embeddings to clip embeddings."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, frame_embeds: torch.Tensor, frame_mask: torch.Tensor) -> torch.Tensor:
        return self.model.get_video_features(frame_embeds=frame_embeds, frame_mask=frame_mask).pooler_output


class _Text(nn.Module):
    """Token ids to text embeddings."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model.get_text_features(input_ids, attention_mask).pooler_output


def video_graph(model: Any) -> Graph:
    """Return the graph from pixels to clip embeddings: any number of clips and of frames up to the model's most."""
    inputs = {"pixel_values_videos": _pixels(model), "frame_mask": _frame_mask(), **_subject(model)}
    return Graph("video", _Video(model), inputs, _clip_axes(inputs), "video_embeds")


def frames_graph(model: Any) -> Graph:
    """Return the graph from pixels to frame embeddings, for windows that share frames."""
    inputs = {"pixel_values_videos": _pixels(model), **_subject(model)}
    return Graph("frames", _Frames(model), inputs, _clip_axes(inputs), "frame_embeds")


def pooling_graph(model: Any) -> Graph:
    """Return the graph from frame embeddings to clip embeddings."""
    width = model.config.projection_dim
    inputs = {"frame_embeds": torch.zeros(EXAMPLE_CLIPS, EXAMPLE_FRAMES, width), "frame_mask": _frame_mask()}
    return Graph("pooling", _Pooling(model), inputs, _clip_axes(inputs), "video_embeds")


def text_graph(model: Any) -> Graph:
    """Return the graph from token ids to text embeddings: any number of texts, any length up to the model's most."""
    text = model.config.text_config
    ids = torch.full((EXAMPLE_TEXTS, EXAMPLE_TOKENS), text.bos_token_id)
    ids[:, -1] = text.eos_token_id
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return Graph("text", _Text(model), inputs, {name: {0: "texts", 1: "tokens"} for name in inputs}, "text_embeds")


def axis_limits(model: Any) -> dict[str, int]:
    """Return the largest size of every axis that may vary."""
    longest = getattr(model.temporal, "max_frames", None) or LONGEST_CLIP
    tokens = model.config.text_config.max_position_embeddings
    return {"clips": MOST_CLIPS, "frames": longest, "texts": MOST_TEXTS, "tokens": tokens}


def _pixels(model: Any) -> torch.Tensor:
    vision = model.config.vision_config
    return torch.zeros(EXAMPLE_CLIPS, EXAMPLE_FRAMES, vision.num_channels, vision.image_size, vision.image_size)


def _frame_mask() -> torch.Tensor:
    return torch.ones(EXAMPLE_CLIPS, EXAMPLE_FRAMES, dtype=torch.bool)


def _subject(model: Any) -> dict[str, torch.Tensor]:
    if model.config.subject_prompting == "none":
        return {}
    side = model.config.vision_config.image_size
    return {"subject_masks": torch.ones(EXAMPLE_CLIPS, EXAMPLE_FRAMES, side, side)}


def _clip_axes(inputs: dict[str, torch.Tensor]) -> dict[str, dict[int, str]]:
    return {name: {0: "clips", 1: "frames"} for name in inputs}


__all__ = ["Graph", "axis_limits", "frames_graph", "pooling_graph", "text_graph", "video_graph"]
