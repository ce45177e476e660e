# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest

from emoclip.synthetic.face import FaceRenderer
from emoclip.synthetic.identity import HAIR_STYLES, Pose, draw_identity


LOOK = draw_identity(np.random.default_rng(11))


def test_frame_is_rgb_of_the_agreed_size():
    """Encoders and models expect 96 x 96 RGB."""
    frame = FaceRenderer(LOOK).draw({})
    assert frame.shape == (96, 96, 3)
    assert frame.dtype == np.uint8


def test_drawing_is_repeatable_and_keeps_no_state():
    """A frame that depends on the one before would differ between shards."""
    renderer = FaceRenderer(LOOK)
    first = renderer.draw({"AU26": 0.7}, Pose(x=2.0))
    renderer.draw({"AU4": 1.0}, Pose(roll=9.0))
    np.testing.assert_array_equal(first, renderer.draw({"AU26": 0.7}, Pose(x=2.0)))
    np.testing.assert_array_equal(first, FaceRenderer(LOOK).draw({"AU26": 0.7}, Pose(x=2.0)))


def test_skin_is_in_the_middle_and_fills_most_of_the_picture():
    """At 48 x 48 pixels a small face would lose its movements."""
    look = dataclasses.replace(
        LOOK, hair_style="bald", beard=0.0, light_strength=0.0, background=((0, 0, 255), (0, 0, 255))
    )
    frame = FaceRenderer(look).draw({}).astype(int)
    blueness = frame[..., 2] - frame[..., 0]
    assert (blueness < 60).mean() > 0.45


@pytest.mark.parametrize("style", HAIR_STYLES)
@pytest.mark.parametrize(("glasses", "beard"), [(False, 0.0), (True, 0.7)])
def test_every_look_can_be_drawn_and_looks_different(style, glasses, beard):
    """A style that is not drawn would be a bald head without notice."""
    frame = FaceRenderer(dataclasses.replace(LOOK, hair_style=style, glasses=glasses, beard=beard)).draw({})
    plain = FaceRenderer(dataclasses.replace(LOOK, hair_style="bald", glasses=False, beard=0.0)).draw({})
    assert (frame != plain).any() == (style != "bald" or glasses)


@pytest.mark.parametrize(
    "pose", [Pose(x=4), Pose(y=-4), Pose(scale=1.1), Pose(roll=8), Pose(yaw=0.8), Pose(pitch=0.4), Pose(gaze=0.7)]
)
def test_every_part_of_the_pose_shows(pose):
    """A pose parameter without effect would be wasted variety."""
    renderer = FaceRenderer(LOOK)
    assert (renderer.draw({}, pose) != renderer.draw({})).any()


def test_face_frames_are_found_by_a_face_detector():
    """The picture should look like a face, not only to its makers."""
    import cv2

    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    found = 0
    for seed in range(20):
        frame = FaceRenderer(draw_identity(np.random.default_rng(seed))).draw({})
        grey = cv2.copyMakeBorder(
            cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), None, fx=3, fy=3), 40, 40, 40, 40, cv2.BORDER_REPLICATE
        )
        found += len(cascade.detectMultiScale(grey, 1.05, 3, minSize=(90, 90))) > 0
    assert found >= 10
