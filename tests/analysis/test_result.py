# SPDX-License-Identifier: Apache-2.0
import pandas as pd
import pytest
import torch

from emoclip.analysis.encoding import WindowEmbeddings
from emoclip.analysis.result import ONE_WORD, SUMMARY_COLUMNS, TIMELINE_COLUMNS, Analysis, score_timeline


WINDOWS = WindowEmbeddings([0.0, 1.0], [1.5, 2.5], torch.tensor([[3.0, 0.0], [1.0, 1.0]]))
TEXTS = torch.tensor([[0.0, 2.0], [5.0, 0.0], [-1.0, 0.0]])


def analysis(video="clip.mp4", words=("doubt", "relief", "anger"), model="m"):
    timeline = score_timeline(video, WINDOWS, words, TEXTS[: len(words)], scale=2.0)
    return Analysis(timeline, {word: word for word in words}, model, f"Model: {model}.")


def test_timeline_holds_cosines_and_their_softmax():
    """Worked out by hand: unit vectors at 0 and 45 degrees against texts at 90, 0 and 180 degrees."""
    timeline = analysis().timeline
    assert tuple(timeline.columns) == TIMELINE_COLUMNS
    half = 0.5**0.5
    assert timeline["similarity"].tolist() == pytest.approx([0, 1, -1, half, half, -half])
    first = torch.tensor([0.0, 2.0, -2.0]).softmax(0).tolist()
    assert timeline["match"][:3].tolist() == pytest.approx(first, abs=1e-6)
    assert timeline.groupby("start")["match"].sum().tolist() == pytest.approx([1, 1])
    assert timeline["start"].tolist() == [0, 0, 0, 1, 1, 1]
    assert timeline["end"].tolist() == [1.5, 1.5, 1.5, 2.5, 2.5, 2.5]


def test_summary_ranks_words_and_names_their_peak():
    """The mean ranks; the peak tells where to look."""
    summary = analysis().summary
    assert tuple(summary.columns) == SUMMARY_COLUMNS
    assert summary["emotion"].tolist() == ["relief", "doubt", "anger"]
    doubt = summary[summary["emotion"] == "doubt"].iloc[0]
    timeline = analysis().timeline.query("emotion == 'doubt'")
    assert doubt["match"] == pytest.approx(timeline["match"].mean())
    assert (doubt["peak_match"], doubt["peak_start"], doubt["peak_end"]) == (timeline["match"].max(), 1.0, 2.5)


def test_combined_videos_keep_their_order_and_are_ranked_each():
    """Files are reported in the order in which they were named, not by score or alphabet."""
    both = Analysis.combine([analysis("z.mp4"), analysis("a.mp4")])
    assert both.summary["video"].tolist() == ["z.mp4"] * 3 + ["a.mp4"] * 3
    assert both.summary["emotion"].tolist() == ["relief", "doubt", "anger"] * 2
    assert len(both.timeline) == 12


@pytest.mark.parametrize(
    "parts", [[], [analysis(), analysis(model="other")], [analysis(), analysis(words=("doubt", "relief"))]]
)
def test_only_like_can_be_combined(parts):
    """A relative match over other words is another number."""
    with pytest.raises(ValueError, match="can be combined, got"):
        Analysis.combine(parts)


def test_notes_say_the_scope_and_the_meaning():
    """No table leaves without what it is a table of."""
    notes = " ".join(analysis().notes)
    assert "whole frame, not faces" in notes
    assert "apparent expression" in notes
    assert "Model: m." in notes
    assert ONE_WORD not in notes
    assert analysis(words=("doubt",)).notes[-1] == ONE_WORD


def test_analysis_is_a_table_without_an_index():
    """Pandas users expect rows numbered from 0, also after combining."""
    both = Analysis.combine([analysis("z.mp4"), analysis("a.mp4")])
    pd.testing.assert_index_equal(both.timeline.index, pd.RangeIndex(12))
