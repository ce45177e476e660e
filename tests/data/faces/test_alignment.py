# SPDX-License-Identifier: Apache-2.0
"""Geometry of a crop."""

import math

import numpy as np
import pytest

from emoclip.data.faces.alignment import similarity, square_around, warp


def test_margin_is_a_share_of_the_longer_side_on_every_side() -> None:
    """Half the margin would cut chins off, and sets with different meanings could not be mixed."""
    assert square_around((10.0, 20.0, 40.0, 60.0), 0.3) == ((25.0, 40.0), pytest.approx(64.0))


@pytest.mark.parametrize(
    ("box", "margin", "message"),
    [
        ((5.0, 5.0, 5.0, 9.0), 0.3, "A box must be"),
        ((5.0, 9.0, 8.0, 9.0), 0.3, "A box must be"),
        ((5.0, 5.0, math.nan, 9.0), 0.3, "A box must be"),
        ((5.0, 5.0, math.inf, 9.0), 0.3, "A box must be"),
        ((5.0, 5.0, 8.0, 9.0), -0.1, "`--margin` must be"),
        ((5.0, 5.0, 8.0, 9.0), math.nan, "`--margin` must be"),
    ],
)
def test_impossible_squares_are_refused(box, margin, message) -> None:
    """A square of no or endless size would fail far away, inside of OpenCV."""
    with pytest.raises(ValueError, match=message):
        square_around(box, margin)


def test_eyes_become_level_and_the_square_fills_the_crop() -> None:
    """A similarity only: neither stretched nor mirrored."""
    center, side, roll = np.array([50.0, 40.0]), 20.0, 30.0
    matrix = similarity((50.0, 40.0), side, roll, 60)
    right = center + 5 * np.array([math.cos(math.radians(roll)), math.sin(math.radians(roll))])
    left = 2 * center - right
    moved = [matrix[:, :2] @ point + matrix[:, 2] for point in (left, right, center)]
    np.testing.assert_allclose(moved, [[15, 30], [45, 30], [30, 30]], atol=1e-9)
    assert np.linalg.det(matrix[:, :2]) == pytest.approx(9)


def test_identity_keeps_every_pixel() -> None:
    """A shift by half a pixel would blur every crop."""
    cv2 = pytest.importorskip("cv2")
    frame = np.random.default_rng(1).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    np.testing.assert_array_equal(warp(cv2, frame, similarity((12.0, 12.0), 24, 0, 24), 24), frame)
    np.testing.assert_array_equal(warp(cv2, frame, similarity((9.0, 13.0), 10, 0, 10), 10), frame[8:18, 4:14])


def test_large_faces_do_not_alias_and_outside_is_black() -> None:
    """Fine patterns of a close-up would otherwise turn into moiré that flickers."""
    cv2 = pytest.importorskip("cv2")
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 200
    crop = warp(cv2, stripes, similarity((32.0, 32.0), 64, 0, 16), 16)
    assert crop.shape == (16, 16, 3)
    assert np.abs(crop[2:-2, 2:-2].astype(int) - 100).max() <= 2
    assert warp(cv2, stripes, similarity((0.0, 32.0), 32, 0, 16), 16)[:, :7].max() == 0
