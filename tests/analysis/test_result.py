# SPDX-License-Identifier: Apache-2.0
import math

import pandas as pd
import pytest
import torch

from emoclip.analysis.result import MULTI_LABEL, ONE_WORD, SUMMARY_COLUMNS, TIMELINE_COLUMNS, Analysis
from emoclip.analysis.scoring import Prototypes, ScoringSettings, score_windows
from emoclip.analysis.window_facts import no_face_facts
from emoclip.analysis.window_set import WINDOW_COLUMNS, WindowSet


TEXTS = torch.nn.functional.normalize(torch.tensor([[0.0, 2.0], [5.0, 0.0], [-1.0, 0.0]]), dim=-1)


def window_set(video="clip.mp4", people=(0, 0), missing=False):
    rows = [
        {"video": video, "person": people[0], "start": 0.0, "end": 1.5, "quality": math.nan, "mark": ""},
        {"video": video, "person": people[1], "start": 1.0, "end": 2.5, "quality": math.nan, "mark": ""},
    ]
    embeds = torch.tensor([[3.0, 0.0], [1.0, 1.0]])
    if missing:
        rows.append({"video": video, **no_face_facts(3.0, 4.0)})
        embeds = torch.cat([embeds, torch.full((1, 2), math.nan)])
    frames = pd.DataFrame(
        {"window": [0, 0, 1], "frame": [0, 4, 8], "time": [0.0, 1.5, 2.0], "weight": [0.25, 0.75, 1]}
    )
    return WindowSet(pd.DataFrame(rows, columns=list(WINDOW_COLUMNS)), embeds, frames)


def analysis(video="clip.mp4", words=("doubt", "relief", "anger"), model="m", settings=None, **options):
    windows = window_set(video, **options)
    settings = settings or ScoringSettings()
    timeline = score_windows(windows, Prototypes(tuple(words), TEXTS[: len(words)], 2.0), settings)
    scope = "faces found" if options else "whole frame"
    texts = {word: word for word in words}
    return Analysis(timeline, texts, model, f"Model: {model}.", scope, windows=windows, settings=settings)


def test_summary_ranks_words_and_names_their_peak():
    """The mean ranks; the peak tells where to look."""
    summary = analysis().summary
    assert tuple(summary.columns) == SUMMARY_COLUMNS
    assert summary["emotion"].tolist() == ["relief", "doubt", "anger"]
    doubt = summary[summary["emotion"] == "doubt"].iloc[0]
    timeline = analysis().timeline.query("emotion == 'doubt'")
    assert doubt["match"] == pytest.approx(timeline["match"].mean())
    assert (doubt["peak_match"], doubt["peak_start"], doubt["peak_end"]) == (timeline["match"].max(), 1.0, 2.5)


def test_people_are_summed_up_each_and_stretches_without_a_face_are_not():
    """A mean over two people would describe neither; a stretch without scores has no mean."""
    summary = analysis(people=(2, 1), missing=True).summary
    assert summary["person"].tolist() == [1] * 3 + [2] * 3
    assert summary["match"].notna().all()


def test_combined_videos_keep_their_order_and_are_ranked_each():
    """Files are reported in the order in which they were named, not by score or alphabet."""
    both = Analysis.combine([analysis("z.mp4"), analysis("a.mp4")])
    assert both.summary["video"].tolist() == ["z.mp4"] * 3 + ["a.mp4"] * 3
    assert both.summary["emotion"].tolist() == ["relief", "doubt", "anger"] * 2
    assert len(both.timeline) == 12


def test_frame_weights_name_the_window_of_each_frame():
    """Combined, the frames of the second video must not be told of the first one's windows."""
    both = Analysis.combine([analysis("z.mp4"), analysis("a.mp4")]).frame_weights
    assert both["video"].tolist() == ["z.mp4"] * 3 + ["a.mp4"] * 3
    assert both["start"].tolist() == [0, 0, 1] * 2
    assert both.groupby(["video", "start"])["weight"].sum().tolist() == [1] * 4


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
    single = analysis(words=("doubt",), settings=ScoringSettings(multi_label=True)).notes
    assert MULTI_LABEL in single
    assert ONE_WORD not in single


def test_notes_say_what_was_not_scored():
    """A table with holes must say that they are holes."""
    notes = " ".join(analysis(people=(1, 2), missing=True).notes)
    assert "not scored: 1 stretch" in notes
    assert "not recognised" in notes


def test_groups_of_words_add_up():
    """A group is matched as much as its words together."""
    found = analysis(people=(1, 2), missing=True)
    grouped = Analysis(found.timeline, found.texts, "m", "s", groups={"unpleasant": ("doubt", "anger")}).group_timeline
    relief = found.timeline.query("emotion == 'relief'")["match"]
    assert grouped["match"].tolist()[:2] == pytest.approx((1 - relief).tolist()[:2])
    assert math.isnan(grouped["match"][2])


def test_tables_alone_cannot_be_scored_again():
    """The remedy is named, instead of an attribute error from inside."""
    alone = Analysis(analysis().timeline, {}, "m", "s")
    with pytest.raises(ValueError, match="analyse the video"):
        alone.rescore("joy")
    with pytest.raises(ValueError, match="analyse the video"):
        _ = alone.frame_weights


def test_analysis_is_a_table_without_an_index():
    """Pandas users expect rows numbered from 0, also after combining."""
    both = Analysis.combine([analysis("z.mp4"), analysis("a.mp4")])
    pd.testing.assert_index_equal(both.timeline.index, pd.RangeIndex(12))
    assert tuple(both.timeline.columns) == TIMELINE_COLUMNS
