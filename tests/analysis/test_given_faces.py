# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import emoclip
from emoclip.analysis.frames import Frame
from emoclip.analysis.given_faces import GivenBoxes, GivenPeople, boxes_of, check_boxes, read_boxes


BOX, OTHER = [10, 20, 30, 50], [40, 20, 60, 50]


def frame(number, seconds=None):
    return Frame(number, number / 25 if seconds is None else seconds, torch.zeros(3, 60, 80, dtype=torch.uint8))


def at(boxes, number, **options):
    return read_boxes(boxes).at(frame(number, **options), 25.0)


def test_one_box_is_everybodys_in_all_frames():
    """A camera on a tripod needs one box, not ten thousand."""
    assert at(BOX, 0) == at(BOX, 731) == [(1, (10.0, 20.0, 30.0, 50.0), True)]


def test_a_list_has_an_entry_for_each_frame():
    """Places in a frame's list are the people."""
    boxes = [[BOX, OTHER], BOX, None, [None, OTHER]]
    assert [[person for person, _, _ in at(boxes, number)] for number in (0, 1, 3)] == [[1, 2], [1, 2], [2]]
    # Between two boxes of somebody the frame has one between them.
    assert at(boxes, 1)[1] == (2, (40.0, 20.0, 60.0, 50.0), False)
    assert at(boxes, 9) == []


def test_tables_by_frame_and_by_time(tmp_path):
    """What other tools write."""
    table = pd.DataFrame({"frame": [10, 0], "x1": [20, 10], "y1": 20, "x2": [40, 30], "y2": 50, "person": 3})
    table.to_csv(tmp_path / "b.csv", index=False)
    assert at(tmp_path / "b.csv", 10) == [(3, (20.0, 20.0, 40.0, 50.0), True)]
    assert at(tmp_path / "b.csv", 5) == [(3, (15.0, 20.0, 35.0, 50.0), False)]
    timed = table.rename(columns={"frame": "time"}).assign(time=[0.4, 0.0])
    assert at(timed, 10) == [(3, (20.0, 20.0, 40.0, 50.0), True)]
    # Far apart, nobody knows where the face was meanwhile.
    far = table.assign(frame=[100, 0])
    assert at(far, 50) == []


def test_places_are_searched_and_not_walked():
    """An hour of boxes for every frame took minutes a person, and each further hour more than the last."""

    class Places(list):
        def __iter__(self):
            raise AssertionError("walked")

    known = GivenBoxes("frame", {1: (Places([0.0, 2.0, 90.0]), [tuple(BOX), tuple(OTHER), tuple(BOX)])})
    assert known.at(frame(1), 25.0) == [(1, (25.0, 20.0, 45.0, 50.0), False)]
    assert known.at(frame(90), 25.0) == [(1, tuple(BOX), True)]
    assert known.at(frame(60), 25.0) == []


def test_people_of_given_boxes_are_looked_at():
    """The same form as from a detector, with quality."""
    seen = list(GivenPeople(read_boxes([BOX, BOX]), 25.0).sights([frame(0), frame(1)]))
    assert [[sight.person for sight in sights] for _, _, sights in seen] == [[1], [1]]
    assert seen[0][2][0].look.size == 30
    assert seen[0][2][0].look.sharpness == 0


def table_of(*rows):
    return pd.DataFrame([{**dict(zip(("x1", "y1", "x2", "y2"), BOX, strict=True)), **row} for row in rows])


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([], "must be a file, a table, a box or a list"),
        ([None, None], "at least one box"),
        ([[30, 20, 10, 50]], "x1 < x2"),
        ([[[1, 2, 3]]], "four numbers"),
        (pd.DataFrame({"frame": [0], "x1": [1]}), "with the columns x1, y1, x2, y2"),
        (pd.DataFrame([dict(zip(("x1", "y1", "x2", "y2"), BOX, strict=True))] * 2), "add the column frame"),
        (table_of({"person": 0}), "a whole number from 1"),
        (table_of({"person": 1.5}), "a whole number from 1, got 1.5"),
        (table_of({"person": "anna"}), "`person` of `boxes` must be a number in every row, got 'anna'"),
        (table_of({"frame": 0}, {"frame": None}), "`frame` of `boxes` must be a number in every row"),
        (table_of({"frame": 0, "x1": "left"}), "`x1` of `boxes` must be a number in every row, got 'left'"),
        (table_of({"frame": 3}, {"frame": 3, "x1": 11}), "several of person 1 in frame 3; add the column person"),
    ],
)
def test_bad_boxes_are_told(boxes, message):
    """Before the first frame is decoded."""
    with pytest.raises(ValueError, match=message):
        read_boxes(boxes)


def test_boxes_outside_the_picture_show_nobody(tiny_model_folder):
    """Made on the film in full size, used on a small copy: the border of the picture was scored as a sharp face."""
    film = np.random.default_rng(2).integers(0, 255, size=(9, 26, 34, 3), dtype=np.uint8)
    boxes = [[[4, 4, 24, 24], [300, 200, 400, 300], [24, 4, 46, 24]]] * 9
    found = emoclip.analyze(film, "a,b", tiny_model_folder, boxes=boxes)
    assert "were passed over, 3 in ndarray" in found.notes[0]
    assert "of 34 x 26" in found.notes[0]
    # Who is in the picture by less than half is kept, so that a film can hide that part, and marked.
    marks = found.timeline.drop_duplicates("person").set_index("person")["mark"]
    assert set(found.people["person"]) == set(marks.index) == {1, 3}
    assert "rarely found" not in marks[1]
    assert "rarely found" in marks[3]
    alone = emoclip.analyze(film, "a,b", tiny_model_folder, boxes=[300, 200, 400, 300])
    assert alone.timeline["mark"].unique().tolist() == ["no face"]


def test_a_row_that_stands_twice_is_one_box():
    """Tables that overlap are put together so."""
    assert read_boxes(table_of({"frame": 3}, {"frame": 3})).boxes == {1: ([3.0], [tuple(BOX)])}


def test_files_that_cannot_be_read_are_told(tmp_path):
    """A wrong path is not an empty table."""
    with pytest.raises(FileNotFoundError, match="must name a file"):
        read_boxes(tmp_path / "b.csv")
    (tmp_path / "b.xlsx").touch()
    with pytest.raises(ValueError, match=r"must end in \.csv"):
        read_boxes(tmp_path / "b.xlsx")


def test_a_face_between_two_given_boxes_is_not_rarely_found():
    """Boxes of every 25th frame are what people have; all their windows were marked as not to be trusted."""
    table = pd.DataFrame(
        [{"frame": number, **dict(zip(("x1", "y1", "x2", "y2"), BOX, strict=True))} for number in (0, 25)]
    )
    seen = list(GivenPeople(read_boxes(table), 25.0).sights([frame(number) for number in (0, 9, 25)]))
    assert [sights[0].look.found for _, _, sights in seen] == [True] * 3


def test_a_column_of_videos_selects_by_path_or_by_name(tmp_path):
    """The boxes of one film laid over another look like a result."""
    table = pd.DataFrame({"video": ["a.mp4", f"{tmp_path}/b.mp4"], "x1": [10, 40], "y1": 20, "x2": [30, 60], "y2": 50})
    first, second = f"{tmp_path}/films/a.mp4", f"{tmp_path}/./b.mp4"
    given = check_boxes(table, [first, second])
    assert boxes_of(given, first).at(frame(0), 25.0)[0][1] == (10.0, 20.0, 30.0, 50.0)
    assert boxes_of(given, second).at(frame(0), 25.0)[0][1] == (40.0, 20.0, 60.0, 50.0)


def test_paths_of_the_column_are_looked_up_once_for_all_videos(monkeypatch, tmp_path):
    """Each video looked up every row's, so that a thousand asked the file system a million times."""
    names = [f"{tmp_path}/films/{number}.mp4" for number in range(7)]
    table = pd.DataFrame({"video": names, "x1": 10, "y1": 20, "x2": 30, "y2": 50})
    asked, resolve = [], Path.resolve
    monkeypatch.setattr(Path, "resolve", lambda path: asked.append(path) or resolve(path))
    given = check_boxes(table, [name.replace("films", "films/../films") for name in names])
    assert given.key_of(f"{tmp_path}/./films/3.mp4") == names[3]
    assert len(asked) == 7 + 7 + 1


def test_a_path_goes_before_a_name_and_two_of_a_name_are_told(tmp_path):
    table = pd.DataFrame({"video": [f"{tmp_path}/x/a.mp4", "y/a.mp4"], "x1": 10, "y1": 20, "x2": 30, "y2": 50})
    given = read_boxes(table)
    assert given.key_of(f"{tmp_path}/./x/a.mp4") == f"{tmp_path}/x/a.mp4"
    with pytest.raises(ValueError, match=r"2 of .* are 'z/a.mp4'"):
        given.key_of("z/a.mp4")


@pytest.mark.parametrize(
    ("table", "videos", "message"),
    [
        ({"x1": [1]}, ["a.mp4", "b.mp4"], "without the column video belong to one video, got 2 videos"),
        ({"x1": [1], "video": ["a.mp4"]}, ["c.mp4"], "none of 'a.mp4' is 'c.mp4'"),
        ({"x1": [1], "video": ["a.mp4"]}, ["x/a.mp4", "y/a.mp4"], "'x/a.mp4' as well as 'y/a.mp4'"),
        ({"x1": [1, 1], "video": ["a.mp4", None]}, ["a.mp4"], "must name one in every row"),
    ],
)
def test_boxes_that_could_be_another_videos_are_refused(table, videos, message):
    with pytest.raises(ValueError, match=message):
        check_boxes(pd.DataFrame({**table, "y1": 1, "x2": 3, "y2": 3}), videos)
