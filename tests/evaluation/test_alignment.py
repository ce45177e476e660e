# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.evaluation.alignment import align_tables, take_rows
from emoclip.evaluation.target_predictions import RetrievalTable, TargetTable


SHARED = {"model": "m", "revision": "r", "prompt_set": "p", "manifest_sha256": "f" * 64}


def test_rows_move_together(make_table):
    """A caption or a fold that stays behind belongs to another clip."""
    table = make_table(columns={"fold": list(range(33))})
    taken = take_rows(table, [5, 0, 32])
    assert taken.clip_ids == ["c5", "c0", "c32"]
    assert taken.references == [2, 0, 2]
    assert np.array_equal(taken.scores, table.scores[[5, 0, 32]])
    assert taken.columns == {"fold": [5, 0, 32]}


def test_tables_of_numbers_and_of_captions_move_too():
    """Their truth is an array."""
    numbers = np.arange(8, dtype=np.float32).reshape(4, 2)
    regression = TargetTable("regression", list("abcd"), numbers, numbers + 1, ["x", "y"], **SHARED)
    first, second = align_tables([regression, take_rows(regression, [3, 1, 0, 2])])
    assert np.array_equal(first.references, second.references)
    assert np.array_equal(first.scores, second.scores)
    retrieval = RetrievalTable(list("abcd"), [0, 1, 0, 1], numbers, numbers * 2, ["x", "y"], **SHARED)
    _, moved = align_tables([retrieval, take_rows(retrieval, [2, 3, 1, 0])])
    assert np.array_equal(moved.text_embeds, retrieval.text_embeds)
    assert moved.references == [0, 1, 0, 1]


def test_shared_clips_keep_the_first_table_s_order(make_table):
    """The clips that all three have, and none besides."""
    whole = make_table()
    parts = [take_rows(whole, rows) for rows in (range(30, -1, -1), range(4, 33))]
    aligned = align_tables([whole, *parts], shared_clips=True)
    assert {tuple(table.clip_ids) for table in aligned} == {tuple(f"c{number}" for number in range(4, 31))}


def test_no_shared_clip_is_refused(make_table):
    """An empty table has no numbers."""
    whole = make_table()
    with pytest.raises(ValueError, match="must share at least one clip"):
        align_tables([take_rows(whole, [0, 1]), take_rows(whole, [2])], shared_clips=True)


def test_other_numbers_are_refused():
    """Totals mapped back in one table and not in the other would be compared."""
    numbers = np.arange(4, dtype=np.float32).reshape(2, 2)
    tables = [TargetTable("regression", ["a", "b"], numbers * k, numbers, ["x", "y"], **SHARED) for k in (1, 7)]
    with pytest.raises(ValueError, match="must agree on the true classes"):
        align_tables(tables)
