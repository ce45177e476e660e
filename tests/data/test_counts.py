# SPDX-License-Identifier: Apache-2.0
"""Counts beside the official numbers, by hand."""

from emoclip.data.counts import count_rows, differences, table_lines
from emoclip.data.readers.reader import WHOLE, Reader, counts_of


NAMES = ("calm", "tense")
ROWS = [
    {"split": "all", "test_fold": 1, "label": 0},
    {"split": "all", "test_fold": 1, "label": 1},
    {"split": "all", "test_fold": 2, "label": 1},
    {"split": "all", "test_fold": None, "label": None},
]


def reader(**counts) -> Reader:
    return Reader("small", "Small", {"t": NAMES}, "", "", "", lambda root, task: iter(()), {"t": counts})


def test_a_row_counts_in_its_split_and_its_fold() -> None:
    """A clip in no fold counts in its split alone; one without a class is seen."""
    assert count_rows(ROWS, NAMES) == {
        "all": {"calm": 1, "tense": 2, "(none)": 1},
        "fold 1": {"calm": 1, "tense": 1},
        "fold 2": {"calm": 0, "tense": 1},
    }


def test_every_difference_is_named() -> None:
    """A missing fold is a difference for each of its classes."""
    official = counts_of(NAMES, fold_1=[1, 1], fold_2=[0, 3], fold_3=[1, 0])
    assert differences(count_rows(ROWS, NAMES), reader(**official), "t") == [
        "fold 2, tense: 1 clips, officially 3",
        "fold 3, calm: 0 clips, officially 1",
    ]


def test_sums_are_compared_where_only_they_are_known() -> None:
    """Of some sets the classes of the folds were never published."""
    assert differences(count_rows(ROWS, NAMES), reader(**{"fold 1": {"": 2}}), "t") == []
    wrong = differences(count_rows(ROWS, NAMES), reader(**{"fold 1": {"": 3}}), "t")
    assert wrong == ["fold 1: 2 clips, officially 3"]


def test_table_shows_both_numbers_where_they_differ() -> None:
    """A table of equal pairs would hide the one that is not."""
    lines = table_lines(count_rows(ROWS, NAMES), reader(**counts_of(NAMES, fold_1=[1, 4])), "t")
    line = next(line for line in lines if line.startswith("fold 1"))
    assert "2/5" in line and "calm 1, tense 1/4" in line


def test_all_clips_are_those_of_every_split_once() -> None:
    """Folds hold the same clips again; of some sets only the whole, or some classes of it, is known."""
    official = {WHOLE: {"": 4, "tense": 3}}
    assert differences(count_rows(ROWS, NAMES), reader(**official), "t") == ["all clips, tense: 2 clips, officially 3"]
    line = next(line for line in table_lines(count_rows(ROWS, NAMES), reader(**official), "t") if WHOLE in line)
    assert line.split() == ["all", "clips", "4", "calm", "1,", "tense", "2/3,", "(none)", "1"]


def test_classes_of_which_only_is_known_that_they_are_there() -> None:
    """An empty folder is half an archive, whatever the number should be."""
    official = {"fold 1": {"calm": None, "tense": None, "glad": None}}
    names = (*NAMES, "glad")
    assert differences(count_rows(ROWS, names), reader(**official), "t") == ["fold 1, glad: 0 clips, officially some"]
    line = next(line for line in table_lines(count_rows(ROWS, names), reader(**official), "t") if "fold 1" in line)
    assert line.split() == ["fold", "1", "2", "calm", "1,", "tense", "1"]
