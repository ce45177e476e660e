# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pandas as pd
import pytest
import torch

from emoclip.analysis.scoring import OTHER, TIMELINE_COLUMNS, Prototypes, ScoringSettings, check_words, score_windows
from emoclip.analysis.window_set import WINDOW_COLUMNS, WindowSet


# Unit vectors at 90, 0 and 180 degrees.
TEXTS = torch.tensor([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])
WORDS = ("doubt", "relief", "anger")


def windows(quality=(0.9, 0.2), embeds=((3.0, 0.0), (1.0, 1.0))):
    rows = [
        {"video": "v", "person": 1, "start": float(place), "end": place + 1.5, "quality": one, "mark": ""}
        for place, one in enumerate(quality)
    ]
    return WindowSet(pd.DataFrame(rows, columns=list(WINDOW_COLUMNS)), torch.tensor(embeds))


def score(windows_=None, variants=(), neutral=None, **settings):
    prototypes = Prototypes(WORDS, TEXTS, 2.0, variants, neutral)
    return score_windows(windows_ or windows(), prototypes, ScoringSettings(**settings))


def test_timeline_holds_cosines_and_their_softmax():
    """Worked out by hand: windows at 0 and 45 degrees."""
    timeline = score()
    assert tuple(timeline.columns) == TIMELINE_COLUMNS
    half = 0.5**0.5
    assert timeline["similarity"].tolist() == pytest.approx([0, 1, -1, half, half, -half])
    first = torch.tensor([0.0, 2.0, -2.0]).softmax(0).tolist()
    assert timeline["match"][:3].tolist() == pytest.approx(first, abs=1e-6)
    assert timeline.groupby("start")["match"].sum().tolist() == pytest.approx([1, 1])
    assert timeline["start"].tolist() == [0, 0, 0, 1, 1, 1]
    assert timeline["end"].tolist() == [1.5, 1.5, 1.5, 2.5, 2.5, 2.5]
    assert timeline["match_low"].isna().all()


def test_none_of_these_takes_what_no_word_reaches():
    """At 0.9 of similarity the first window's best word wins and the second's does not."""
    timeline = score(other=0.9)
    assert timeline["emotion"].tolist() == [*WORDS, OTHER] * 2
    best = timeline.loc[timeline.groupby("start")["match"].idxmax(), "emotion"]
    assert best.tolist() == ["relief", OTHER]
    assert timeline.groupby("start")["match"].sum().tolist() == pytest.approx([1, 1])


def test_single_words_are_held_against_a_threshold_or_a_neutral_text():
    """One half where word and threshold are equal, whatever the other words."""
    assert score(multi_label=True, other=1.0)["match"][1] == pytest.approx(0.5)
    against_neutral = score(multi_label=True, neutral=torch.tensor([0.0, 1.0]))["match"]
    assert against_neutral[0] == pytest.approx(0.5)
    assert against_neutral[1] == pytest.approx(1 / (1 + math.exp(-2)))


def test_interval_spans_the_prompts():
    """Lowest and highest of the readings, the first one's among them."""
    timeline = score(variants=(TEXTS.flip(0), TEXTS))
    assert (timeline["match_low"] <= timeline["match"]).all()
    assert (timeline["match"] <= timeline["match_high"]).all()
    flipped = score_windows(windows(), Prototypes(WORDS, TEXTS.flip(0), 2.0))["match"]
    assert timeline["match_low"][1] == pytest.approx(min(flipped[1], timeline["match"][1]))
    assert timeline["match_high"][2] == pytest.approx(max(flipped[2], timeline["match"][2]))


def test_temperature_and_bias_shift_the_logits():
    """Scale 2 over temperature 4, and a word that is given one more."""
    expected = torch.tensor([0.0, 0.5, 0.5]).softmax(0).tolist()
    assert score(temperature=4.0, bias={"anger": 1.0})["match"][:3].tolist() == pytest.approx(expected)


def test_poor_windows_are_withheld_and_say_so():
    """Missing numbers, not small ones."""
    timeline = score(min_quality=0.5)
    assert timeline["match"].notna().tolist() == [True] * 3 + [False] * 3
    assert timeline["mark"].tolist()[3:] == ["quality below 0.5, not scored"] * 3
    nobody = score(windows(embeds=((math.nan, math.nan), (1.0, 1.0))), other=0.1)
    assert nobody["match"].isna().tolist() == [True] * 4 + [False] * 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"other": 2}, r"`other` must be a similarity in \[-1, 1\], got 2"),
        ({"temperature": 0}, "`temperature` must be a finite number above 0, got 0"),
        ({"min_quality": "0.2"}, "`min_quality` must be a number, got '0.2'"),
        ({"other": "0.2"}, "`other` must be a number, got '0.2'"),
        ({"temperature": None}, "`temperature` must be a number, got None"),
        ({"min_quality": 7}, r"`min_quality` must be in \[0, 1\], got 7"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    """A percentage where a share is meant would withhold everything."""
    with pytest.raises(ValueError, match=message):
        ScoringSettings(**settings)


def test_numbers_of_numpy_are_numbers():
    """A threshold that comes from a table is one of NumPy's."""
    assert ScoringSettings(other=np.float32(0.25), temperature=np.int64(2)).other == 0.25


def test_a_calibration_and_a_threshold_are_not_mixed():
    """A word with a bias would win below the threshold that it is said to need."""
    with pytest.raises(ValueError, match="leave one of the two out"):
        ScoringSettings(other=0.2, bias={"doubt": 1.0})


def test_single_words_are_matched_without_biases():
    """One half means as similar as the neutral text; biases even words out against one another alone."""
    neutral = torch.tensor([1.0, 0.0])
    settings = {"multi_label": True, "temperature": 2.0, "neutral": neutral}
    biased = score(bias={"doubt": 3.0, "anger": -3.0}, **settings)
    assert biased["match"].tolist() == score(**settings)["match"].tolist()
    assert biased["match"][1] == pytest.approx(0.5)


def test_the_word_of_the_added_row_is_refused():
    """Two rows of one name would share tables, plots and groups."""
    with pytest.raises(ValueError, match="got the word 'None of These' as well"):
        check_words(["joy", "None of These"], ScoringSettings(other=0.2))
    check_words(["none of these"], ScoringSettings())
