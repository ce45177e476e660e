# SPDX-License-Identifier: Apache-2.0
"""Augmentations of clips, and of the masks of the subject that move with them."""

import math

import torch
from torch.nn.functional import affine_grid, grid_sample


def rotate_clip(frames: torch.Tensor, degrees: float) -> torch.Tensor:
    """Rotate normalised frames about their middle, by the nearest pixel; corners that open become 0, the mean colour.

    Source: EmoCLIP `DataLoaders/get_loader.py`, which rotates after normalising by one angle for the clip.

    Args:
        frames: Float (T, C, height, width), normalised; or masks of one channel.
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


def draw_corners(
    count: int, sides: tuple[int, int], crop: tuple[int, int], generator: torch.Generator, *, each_frame: bool
) -> list[tuple[int, int]]:
    """Return top and left of a random crop for every frame, one for all of them unless `each_frame`.

    Source: EmotionCLIP crops every frame of a clip in a place of its own (`src/datasets/youtube.py`).

    Args:
        count: Frames.
        sides: Height and width of the frames.
        crop: Height and width of the crop.
        generator: Source of the randomness.
        each_frame: Draw anew for every frame.

    Raises:
        ValueError: The frames are smaller than the crop.
    """
    if sides[0] < crop[0] or sides[1] < crop[1]:
        raise ValueError(f"Frames must be at least as large as the crop of {crop}, got {sides}; use a larger `size`.")
    draws = count if each_frame else 1
    tops = torch.randint(sides[0] - crop[0] + 1, (draws,), generator=generator).tolist()
    lefts = torch.randint(sides[1] - crop[1] + 1, (draws,), generator=generator).tolist()
    corners = list(zip(tops, lefts, strict=True))
    return corners if each_frame else corners * count


def crop_frames(frames: torch.Tensor, corners: list[tuple[int, int]], crop: tuple[int, int]) -> torch.Tensor:
    """Cut a piece out of every frame: (T, ..., height, width) to (T, ..., crop height, crop width), each from its corner."""
    pieces = [
        frame[..., top : top + crop[0], left : left + crop[1]]
        for frame, (top, left) in zip(frames, corners, strict=True)
    ]
    return torch.stack(pieces)


__all__ = ["crop_frames", "draw_angle", "draw_corners", "rotate_clip"]
