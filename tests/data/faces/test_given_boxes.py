# SPDX-License-Identifier: Apache-2.0
"""Boxes that a data set ships."""

import math

import pytest

from emoclip.data.faces.face import Face
from emoclip.data.faces.given_boxes import has_boxes, inside, track_of_boxes


def test_frames_without_a_box_are_left_to_interpolation() -> None:
    """BoLD gives an empty box where a person is not seen."""
    track = track_of_boxes([[], [1, 2, 5, 9], None, [2, 2, 6, 9]])
    assert track.frames == [1, 3] and track.faces[1].box == (2, 2, 6, 9)
    assert not has_boxes([[], None]) and not has_boxes(None)


@pytest.mark.parametrize("box", [[1, 2, 3], [5, 2, 1, 9], [1, 2, math.nan, 9], [1, 2, 1, 9]])
def test_bad_boxes_are_named(box) -> None:
    """Width and height in place of x2 and y2 is a usual mistake."""
    with pytest.raises(ValueError, match=r"A box must be x1, y1, x2, y2.*frame 1"):
        track_of_boxes([[0, 0, 9, 9], box])


def test_only_faces_of_the_person_count() -> None:
    """Two persons of one clip are two rows; both would get the larger one's face."""
    left, right = Face((10, 10, 20, 20)), Face((110, 10, 120, 20))
    boxes = [[0, 0, 60, 90], [], [100, 0, 160, 90]]
    assert [inside([left, right], boxes, frame) for frame in range(4)] == [[left], [], [right], []]
    assert inside([left, right], boxes[:1], 7) == [left]
    assert inside([left, right], [], 0) == [left, right]
