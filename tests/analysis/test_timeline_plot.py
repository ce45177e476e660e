# SPDX-License-Identifier: Apache-2.0
import warnings

import pandas as pd
import pytest
from PIL import Image

from emoclip.analysis.result import Analysis
from emoclip.analysis.timeline_plot import MAX_ROWS


def analysis(words, windows=4, videos=("clip.mp4",), length=2.0):
    rows = [
        (video, 0, window * 1.0, window + length, word, 0.1, (place + 1) / 10)
        for video in videos
        for window in range(windows)
        for place, word in enumerate(words)
    ]
    timeline = pd.DataFrame(rows, columns=["video", "person", "start", "end", "emotion", "similarity", "match"])
    return Analysis(timeline, {word: word for word in words}, "m", "Model: m.")


def texts_of(figure):
    return [text.get_text() for text in [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]]


@pytest.mark.parametrize(("words", "windows", "length"), [(["a", "b"], 4, 2.0), (["a"], 1, 2.0), (["a", "b"], 1, 0.0)])
def test_plot_is_a_picture(tmp_path, words, windows, length):
    """Several windows, one window and a still image without duration all draw, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = analysis(words, windows, length=length).plot(tmp_path / "a.png")
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000


def test_plot_names_words_best_first_and_what_they_mean():
    """A picture is passed on without its caption, so the caption is in it."""
    figure = analysis(["doubt", "relief"]).figure()
    texts = texts_of(figure)
    assert texts.index("relief") < texts.index("doubt")
    everything = " ".join(texts)
    for part in ("Apparent expression", "whole frame", "Relative match to your words", "Not what anyone feels"):
        assert part in everything


def test_only_the_best_of_many_words_are_drawn():
    """Two hundred rows would be no picture; the picture says that it leaves some out."""
    figure = analysis([f"word {number}" for number in range(30)]).figure()
    assert len(figure.axes) == MAX_ROWS
    assert any("18 more are in the table." in text for text in texts_of(figure))


def test_dollar_signs_are_letters(tmp_path):
    """matplotlib takes $x$ for a formula and fails on a broken one."""
    analysis(["$\\broken{", "plain"]).plot(tmp_path / "a.png")


def test_several_videos_are_refused(tmp_path):
    """Their times would be drawn over one another."""
    with pytest.raises(ValueError, match=r"a\.png shows one video, got 2"):
        analysis(["a"], videos=("x.mp4", "y.mp4")).plot(tmp_path / "a.png")


@pytest.mark.parametrize(("name", "error"), [("a.pdf", ValueError), ("there.png", FileExistsError)])
def test_bad_places_are_refused(tmp_path, name, error):
    """Nothing is overwritten unless asked."""
    (tmp_path / "there.png").write_text("mine")
    with pytest.raises(error, match="`plot` must"):
        analysis(["a"]).plot(tmp_path / name)
