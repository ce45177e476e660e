# SPDX-License-Identifier: Apache-2.0
"""BoLD: persons as rows, boxes from joints."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.data.prepare import prepare


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

    def test_frames_are_taken_where_only_they_were_kept(self, miniature: Callable, rows_of: Callable) -> None:
        """Their folders are called like videos."""
        rows = rows_of("bold", miniature("bold_frames"))
        first = rows["003/IzvOYVMltkI.mp4/0114.mp4#0"]
        assert (first["media"], first["num_frames"]) == ("frames", 2)

    def test_a_person_listed_again_is_one_more_row_or_named(
        self, miniature: Callable, rows_of: Callable, tmp_path: Path
    ) -> None:
        """A list that rates two stretches of one person is whole; one that holds a line twice is damaged."""
        root = miniature("bold")
        path = root / "annotations" / "train.csv"
        lines = path.read_text().splitlines()
        clip, person, *_ = fields = lines[0].split(",")
        again = ",".join([clip, person, "901", "933", *fields[4:]])
        path.write_text("\n".join([*lines, again]) + "\n")
        rows = rows_of("bold", root)
        first, second = rows[f"{clip}#{person}"], rows[f"{clip}#{person}@901-933"]
        assert first["subject_id"] == second["subject_id"] and first["path"] == second["path"]
        path.write_text("\n".join([*lines, lines[0]]) + "\n")
        where = rf"train.csv:1 and in annotations/train.csv:{len(lines) + 1}"
        with pytest.raises(ValueError, match=rf"must be listed once, '{clip}#{person}' is in annotations/{where}"):
            prepare("bold", root, tmp_path / "b.parquet", allow_missing=True)

    def test_moved_columns_and_damaged_joints_are_named(self, miniature: Callable, rows_of: Callable) -> None:
        """A score of 100 is the number of a frame."""
        root = miniature("bold")
        joints = root / "joints" / "003" / "IzvOYVMltkI.mp4" / "0114.npy"
        joints.write_bytes(joints.read_bytes()[:100])
        with pytest.raises(ValueError, match=r"0114.npy must hold a NumPy array"):
            rows_of("bold", root)
        joints.unlink()
        path = root / "annotations" / "val.csv"
        fields = path.read_text().strip().split(",")
        path.write_text(",".join([*fields[:2], "1", *fields[2:-1]]) + "\n")
        with pytest.raises(ValueError, match=r"val.csv:1: a score must be from 0 to 1, got .*moved"):
            rows_of("bold", root)
