# SPDX-License-Identifier: Apache-2.0
import re

import pytest

import emoclip
from emoclip.demo import timeline_view as views
from emoclip.demo.search_tab import moments_view
from emoclip.demo.timeline_view import ranking_view, timeline_view


EVIL = '<img src=x onerror="alert(1)">'


@pytest.fixture(scope="module")
def found(tiny_model_folder, long_clip):
    return emoclip.analyze(long_clip, ["joy", EVIL], tiny_model_folder, faces="none", agreement=True)


def test_every_window_is_a_button_that_knows_its_time(found):
    """A click must lead to the window's start."""
    page = timeline_view(found, "player")
    times = [float(value) for value in re.findall(r'data-seek="([\d.]+)"', page)]
    starts = list(found.timeline["start"].unique())
    assert times == pytest.approx(starts * 2, abs=1e-3)
    assert 'data-player="player"' in page


def test_what_was_typed_is_shown_and_not_run(found):
    """A word may hold markup."""
    for page in (timeline_view(found, "p"), ranking_view(found, "p"), moments_view(found.timeline, "p")):
        assert "<img" not in page
        assert "&lt;img" in page


def test_only_the_first_cell_of_a_row_is_reached_by_tab(found):
    """Hundreds of stops would shut the keyboard out."""
    page = timeline_view(found, "p")
    assert page.count('tabindex="0"') == 2


def test_the_ranking_has_matches_and_intervals(found):
    """The numbers of the summary, rounded."""
    page = ranking_view(found, "p")
    for row in found.summary.itertuples():
        assert f"{row.match:.0%} (" in page
        assert f"similarity {row.similarity:.3f}" in page


def test_long_timelines_are_joined_to_what_can_be_shown(found, monkeypatch):
    """Five minutes have three hundred windows."""
    monkeypatch.setattr(views, "MAX_CELLS", 2)
    monkeypatch.setattr(views, "MAX_WORDS", 1)
    page = timeline_view(found, "p")
    assert page.count("data-seek") == 2
    assert "1 more words are in the table" in page
