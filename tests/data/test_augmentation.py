# SPDX-License-Identifier: Apache-2.0
"""Rotation against known turns and a slow plain formulation."""

import math

import pytest
import torch

from emoclip.data.augmentation import draw_angle, rotate_clip


def test_quarter_turns_are_exact() -> None:
    """Counter-clockwise: the right edge goes up."""
    frames = torch.arange(2 * 3 * 5 * 5.0).view(2, 3, 5, 5)
    torch.testing.assert_close(rotate_clip(frames, 90), frames.rot90(1, dims=(2, 3)))
    torch.testing.assert_close(rotate_clip(frames, -180), frames.rot90(2, dims=(2, 3)))
    assert rotate_clip(frames, 0) is frames


@pytest.mark.parametrize("degrees", [6.0, -3.7, 41.0])
def test_equals_the_pixel_that_comes_to_lie_there(degrees: float) -> None:
    """Frames that are not square are where the ratio of the sides goes wrong."""
    height, width = 7, 12
    frames = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(0)) + 1
    expected = torch.zeros_like(frames)
    angle = math.radians(degrees)
    for row in range(height):
        for column in range(width):
            x, y = column - (width - 1) / 2, row - (height - 1) / 2
            # Rows count downwards, so that turning back is a turn by the angle.
            from_x = math.cos(angle) * x - math.sin(angle) * y + (width - 1) / 2
            from_y = math.sin(angle) * x + math.cos(angle) * y + (height - 1) / 2
            if -0.5 < from_x < width - 0.5 and -0.5 < from_y < height - 0.5:
                expected[0, 0, row, column] = frames[0, 0, round(from_y), round(from_x)]
    torch.testing.assert_close(rotate_clip(frames, degrees), expected)


def test_angles_are_drawn_evenly_from_both_sides() -> None:
    """A one-sided rotation teaches that heads lean to one side."""
    generator = torch.Generator().manual_seed(0)
    angles = torch.tensor([draw_angle(6, generator) for _ in range(2000)])
    assert angles.abs().max() <= 6
    assert angles.mean().abs() < 0.3
    assert angles.std().item() == pytest.approx(6 / 3**0.5, rel=0.05)
