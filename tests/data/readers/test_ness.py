# SPDX-License-Identifier: Apache-2.0
"""Symptom scores: patients are folds, items are targets."""

from collections.abc import Callable

import pytest

from emoclip.data.readers import get_reader


class TestNESS:
    def test_patients_are_folds_and_items_are_targets(self, miniature: Callable, rows_of: Callable) -> None:
        """A patient in two folds would be tested on by a model that has seen them."""
        root = miniature("ness")
        assert get_reader("ness", root).tasks == {"regression": ("N1: Blunted Affect", "N3: Poor Rapport")}
        rows = rows_of("ness", root)
        assert {video: row["test_fold"] for video, row in rows.items()} == {"a.mp4": 2, "b.mp4": 1, "c.mp4": 2}
        assert rows["a.mp4"]["targets"] == [2.5, 4.0]

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("a.mp4,P2,1,N1: Blunted Affect,3", "scores.csv:8: 'N1: Blunted Affect' of a.mp4 must be scored once"),
            ("a.mp4,P9,1,N2,3", "scores.csv:8: a.mp4 must belong to one patient and session"),
            ("a.mp4,P2,1,N2,high", "scores.csv:8: a score must be a number, got 'high'"),
            ("a.mp4,P2,1,N2,3", "every video must have every item, b.mp4 has no N2"),
        ],
    )
    def test_bad_tables_are_named_with_their_row(self, line: str, message: str, miniature: Callable) -> None:
        """Clinical tables are kept by hand."""
        root = miniature("ness")
        with (root / "scores.csv").open("a") as file:
            file.write(line + "\n")
        with pytest.raises(ValueError, match=message):
            get_reader("ness", root)
