# SPDX-License-Identifier: Apache-2.0
"""Numbers of a single face."""

import pytest

from emoclip.data.faces.face import Face, iou


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ((0.0, 0.0, 10.0, 20.0), 1.0),
        ((5.0, 0.0, 15.0, 20.0), 100 / 300),
        ((10.0, 0.0, 20.0, 20.0), 0.0),
        ((40.0, 50.0, 60.0, 70.0), 0.0),
        ((3.0, 3.0, 3.0, 9.0), 0.0),
    ],
)
def test_overlap_of_boxes(second, expected) -> None:
    """Boxes that only touch, or are empty, must not divide by zero or count as the same face."""
    assert iou((0.0, 0.0, 10.0, 20.0), second) == pytest.approx(expected)


def test_roll_is_positive_where_the_right_eye_is_lower() -> None:
    """A wrong sign would double the tilt instead of removing it."""
    box = (0.0, 0.0, 40.0, 40.0)
    assert Face(box, landmarks=((10.0, 10.0), (20.0, 20.0))).roll == pytest.approx(45)
    assert Face(box, landmarks=((10.0, 20.0), (30.0, 20.0), (1.0, 2.0))).roll == 0
    assert Face(box).roll is None
