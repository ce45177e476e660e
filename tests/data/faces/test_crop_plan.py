# SPDX-License-Identifier: Apache-2.0
"""Which frames are cropped, and where."""

import pytest

from emoclip.data.faces.crop_plan import plan_track, plan_whole_frame
from emoclip.data.faces.crop_settings import CropSettings
from emoclip.data.faces.face import Face
from emoclip.data.faces.tracking import Track


def moving(frames: list[int]) -> Track:
    return Track(3, frames, [Face((frame, 20.0, frame + 30.0, 60.0)) for frame in frames])


@pytest.mark.parametrize(
    ("frames", "last_known", "first", "last"),
    [([8, 40], 48, 0, None), ([11, 40], 60, 11, 40), ([10, 40], 50, 0, None), ([40], 40, 40, None)],
)
def test_only_the_stretch_in_which_the_face_is_seen_is_cropped(frames, last_known, first, last) -> None:
    """After a cut to another scene a held box would show its background; a late first finding is no cut."""
    plan = plan_track(moving(frames), last_known, CropSettings(max_gap=10))
    assert (plan.first, plan.last) == (first, last)
    assert plan.covers(first) and not plan.covers(first - 1)
    assert plan.covers(1000) == (last is None)


def test_boxes_are_looked_up_by_frame_and_held_at_the_end() -> None:
    """The last frames of a clip come after the last detection."""
    plan = plan_track(moving([20, 40]), 40, CropSettings(max_gap=2, smooth=1))
    assert plan.box(25) == (25, 20, 55, 60) and plan.box(43) == plan.box(40)
    matrix = plan.matrix(25, 32)
    assert (matrix[:, :2] @ [40, 40] + matrix[:, 2]).tolist() == pytest.approx([16, 16])
    assert matrix[0, 0] == pytest.approx(32 / (40 * 1.6))


def test_whole_frame_is_the_middle_square_without_margin() -> None:
    """Clips without a face are kept as they are on request."""
    plan = plan_whole_frame(30, 50)
    assert plan.box(7) == (10, 0, 40, 30) and plan.margin == 0
