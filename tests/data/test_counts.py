# SPDX-License-Identifier: Apache-2.0
"""Counts beside the official numbers, by hand."""

from dataclasses import replace

from emoclip.data.counts import RowCounter, count_rows, differences, film_differences, table_lines
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


def test_several_labels_count_in_each_and_once_in_the_total() -> None:
    """A person with two categories is one person; shown as without a class, every card of such a set would be wrong."""
    rows = [{"split": "train", "label": None, "labels": labels} for labels in ([0, 1], [1], [])]
    found = count_rows(rows, NAMES)
    assert found == {"train": {"calm": 1, "tense": 2, "(none)": 1, "": 3}}
    assert differences(found, reader(train={"": 3}), "t") == []
    assert table_lines(found, reader(), "t")[1].split(maxsplit=2) == ["train", "3", "calm 1, tense 2, (none) 1"]
    official = reader(**{WHOLE: {"": 4}})
    assert differences(found, official, "t") == ["all clips: 3 clips, officially 4"]
    assert "3/4" in table_lines(found, official, "t")[2]


def test_numbers_for_labels_have_a_total_alone() -> None:
    """`valence 0, (none) 7` says nothing that is true."""
    found = count_rows([{"split": "train", "label": None, "targets": [0.5, 1.0]}] * 7, NAMES)
    assert found == {"train": {"": 7}}
    assert table_lines(found, reader(), "t")[1].split() == ["train", "7"]


def test_the_numbers_beside_are_those_of_the_nearest_release() -> None:
    """One lost clip of the other release must not be told as a hundred of this one."""
    both = replace(reader(**counts_of(NAMES, train=[9, 9])), alternatives={"t": [counts_of(NAMES, train=[1, 3])]})
    found = {"train": {"calm": 1, "tense": 2}}
    assert differences(found, both, "t") == ["train, tense: 2 clips, officially 3"]
    assert table_lines(found, both, "t")[1].split(maxsplit=2) == ["train", "3/4", "calm 1, tense 2/3"]


def test_films_are_counted_where_they_are_known() -> None:
    """Half of the films would pass where nothing is known of the number of their scenes."""
    counter = RowCounter(NAMES, films=True)
    for film in ("a", "a", "b"):
        counter.add({"split": "train", "labels": [0], "subject_id": film})
    official = replace(reader(), films={"t": {"train": 2, "test": 1}})
    assert film_differences(counter.films(), official, "t") == ["test: 0 films, officially 1"]


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
