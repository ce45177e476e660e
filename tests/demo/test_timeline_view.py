# SPDX-License-Identifier: Apache-2.0
import html
import re

import numpy as np
import pytest
from PIL import Image

import emoclip
from emoclip.analysis.outputs.segments import window_cells
from emoclip.demo import timeline_view as views
from emoclip.demo.search_tab import moments_view
from emoclip.demo.studio import best_moments
from emoclip.demo.timeline_view import ranking_view, timeline_view


EVIL = '<img src=x onerror="alert(1)">'


@pytest.fixture(scope="module")
def found(tiny_model_folder, long_clip):
    return emoclip.analyze(long_clip, ["joy", EVIL], tiny_model_folder, faces="none", agreement=True)


def test_every_window_is_a_button_at_its_place(found):
    """A click must lead to the time at which the cell stands on the axis, and the label name the whole window."""
    page = timeline_view(found, "player")
    cells = window_cells(found.timeline)
    last = found.timeline["end"].max()
    drawn = re.findall(r'data-seek="([\d.]+)"[^>]*left:([\d.]+)%;width:([\d.]+)%', page)
    assert len(drawn) == 2 * len(cells)
    for (seek, left, width), cell in zip(drawn, [*cells.itertuples(), *cells.itertuples()], strict=True):
        assert float(seek) == pytest.approx(cell.cell_start, abs=1e-3)
        assert float(left) == pytest.approx(100 * cell.cell_start / last, abs=0.01)
        assert float(width) == pytest.approx(100 * (cell.cell_end - cell.cell_start) / last, abs=0.02)
        assert f"from {cell.start:.1f} to {cell.end:.1f} seconds" in page
    assert 'data-player="player"' in page


@pytest.mark.parametrize(
    ("last", "marks"), [(7.5, ["0 s", "5 s"]), (2.4, ["0 s", "1 s", "2 s"]), (290, ["0 s", "240 s"])]
)
def test_the_axis_is_in_seconds(last, marks):
    """At most eight steps, however long the video is."""
    shown = re.findall(r">([\d.]+ s)</i>", views._axis(last))
    assert set(marks) <= set(shown)
    assert len(shown) <= views.MAX_MARKS + 1


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
    monkeypatch.undo()
    assert page.count("data-seek") == 2 + len(window_cells(found.timeline))


def test_words_that_do_not_fit_unfold(found, monkeypatch):
    """Of 43 words all can be seen, and how many are folded is said."""
    monkeypatch.setattr(views, "MAX_WORDS", 1)
    page = timeline_view(found, "p")
    assert "1 of 2 words, the best first; show the other 1" in page
    assert all(f'title="{word}"' in page for word in ("joy", html.escape(EVIL)))
    ranking = ranking_view(found, "p")
    shown, folded = ranking.split("<summary>1 of 2 words, the best first; show the other 1</summary>")
    assert shown.count("emo-line") == folded.count("emo-line") == 1


def test_a_picture_has_neither_peaks_nor_timeline(tiny_model_folder, tmp_path):
    """There is no time in it to go to."""
    path = tmp_path / "picture.png"
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(path)
    found = emoclip.analyze(str(path), "joy, doubt", tiny_model_folder, faces="none")
    assert timeline_view(found, "p") == ""
    shown = ranking_view(found, "p") + moments_view(best_moments(found), "p")
    assert shown.count("similarity") == 4
    assert "<button" not in shown
    assert "0.0 s" not in shown
