# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.evaluation.clip_list import best_and_worst, clip_margins, clip_rows


SCORES = np.array([[0.9, 0.05, 0.05], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.4, 0.4, 0.2], [0.8, 0.1, 0.1]], np.float32)


@pytest.fixture
def table(make_table):
    """Five clips: right by 0.85, right by 0.2, wrong by 0.7, a tie, right by 0.7."""
    return make_table(
        clip_ids=list("abcde"),
        references=[0, 1, 0, 1, 0],
        scores=SCORES,
        columns={"captions": [["one", "two"], ["b"], [], ["d"], ["e"]], "fold": [1, 1, 2, 2, 2]},
    )


def test_margins_by_hand(table):
    """True score minus the best other one, whatever the order of the classes."""
    assert clip_margins(table) == pytest.approx([0.85, 0.2, -0.7, 0.0, 0.7], abs=1e-6)


def test_best_and_worst_take_each_class_once_first(table):
    """One easy class would fill the list alone."""
    clips = best_and_worst(table, count=2)
    assert [entry["clip_id"] for entry in clips["best"]] == ["a", "b"]
    assert [entry["clip_id"] for entry in best_and_worst(table)["best"]] == ["a", "b", "e"]
    (worst,) = clips["worst"]  # a tie is neither
    assert (worst["clip_id"], worst["reference"], worst["prediction"], worst["caption"]) == (
        "c",
        "anger",
        "sadness",
        None,
    )
    assert clips["best"][0]["caption"] == "one"


def test_rows_have_everything_that_is_known(table):
    """A spreadsheet user looks for the clips of a fold, or reads captions."""
    rows = clip_rows(table)
    assert rows["prediction"] == ["anger", "happiness", "sadness", "anger", "anger"]
    assert rows["captions"][0] == "one / two"
    assert rows["fold"] == [1, 1, 2, 2, 2]
