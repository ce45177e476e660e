# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.synthetic.action_units import COURSES
from emoclip.synthetic.courses import course_values, wave


@pytest.mark.parametrize("course", COURSES)
def test_every_course_covers_all_heights_evenly(course):
    """A course with another distribution of heights could be guessed from one frame."""
    grid = (np.arange(3 * 2000) + 0.5) / (3 * 2000)
    np.testing.assert_allclose(np.sort(wave(course, grid)), grid, atol=1.5 / 2000)


@pytest.mark.parametrize("course", COURSES)
def test_clip_wraps_without_a_seam(course):
    """A circular training window would show a jump that belongs to no course."""
    values = course_values(course, 0.37, 64)
    shifted = course_values(course, 0.37 + 5 / 64, 64)
    np.testing.assert_allclose(np.roll(values, -5), shifted, atol=1e-9)


def test_shapes_of_the_four_courses():
    """Swapped courses would teach the words the wrong way round."""
    grid = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(wave("rising", grid), [0.1, 0.5, 0.9])
    np.testing.assert_allclose(wave("falling", grid), [0.9, 0.5, 0.1])
    np.testing.assert_allclose(wave("swell", grid), [0.2, 1.0, 0.2])
    peaks = wave("repeated", np.arange(600) / 600)
    assert np.sum((peaks[1:-1] > peaks[:-2]) & (peaks[1:-1] >= peaks[2:])) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sudden", 0.0, 8), "must be rising, falling, swell or repeated, got 'sudden'"),
        (("swell", 0.0, 0), "at least 1, got 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    """Wrong arguments must not give a silent constant course."""
    with pytest.raises(ValueError, match=message):
        course_values(*arguments)
