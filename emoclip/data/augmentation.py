# SPDX-License-Identifier: Apache-2.0
"""Augmentations of clips; each changes a clip as a whole, never frame by frame."""

import math

import torch
from torch.nn.functional import affine_grid, grid_sample


def rotate_clip(frames: torch.Tensor, degrees: float) -> torch.Tensor:
    """Rotate normalised frames about their middle, by the nearest pixel; corners that open become 0, the mean colour.

    Source: EmoCLIP `DataLoaders/get_loader.py`, which rotates after normalising by one angle for the clip.

    Args:
        frames: Float (T, C, height, width), normalised.
        degrees: Angle, counter-clockwise as one looks at the picture.
    """
    if degrees == 0:
        return frames
    height, width = frames.shape[-2:]
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    # The grid runs from -1 to 1 on both axes, so that the sides' ratio enters; it says where each pixel comes from.
    back = [[cosine, -sine * height / width, 0.0], [sine * width / height, cosine, 0.0]]
    theta = torch.tensor(back, dtype=frames.dtype, device=frames.device).expand(len(frames), -1, -1)
    grid = affine_grid(theta, list(frames.shape), align_corners=False)
    return grid_sample(frames, grid, mode="nearest", padding_mode="zeros", align_corners=False)


def draw_angle(limit: float, generator: torch.Generator) -> float:
    """Return an angle, in degrees, drawn evenly from `[-limit, limit]`."""
    return float(torch.empty(()).uniform_(-limit, limit, generator=generator))


__all__ = ["draw_angle", "rotate_clip"]
