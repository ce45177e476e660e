# SPDX-License-Identifier: Apache-2.0
"""Boxes for all frames, steady and on time."""

import numpy as np
import pytest

from emoclip.data.faces.face import Face
from emoclip.data.faces.smoothing import interpolate, moving_average, steady_boxes, steady_rolls
from emoclip.data.faces.tracking import Track


def test_gaps_are_filled_linearly_and_ends_held() -> None:
    """Extrapolated boxes would run out of the picture."""
    known = np.array([[0.0, 10.0], [8.0, 30.0]])
    filled = interpolate(np.array([2, 6]), known, np.arange(9))
    assert filled[:, 0].tolist() == [0, 0, 0, 2, 4, 6, 8, 8, 8]
    assert filled[:, 1].tolist() == [10, 10, 10, 15, 20, 25, 30, 30, 30]
    with pytest.raises(ValueError, match="At least 1 known frame"):
        interpolate(np.array([]), np.zeros((0, 4)), np.arange(3))


def test_a_steady_motion_is_not_delayed() -> None:
    """An average over the past alone would let the face run ahead of its crop."""
    line = np.arange(13.0)[:, None] * np.array([1.0, -2.0])
    np.testing.assert_allclose(moving_average(line, 5), line)


def test_jitter_shrinks() -> None:
    """Detectors jump by some pixels from frame to frame, which a model would see as motion."""
    noise = np.random.default_rng(3).normal(size=(301, 4))
    assert moving_average(noise, 9).std() < 0.45 * noise.std()
    np.testing.assert_allclose(moving_average(noise, 1), noise, atol=1e-12)
    np.testing.assert_allclose(moving_average(noise, 9)[100], noise[96:105].mean(axis=0))


@pytest.mark.parametrize("window", [0, -3])
def test_empty_window_is_refused(window) -> None:
    """It would divide by zero."""
    with pytest.raises(ValueError, match="at least 1 frame"):
        moving_average(np.zeros((4, 2)), window)


def test_rolls_need_eyes_in_enough_frames() -> None:
    """One pair of nostrils taken for eyes would turn a whole clip."""
    box = (0.0, 0.0, 30.0, 30.0)
    tilted, blind = Face(box, landmarks=((5.0, 10.0), (15.0, 20.0))), Face(box)
    seldom = Track(1, list(range(6)), [tilted] + [blind] * 5)
    often = Track(1, list(range(6)), [blind, tilted] * 3)
    assert steady_rolls(seldom, 0, 7, 3).tolist() == [0] * 8
    np.testing.assert_allclose(steady_rolls(often, 0, 7, 3), 45)
    assert steady_boxes(often, 0, 7, 3).shape == (8, 4)


def test_an_old_angle_is_not_held_for_ever() -> None:
    """A head that leans to the other side, where its eyes are not found, would be turned the wrong way."""
    box = (0.0, 0.0, 30.0, 30.0)
    faces = [Face(box, landmarks=((5.0, 10.0), (15.0, 20.0)))] * 20 + [Face(box)] * 20
    rolls = steady_rolls(Track(1, list(range(40)), faces), 0, 39, 1)
    np.testing.assert_allclose(rolls[:32], 45)
    assert rolls[32:].tolist() == [0] * 8
