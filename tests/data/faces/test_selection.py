# SPDX-License-Identifier: Apache-2.0
"""Which of several faces is meant."""

import pytest

from emoclip.data.faces.face import Face
from emoclip.data.faces.selection import count_faces, drop_flickers, select_tracks
from emoclip.data.faces.tracking import Track


def track(track_id: int, frames: range, center: tuple[float, float], side: float) -> Track:
    x, y = center
    box = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return Track(track_id, list(frames), [Face(box)] * len(frames))


SPEAKER = track(1, range(0, 80, 4), (40, 50), 30)
CLOSE_UP = track(2, range(40, 52, 4), (160, 50), 60)
PASSER_BY = track(3, range(0, 40, 4), (105, 55), 12)


@pytest.mark.parametrize(
    ("select", "expected"), [("longest", [1]), ("largest", [2]), ("center", [3]), ("all", [1, 2, 3])]
)
def test_selections_differ(select, expected) -> None:
    """With one rule in place of another a crop set would show the wrong person."""
    chosen = select_tracks([SPEAKER, CLOSE_UP, PASSER_BY], select, (100, 200))
    assert [one.track_id for one in chosen] == expected
    assert select_tracks([], select, (100, 200)) == []


def test_unknown_selection_is_refused() -> None:
    """A misspelt rule must not fall back to another one."""
    with pytest.raises(ValueError, match=r"must be one of longest.*got 'biggest'"):
        select_tracks([SPEAKER], "biggest", (100, 200))


@pytest.mark.parametrize(("findings", "looked_at", "stays"), [(1, 1, True), (1, 2, True), (1, 3, False), (2, 40, False), (3, 40, True)])  # fmt: skip
def test_flickers_are_dropped(findings, looked_at, stays) -> None:
    """A curtain taken for a face once would become a clip of a curtain; a still has one look only."""
    one = track(1, range(findings), (5, 5), 4)
    assert drop_flickers([one], looked_at) == ([one] if stays else [])


def test_faces_are_counted_at_once() -> None:
    """One person whom the tracker lost in between is not two."""
    again = track(4, range(80, 100, 4), (40, 50), 30)
    assert count_faces([SPEAKER, again]) == 1
    assert count_faces([SPEAKER, CLOSE_UP, PASSER_BY]) == 2
    assert count_faces([SPEAKER, track(5, range(76, 90, 4), (1, 1), 2)]) == 2
    assert count_faces([]) == 0
