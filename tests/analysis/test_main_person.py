# SPDX-License-Identifier: Apache-2.0
"""`faces="largest"` is one person of the video, not whoever has the largest face in a frame."""

import numpy as np
import pandas as pd
import pytest

import emoclip
from emoclip.analysis import load_model
from emoclip.analysis.main_person import LiveChoice, main_person
from emoclip.analysis.outputs.film import FilmStyle
from emoclip.analysis.people import Sight
from emoclip.analysis.picture import FaceLook


SMALL, MIDDLE, LARGE = (0.0, 0.0, 9.0, 10.0), (0.0, 0.0, 13.0, 14.0), (0.0, 0.0, 20.0, 21.0)


@pytest.fixture(scope="module")
def loaded(tiny_model_folder):
    return load_model(tiny_model_folder)


@pytest.fixture
def two_of_similar_size():
    """97 frames of noise; boxes of two people, of which now one's and now the other's is larger, the second's a bit more often."""
    rows = []
    for frame in range(97):
        first, second = (30, 26) if frame % 7 < 3 else (26, 30)
        rows += [{"frame": frame, "person": 1, "x1": 3, "y1": 4, "x2": 3 + first, "y2": 4 + first}]
        if frame < 60:
            rows += [{"frame": frame, "person": 2, "x1": 50, "y1": 40, "x2": 50 + 2 * second, "y2": 40 + 2 * second}]
    video = np.random.default_rng(3).integers(0, 255, size=(97, 120, 160, 3), dtype=np.uint8)
    return video, pd.DataFrame(rows)


def sight(person, box):
    return Sight(person, box, 0.0, FaceLook(1.0, 10.0, 1.0, 1.0, True, False))


def test_area_and_time_in_sight_both_count():
    """By hand: 2 x 90 against 182; a third 90 turns it; equals go to the lower number; nobody is nobody."""
    assert main_person([(1, SMALL), (1, SMALL), (2, MIDDLE)]) == 2
    assert main_person([(1, SMALL)] * 3 + [(2, MIDDLE)]) == 1
    assert main_person([(4, LARGE), (3, LARGE)]) == 3
    assert main_person([]) is None


def test_one_person_is_followed_although_sizes_cross(loaded, two_of_similar_size):
    """A choice in each frame would tear both people into pieces and score the pieces."""
    video, boxes = two_of_similar_size
    alone = emoclip.analyze(video, "a,b", loaded, faces="largest", boxes=boxes)
    both = emoclip.analyze(video, "a,b", loaded, boxes=boxes)
    scored = alone.timeline[alone.timeline["match"].notna()]
    assert set(scored["person"]) == {2}
    expected = both.timeline[both.timeline["person"] == 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(scored.reset_index(drop=True), expected)
    assert any("person 2, whose face is the largest over the video; 1 other left out" in note for note in alone.notes)
    # Nobody who is asked for is in sight at the end, though somebody else is.
    away = alone.timeline[alone.timeline["mark"] == "no face"]
    assert set(away["person"]) == {0}
    assert away["start"].min() == pytest.approx(60 / 25, abs=0.15)
    assert away["end"].max() == pytest.approx(96 / 25, abs=0.15)
    assert alone.rescore("c,d").timeline["person"].tolist() == alone.timeline["person"].tolist()


def test_those_who_are_left_out_are_hidden_all_the_same(loaded, two_of_similar_size, tmp_path):
    """A film with hidden faces must hide the bystander too; a box is drawn around the person who is followed alone."""
    from modeling_emoclip.video_decoding_emoclip import decode_video

    video, boxes = two_of_similar_size
    found = emoclip.analyze(video, "a,b", loaded, faces="largest", boxes=boxes)
    assert set(found.people["person"]) == {1, 2}
    style = FilmStyle(panel=False, blur_faces=True, sound=False, crf=5)
    path = found.save(tmp_path / "film.mp4", video=video, film=style)
    frame = decode_video(path, indices=[50]).frames[0].float()
    bystander, elsewhere = frame[:, 6:28, 5:27], frame[:, 80:118, 2:30]
    # Blocks of one colour have no fine structure, noise has.
    fine = [float((part[:, :, 1:] - part[:, :, :-1]).abs().mean()) for part in (bystander, elsewhere)]
    assert fine[0] < 0.25 * fine[1]


def test_a_live_source_keeps_to_the_one_it_follows():
    """Of a camera nobody knows the end: who was the largest is kept until out of sight for more than a second."""
    choice = LiveChoice()
    assert [one.person for one in choice.of(0.0, [sight(1, MIDDLE), sight(2, SMALL)])] == [1]
    assert [one.person for one in choice.of(0.2, [sight(1, MIDDLE), sight(2, LARGE)])] == [1]
    assert choice.of(1.0, [sight(2, LARGE)]) == []
    assert [one.person for one in choice.of(1.1, [sight(1, SMALL), sight(2, LARGE)])] == [1]
    assert choice.of(2.1, [sight(2, LARGE)]) == []
    assert [one.person for one in choice.of(2.2, [sight(3, SMALL), sight(2, LARGE)])] == [2]
