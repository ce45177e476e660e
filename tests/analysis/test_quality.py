# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from emoclip.analysis.picture import Embedded, FaceLook
from emoclip.analysis.quality import face_look, frontality, sharpness
from emoclip.analysis.sequences import Window
from emoclip.analysis.window_facts import no_face_facts, window_facts
from emoclip.data.faces.face import Face


FACE = Face((0, 0, 96, 96))


def test_blur_lowers_sharpness_step_by_step(make_film):
    """The measure must order pictures of one face as an eye does, whatever their light."""
    from emoclip.synthetic.face import FaceRenderer
    from emoclip.synthetic.samples import make_clip

    picture = FaceRenderer(make_clip(0, "test", 0).look).draw({})
    values = [sharpness(cv2, cv2.GaussianBlur(picture, (0, 0), sigma), FACE) for sigma in (0.1, 1.5, 3, 6)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.3 * values[0]
    dark = (picture * 0.5).astype(np.uint8)
    assert sharpness(cv2, dark, FACE) == pytest.approx(values[0], abs=0.1)
    assert sharpness(cv2, np.full((96, 96, 3), 7, np.uint8), FACE) == 0
    assert sharpness(cv2, picture, Face((200, 200, 260, 260))) == 0


def test_the_nose_tells_a_profile():
    """Between the eyes in a face that looks at the camera, at or beyond one of them in a profile."""
    eyes = ((30.0, 40.0), (60.0, 40.0))
    assert frontality(Face((0, 0, 90, 90), landmarks=(*eyes, (45.0, 60.0)))) == pytest.approx(1)
    assert frontality(Face((0, 0, 90, 90), landmarks=(*eyes, (60.0, 60.0)))) == pytest.approx(0)
    assert frontality(Face((0, 0, 90, 90), frontality=0.2)) == 0.2


def test_small_faces_have_little_quality(make_film):
    """A face of 20 pixels holds no expression."""
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    look = face_look(cv2, noise, Face((0, 0, 20, 16)))
    assert look.size == 20
    assert look.quality <= 0.25


def window(look, numbers=(0, 4, 8), num_found=3):
    members = [(number / 25, Embedded(None, number, look)) for number in numbers]
    return Window(2, members, range(len(members)), [True] * len(members), num_found)


def test_windows_are_marked_with_every_reason():
    """Never silently scored: the mark says what is wrong, the columns by how much."""
    good = window_facts(window(FaceLook(0.9, 120, 0.9, 1.0)), step=4)
    assert good["mark"] == ""
    assert (good["person"], good["start"], good["end"]) == (2, 0.0, 8 / 25)
    assert good["quality"] == pytest.approx(0.9)
    bad = window_facts(window(FaceLook(0.1, 20, 0.1, 0.2, by_colour=True), num_found=1), step=4)
    assert bad["mark"] == "small face; blurred; profile; rarely found; person told by colours"
    assert bad["coverage"] == pytest.approx(1 / 3)


def test_stretches_without_a_face_are_nobodys():
    """Marked, and of no quality."""
    facts = no_face_facts(1.0, 2.5)
    assert (facts["person"], facts["quality"], facts["mark"]) == (0, 0.0, "no face")
