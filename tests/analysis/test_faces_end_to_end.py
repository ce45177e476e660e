# SPDX-License-Identifier: Apache-2.0
"""The whole way on rendered films of known boxes and change points, and on what goes wrong with real files."""

import copy
import dataclasses
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

import emoclip
from emoclip.analysis import load_model
from emoclip.analysis.window_set import NO_FACE
from emoclip.synthetic.action_units import EXPRESSIONS
from emoclip.synthetic.face import FaceRenderer
from emoclip.synthetic.samples import make_clip


MEDIA = Path(os.environ.get("EMOCLIP_TEST_MEDIA", "/nowhere"))
needs_media = pytest.mark.skipif(not MEDIA.is_dir(), reason="EMOCLIP_TEST_MEDIA names no folder")
# The face of 160 pixels lies at (80, 10) of a scene of 320 x 180; its head fills this part of the drawn picture.
LEFT, TOP, SIDE = 80, 10, 160
HEAD_BOX = [LEFT + 0.18 * SIDE, TOP + 0.15 * SIDE, LEFT + 0.82 * SIDE, TOP + 0.94 * SIDE]


@pytest.fixture(scope="module")
def loaded():
    return load_model()


def units_of(emotion):
    """Its movements at their height, on both sides of the face where they have sides."""
    return {f"{unit}{side}": 1.0 for unit in EXPRESSIONS[emotion].core for side in ("", "L", "R")}


def drawn_scene(units, identity=55):
    """A frame with a drawn face, (180, 320, 3)."""
    picture = FaceRenderer(make_clip(0, "test", identity).look).draw(units)
    frame = np.full((180, 320, 3), (120, 130, 110), np.uint8)
    frame[TOP : TOP + SIDE, LEFT : LEFT + SIDE] = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return frame


@pytest.fixture(scope="module")
def happy_then_surprised():
    """Three seconds of one expression, three of another, at 25 frames a second."""
    happy, surprised = (units_of(name) for name in ("happiness", "surprise"))
    return np.stack([drawn_scene(happy)] * 75 + [drawn_scene(surprised)] * 75)


@pytest.mark.parametrize("boxes", [None, HEAD_BOX])
def test_a_change_of_expression_is_found_where_it_is(loaded, happy_then_surprised, boxes):
    """The timeline is the product: the right word before the change and the right word after it."""
    found = emoclip.analyze(
        happy_then_surprised, "happiness,surprise", loaded, boxes=boxes, window=0.6, stride=0.4
    )  # fmt: skip
    best = found.timeline.loc[found.timeline.groupby("start")["match"].idxmax()]
    assert set(best.loc[best["end"] < 2.95, "emotion"]) == {"happiness"}
    assert set(best.loc[best["start"] > 3.05, "emotion"]) == {"surprise"}
    assert set(found.timeline["person"]) == {1}


def test_found_boxes_are_where_the_face_was_drawn(loaded, happy_then_surprised):
    """In pixels of the video, whatever the detector shrank it to."""
    found = emoclip.analyze(happy_then_surprised[:50], "happiness,surprise", loaded)
    assert set(found.people["person"]) == {1}
    middle = found.people[["x1", "x2"]].mean().mean(), found.people[["y1", "y2"]].mean().mean()
    assert middle == pytest.approx((LEFT + SIDE / 2, TOP + 0.55 * SIDE), abs=0.08 * SIDE)
    assert found.timeline["quality"].between(0, 1).all()
    assert found.scope == "faces found"


def test_no_face_is_no_error_and_no_score(loaded):
    """A wall has no expression; the row says so."""
    found = emoclip.analyze(np.full((30, 90, 120, 3), 99, np.uint8), "happiness,surprise", loaded)
    assert found.timeline["mark"].tolist() == [NO_FACE] * 2
    assert found.timeline["match"].isna().all()
    assert found.summary.empty
    assert "No face was found" in " ".join(found.notes)
    assert found.rescore("calm").timeline["match"].isna().all()


def test_a_face_that_leaves_leaves_a_marked_stretch(loaded, happy_then_surprised):
    """Before and after it is scored, in between nothing is made up."""
    empty = np.full((75, 180, 320, 3), (120, 130, 110), np.uint8)
    frames = np.concatenate([happy_then_surprised[:50], empty, happy_then_surprised[:50]])
    found = emoclip.analyze(frames, "happiness,surprise", loaded)
    gap = found.timeline[found.timeline["mark"] == NO_FACE]
    assert len(gap) == 2
    assert gap["start"].iloc[0] == pytest.approx(2.0, abs=0.9)
    assert gap["end"].iloc[0] == pytest.approx(5.0, abs=0.9)
    scored = found.timeline[found.timeline["match"].notna()]
    assert not ((scored["start"] < 3) & (scored["end"] > 4)).any()


def test_one_frame_and_many_faces(loaded):
    """A film of one frame; a group photograph of fifty."""
    one = drawn_scene({})
    assert len(emoclip.analyze(one[None], "a,b", loaded, boxes=HEAD_BOX).timeline) == 2
    boxes = [
        [[6.0 * column, 20.0 * row, 6.0 * column + 5, 20.0 * row + 18] for row in range(5) for column in range(10)]
    ]
    found = emoclip.analyze(one, "a,b", loaded, boxes=boxes)
    assert found.timeline["person"].nunique() == 50
    assert (found.timeline["mark"].str.contains("small face")).all()


def test_given_boxes_are_framed_as_those_of_the_detector_that_is_named(loaded):
    """Corrected boxes of Haar are as narrow as Haar's: framed as anybody's, they gave other scores."""
    frames = np.stack([drawn_scene(units_of("happiness"))] * 3)

    def similarity(face_boxes, **options):
        processor = copy.deepcopy(loaded.processor)
        processor.video_processor.face_boxes = face_boxes
        framed = dataclasses.replace(loaded, processor=processor)
        return emoclip.analyze(frames, "a,b", framed, boxes=HEAD_BOX, **options).timeline["similarity"].tolist()

    boxes = {"haar": [0.05, 0.05, 0.95, 0.95], "any": [0.3, 0.3, 0.7, 0.7]}
    assert similarity(boxes, detector="haar") == similarity({"any": boxes["haar"]})
    assert similarity(boxes) == similarity({"any": boxes["any"]}) != similarity(boxes, detector="haar")


def test_low_quality_can_be_left_unscored(loaded, happy_then_surprised):
    """Whoever wants clean numbers says from where on."""
    tiny = [[4.0, 4.0, 12.0, 12.0]] * 30
    found = emoclip.analyze(happy_then_surprised[:30], "a,b", loaded, boxes=tiny, min_quality=0.5)
    assert found.timeline["match"].isna().all()
    assert found.timeline["mark"].str.contains("quality below 0.5, not scored").all()


def test_ctrl_c_keeps_what_there_is(loaded, happy_then_surprised):
    """An hour of work must not be lost to one key; a loop of the user's own must still end."""

    def press(done, expected):
        if done > 15:
            os.kill(os.getpid(), signal.SIGINT)

    options = {"boxes": HEAD_BOX, "mode": "frames", "fps": 25, "progress": press}
    found = emoclip.analyze(happy_then_surprised, "a,b", loaded, keep_partial=True, **options)
    assert found.interrupted
    assert 0 < found.timeline["end"].max() < 5.9
    assert "Stopped by Ctrl-C" in " ".join(found.notes)
    with pytest.raises(KeyboardInterrupt):
        emoclip.analyze(happy_then_surprised, "a,b", loaded, **options)


def test_multi_label_and_other_need_no_second_video(loaded, happy_then_surprised):
    """They are ways to read the same similarities."""
    found = emoclip.analyze(happy_then_surprised[:30], "happiness,surprise", loaded, boxes=HEAD_BOX)
    single = found.rescore("happiness", multi_label=True).timeline
    assert single["match"].between(0, 1).all()
    with_other = found.rescore("happiness,surprise", other=0.99).timeline
    best = with_other.loc[with_other.groupby("start")["match"].idxmax(), "emotion"]
    assert set(best) == {"none of these"}


@needs_media
@pytest.mark.parametrize(("name", "people"), [("single_face.mp4", 1), ("multi_face.jpg", 4), ("no_face.mp4", 0)])
def test_real_clips_show_as_many_people_as_there_are(loaded, name, people):
    """Drawn faces are easy; these are not."""
    found = emoclip.analyze(MEDIA / name, "happiness,sadness", loaded)
    assert found.people["person"].nunique() == people


@needs_media
def test_the_real_film_is_one_person_all_along(loaded):
    """Twenty seconds from sorrow to laughter, with the head in the hands for a while."""
    found = emoclip.analyze(MEDIA / "WolfgangLanger_Pexels.mp4", "sorrow,laughter", loaded)
    assert found.people["person"].value_counts(normalize=True).iloc[0] > 0.9
    assert isinstance(found.summary, pd.DataFrame)
