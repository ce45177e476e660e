# SPDX-License-Identifier: Apache-2.0
"""BoLD: persons as rows, boxes from joints."""

from collections.abc import Callable

import pytest


class TestBoLD:
    def test_persons_of_a_clip_are_rows_of_their_own(self, miniature: Callable, rows_of: Callable) -> None:
        """Scores from one half on count; the name of the joints loses its last `.mp4` alone."""
        rows = rows_of("bold", miniature("bold"))
        first = rows["003/IzvOYVMltkI.mp4/0114.mp4#0"]
        assert set(rows) == {
            f"003/IzvOYVMltkI.mp4/{clip}.mp4#{person}" for clip, person in (("0114", 0), ("0114", 1), ("0115", 0))
        }
        assert (first["labels"], first["valence"], first["gender"]) == ([0, 25], 5.0, "Male")
        assert rows["003/IzvOYVMltkI.mp4/0115.mp4#0"]["boxes"] is None

    def test_boxes_begin_with_the_clip_and_leave_unseen_joints_out(
        self, miniature: Callable, rows_of: Callable
    ) -> None:
        """Frame numbers of the film would point behind the clip; zeros would pull every box to the corner."""
        rows = rows_of("bold", miniature("bold"))
        box = [3.0, 4.0, 11.0, 21.0]
        assert rows["003/IzvOYVMltkI.mp4/0114.mp4#0"]["boxes"] == [box, box, [], []]
        assert rows["003/IzvOYVMltkI.mp4/0114.mp4#1"]["boxes"] == [[], box, [], []]

    def test_a_table_with_other_columns_is_named(self, miniature: Callable, rows_of: Callable) -> None:
        """A header that somebody added, or a column that a spreadsheet dropped."""
        root = miniature("bold")
        (root / "annotations" / "val.csv").write_text("a,b,c\n")
        with pytest.raises(ValueError, match=r"val.csv:1: a row must have 37 fields, got 3"):
            rows_of("bold", root)
