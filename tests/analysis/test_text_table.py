# SPDX-License-Identifier: Apache-2.0
import pandas as pd

from emoclip.analysis.result import Analysis
from emoclip.analysis.text_table import BAR_WIDTH, MAX_ROWS, format_analysis


def analysis(matches, windows=1):
    rows = [
        ("clip.mp4", 0, float(window), window + 2.0, word, 0.25, match)
        for window in range(windows)
        for word, match in matches.items()
    ]
    timeline = pd.DataFrame(rows, columns=["video", "person", "start", "end", "emotion", "similarity", "match"])
    return Analysis(timeline, {word: word for word in matches}, "m", "Model: m.")


def test_ranking_is_readable():
    """The exact lines for two words, best first, bars in proportion."""
    lines = format_analysis(analysis({"doubt": 0.25, "quiet relief": 0.75}, windows=3), plain=True)
    assert lines[0] == "clip.mp4: 0.00 to 4.00 s, 3 windows, whole frame scored"
    assert lines[2].split() == ["apparent", "expression", "relative", "match", "similarity", "highest", "at"]
    assert lines[3] == "  quiet relief         " + "#" * 18 + "." * 6 + "   75.0%       0.250  0.0-2.0 s"
    assert lines[4] == "  doubt                " + "#" * 6 + "." * 18 + "   25.0%       0.250  0.0-2.0 s"


def test_wide_letters_keep_the_columns_straight():
    """Japanese letters take two columns each; the bars must still begin below one another."""
    lines = format_analysis(analysis({"喜び": 0.5, "joy": 0.5}), plain=True)
    assert lines[3].index("#") + 2 == lines[4].index("#")


def test_long_lists_and_long_words_are_cut_on_the_screen():
    """The files hold everything; the screen holds what can be read."""
    words = {f"{number} {'very ' * 20}calm": 1 / 30 for number in range(30)}
    lines = format_analysis(analysis(words), plain=True)
    assert "  ... and 10 more in the table" in lines
    assert sum("..." in line and "%" in line for line in lines) >= MAX_ROWS
    assert max(len(line) for line in lines[:-4]) < 60 + BAR_WIDTH + 30


def test_block_characters_are_used_where_they_can_be():
    """The plain form is the exception."""
    assert "\N{FULL BLOCK}" * 12 in format_analysis(analysis({"a": 0.5, "b": 0.5}))[3]


def test_a_single_picture_is_called_so():
    """A still image lasts no time; "0.00 to 0.00 s" would read like an error."""
    rows = [("face.jpg", 0, 0.0, 0.0, "a", 0.1, 1.0)]
    timeline = pd.DataFrame(rows, columns=["video", "person", "start", "end", "emotion", "similarity", "match"])
    lines = format_analysis(Analysis(timeline, {"a": "a"}, "m", "Model: m."))
    assert lines[0] == "face.jpg: a single picture, whole frame scored"
