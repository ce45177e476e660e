# SPDX-License-Identifier: Apache-2.0
"""The same face keeps its id; different faces do not share one."""

import pytest

from emoclip.data.faces.face import Face
from emoclip.data.faces.tracking import FaceTracker, collect_tracks


def face(x: float, y: float = 10, side: float = 20) -> Face:
    return Face((x, y, x + side, y + side))


def test_two_faces_that_move_keep_their_ids_whatever_the_order() -> None:
    """Detectors list faces in any order; ids by position would swap persons from frame to frame."""
    tracker = FaceTracker()
    assert tracker.update(0, [face(0), face(100)]) == [1, 2]
    assert tracker.update(4, [face(97), face(4)]) == [2, 1]
    assert tracker.update(8, [face(8), face(200), face(94)]) == [1, 3, 2]


def test_best_overlap_wins() -> None:
    """With the first overlap instead of the best one, neighbours would exchange ids."""
    tracker = FaceTracker()
    tracker.update(0, [face(0), face(9)])
    assert tracker.update(1, [face(8), face(0)]) == [2, 1]


def test_a_face_that_was_lost_for_a_while_is_the_same() -> None:
    """A hand before the face must not end its track, a scene later on must."""
    tracker = FaceTracker(max_gap=10)
    assert tracker.update(0, [face(0)]) == [1]
    assert tracker.update(5, []) == []
    assert tracker.update(10, [face(1)]) == [1]
    assert tracker.update(21, [face(1)]) == [2]


def test_memory_does_not_grow_with_the_video() -> None:
    """An evening of film would otherwise fill the memory with boxes of faces long gone."""
    tracker = FaceTracker(max_gap=3)
    for frame in range(0, 5000, 5):
        tracker.update(frame, [face(frame), face(0, y=300)])
    assert len(tracker._last) == 2


def test_tracks_are_collected_with_the_frames_looked_at() -> None:
    """Frames without a face count as looked at."""
    found = [(0, [face(0)]), (4, []), (8, [face(2), face(90)])]
    tracks, looked_at = collect_tracks(found, FaceTracker())
    assert looked_at == [0, 4, 8]
    assert [(track.track_id, track.frames) for track in tracks] == [(1, [0, 8]), (2, [8])]


@pytest.mark.parametrize(
    ("options", "message"), [({"max_gap": 0}, "`max_gap` must be at least 1"), ({"min_iou": 1.0}, "`min_iou` must be")]
)
def test_bad_options_are_refused(options, message) -> None:
    """No gap or full overlap would make a new face of every frame."""
    with pytest.raises(ValueError, match=message):
        FaceTracker(**options)
