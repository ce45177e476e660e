# SPDX-License-Identifier: Apache-2.0
"""Bars, reliability and prompt sensitivity: what is handed to matplotlib, which draws it rightly."""

import numpy as np
import pytest

from emoclip.evaluation.pictures.canvas import styles
from emoclip.evaluation.pictures.class_bars import plot_class_bars
from emoclip.evaluation.pictures.prompt_sensitivity import plot_prompt_sensitivity
from emoclip.evaluation.pictures.reliability import plot_reliability
from emoclip.metrics import reliability_bins


@pytest.fixture
def calls(monkeypatch):
    """Collects what is drawn as bars and lines."""
    from matplotlib.axes import Axes

    seen = {"bar": [], "barh": [], "plot": []}
    for name, drawn in seen.items():
        original = getattr(Axes, name)

        def record(self, *args, original=original, drawn=drawn, **options):
            drawn.append((args, options))
            return original(self, *args, **options)

        monkeypatch.setattr(Axes, name, record)
    return seen


def test_bars_stand_side_by_side(calls, tmp_path):
    """Two systems' bars at one place hide one another."""
    plot_class_bars({"a": [0.5, 1.0], "b": [0.25, None]}, ["x", "y"], tmp_path / "p.png", chance=0.5)
    (first, _), (second, _) = calls["bar"]
    assert first[1] == [50, 100]
    assert second[1] == [25, 0]
    assert (second[0] - first[0]) == pytest.approx(first[2])
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_bars_of_many_classes_fit_a_page(calls, tmp_path):
    """43 compound classes side by side are a strip that nobody can read."""
    from PIL import Image

    names = [f"class_{number}" for number in range(43)]
    plot_class_bars({"a": [0.5] * 43, "b": [0.25] * 43, "c": [None] * 43}, names, tmp_path / "p.png", chance=0.5)
    assert len(calls["barh"]) == 3
    width, height = Image.open(tmp_path / "p.png").size
    assert width < 1000 < height < 3000


def test_bars_need_a_value_per_class(tmp_path):
    with pytest.raises(ValueError, match="one value per class, 2, got 1 of a"):
        plot_class_bars({"a": [0.5]}, ["x", "y"], tmp_path / "p.png")


def test_reliability_draws_filled_bins_only(calls, tmp_path):
    """An empty bin drawn at 0 would say that the model is never right there."""
    bins = reliability_bins([0, 1, 1], [[0.9, 0.1], [0.9, 0.1], [0.45, 0.55]], num_bins=5)
    plot_reliability(bins, tmp_path / "p.png", error=0.1)
    (left, heights, widths), options = calls["bar"][0]
    assert left == pytest.approx([0.4, 0.8])
    assert heights == pytest.approx([1.0, 0.5])
    assert widths == pytest.approx([0.2, 0.2])
    assert options["align"] == "edge"


def test_prompt_sets_are_sorted_by_the_first_system(calls, tmp_path):
    """Values of one prompt set stand in one row, whichever system they are of."""
    values = {
        "a": {"p": (0.6, [0.5, 0.7]), "q": (0.2, None)},
        "b": {"q": (0.3, None), "p": (0.4, None), "r": (0.1, None)},
    }
    plot_prompt_sensitivity(values, tmp_path / "p.png", chance=0.1)
    points = {(args[0], round(args[1])) for args, _ in calls["plot"] if not isinstance(args[0], list)}
    assert points == {(60.0, 1), (20.0, 0), (30.0, 0), (40.0, 1), (10.0, 2)}
    assert [args[0] for args, _ in calls["plot"] if isinstance(args[0], list)] == [[50.0, 70.0]]


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one prompt set"):
        plot_prompt_sensitivity({}, tmp_path / "p.png")


def test_forty_three_classes_look_different():
    """Compound classes must be told apart in a cloud."""
    looks = styles([str(number) for number in range(43)])
    assert len(set(looks.values())) == 43
    assert np.unique([colour for colour, _ in looks.values()]).size == 8
