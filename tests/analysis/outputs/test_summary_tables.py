# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pandas as pd
import pytest

from emoclip.analysis.outputs.summary_tables import per_frame, per_video, per_window, relative_to_baseline


def test_per_window_has_a_column_for_each_word(timeline):
    table = per_window(timeline)
    assert list(table.columns[:7]) == ["video", "person", "start", "end", "joy", 'quiet "relief"', "驚き 😀"]
    row = table.query("person == 1 and start == 1.0").iloc[0]
    assert (row["joy"], row["best"], row["best_match"]) == (0.6, "joy", 0.6)
    nobody = table.query("person == 0").iloc[0]
    assert np.isnan(nobody["joy"])
    assert (nobody["best"], nobody["mark"]) == ("", "no face")


def test_per_video_by_hand(timeline):
    """Person 1: joy 0.7, 0.6, 0.2 in windows whose own time is 1.5, 1 and 1.5 s."""
    row = per_video(timeline).query("person == 1 and emotion == 'joy'").iloc[0]
    assert (row["windows"], row["scored"], row["seconds"]) == (3, 3, 4.0)
    assert row["mean"] == pytest.approx(0.5)
    assert row["sd"] == pytest.approx(np.std([0.7, 0.6, 0.2], ddof=1))
    assert (row["median"], row["min"], row["max"]) == (0.6, 0.2, 0.7)
    assert (row["peak_start"], row["peak_end"]) == (0.0, 2.0)
    assert row["best_share"] == pytest.approx(2.5 / 4)


def test_per_video_says_missing_where_nothing_was_scored(timeline):
    """A mean of 0 would look like an expression that was absent."""
    row = per_video(timeline).query("person == 0").iloc[0]
    assert (row["windows"], row["scored"], row["seconds"]) == (1, 0, 0.0)
    assert row[["mean", "max", "best_share"]].isna().all()


def test_per_frame_averages_the_windows_a_frame_lies_in(timeline):
    """At 1.5 s two windows of person 1 see the frame, at 0.2 s one."""
    frames = pd.DataFrame(
        {"video": "a film.mp4", "person": [1, 1, 1, 2], "frame": [5, 38, 38, 150], "time": [0.2, 1.5, 1.5, 6.0]}
    )
    table = per_frame(timeline, frames)
    assert table["frame"].tolist() == [5, 38, 150]
    np.testing.assert_allclose(table["joy"], [0.7, 0.65, np.nan])


def test_word_that_is_a_column_name_is_told_apart(make_timeline):
    """A user may ask for the word "person"."""
    table = per_window(make_timeline([(1, 0.0, 1.0, (0.6, 0.4), "")], words=["person", "joy"]))
    assert table["person"].tolist() == [1]
    assert table["word person"].tolist() == [0.6]


def test_change_against_a_baseline_by_hand(timeline, make_timeline):
    """Baseline of joy: 0.2 and 0.4; its most scored person counts, not the number 1."""
    baseline = make_timeline(
        [(3, 0.0, 1.0, (0.2, 0.5, 0.3), ""), (3, 1.0, 2.0, (0.4, 0.5, 0.1), ""), (1, 0.0, 1.0, (0.9, 0.0, 0.1), "")]
    )
    table = relative_to_baseline(timeline, baseline)
    joy = table.query("emotion == 'joy' and person == 1").iloc[0]
    assert (joy["baseline_mean"], joy["change"]) == (pytest.approx(0.3), pytest.approx(0.4))
    assert joy["z"] == pytest.approx(0.4 / np.std([0.2, 0.4], ddof=1))
    # The second word never varies in the baseline: how many deviations away is not known.
    assert table.query("emotion == 'quiet \"relief\"'")["z"].isna().all()


@pytest.mark.parametrize(
    ("windows", "words", "message"),
    [
        ([(1, 0.0, 1.0, (0.2, 0.8), "")], ["joy", "fear"], "same words"),
        ([(0, 0.0, 1.0, None, "no face")], None, "must hold a scored window"),
    ],
)
def test_baseline_that_cannot_serve_is_refused(windows, words, message, timeline, make_timeline):
    baseline = make_timeline(windows, words) if words else make_timeline(windows)
    with pytest.raises(ValueError, match=message):
        relative_to_baseline(timeline, baseline)
