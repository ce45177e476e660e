# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.analysis.outputs.segments import segments, window_cells


def test_cells_share_the_time_between_overlapping_windows(timeline):
    """Middles at 1, 2 and 3 s: borders at 1.5 and 2.5. Overlapping subtitles would hide one another."""
    cells = window_cells(timeline)
    first = cells[cells["person"] == 1]
    assert first["cell_start"].tolist() == [0.0, 1.5, 2.5]
    assert first["cell_end"].tolist() == [1.5, 2.5, 4.0]


def test_windows_far_apart_keep_their_own_ends(timeline):
    """Person 2 is away from 2.5 to 8 s; nothing may be said of that time."""
    second = window_cells(timeline).query("person == 2")
    assert list(zip(second["cell_start"], second["cell_end"], strict=True)) == [(0.5, 2.5), (8.0, 9.0)]


def test_neighbours_with_the_same_best_word_are_one_segment(timeline):
    """Weighted by time: 1.5 s of 0.7 and 1 s of 0.6."""
    first = segments(timeline)[0]
    assert (first.person, first.start, first.end, first.word) == (1, 0.0, 2.5, "joy")
    assert first.match == pytest.approx((1.5 * 0.7 + 1.0 * 0.6) / 2.5)


def test_segments_come_in_order_of_time_and_unscored_ones_have_no_word(timeline):
    found = segments(timeline)
    assert [one.start for one in found] == sorted(one.start for one in found)
    assert [(one.word, one.mark) for one in found if one.person == 0] == [("", "no face")]
    assert found[2].mark == "small face"


def test_still_has_a_duration_to_be_shown(make_timeline):
    """A cue from 0 to 0 is refused by players."""
    (one,) = segments(make_timeline([(1, 0.0, 0.0, (0.5, 0.3, 0.2), "")]))
    assert one.end > one.start


def test_timeline_without_persons_is_the_whole_frame(timeline):
    """Analyses of whole frames have no such column in older files."""
    bare = timeline.drop(columns=["person", "mark", "quality"])
    assert {one.person for one in segments(bare)} == {0}
