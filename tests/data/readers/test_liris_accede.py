# SPDX-License-Identifier: Apache-2.0
"""LIRIS-ACCEDE: seconds of films, and short clips."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.data.prepare import prepare


class TestLirisAccede:
    def test_a_row_is_the_frame_at_its_second(self, miniature: Callable, rows_of: Callable) -> None:
        """Frames are named from 1, seconds from 0; in a film the frame comes from the rate."""
        rows = rows_of("liris_accede", miniature("liris_accede"))
        assert set(rows) == {"MEDIAEVAL18_00/00000", "MEDIAEVAL18_54/00000", "MEDIAEVAL18_54/00001"}
        assert rows["MEDIAEVAL18_54/00001"]["path"].name == "00000002.jpg"
        assert (rows["MEDIAEVAL18_00/00000"]["start_frame"], rows["MEDIAEVAL18_00/00000"]["end_frame"]) == (0, 1)
        assert [row["split"] for row in rows.values()] == ["train", "test", "test"]

    def test_columns_are_found_by_heading(self, miniature: Callable, rows_of: Callable) -> None:
        """One release has a column before valence; by position its arousal would be the valence."""
        rows = rows_of("liris_accede", miniature("liris_accede"))
        assert all(row["targets"] == [0.25, -0.5] for row in rows.values())

    def test_short_clips_keep_the_official_sets(self, miniature: Callable, rows_of: Callable) -> None:
        """0 is test, not train."""
        rows = rows_of("liris_accede", miniature("liris_accede"), "discrete")
        assert [row["split"] for row in rows.values()] == ["test", "train", "validation"]
        assert rows["ACCEDE00000.mp4"]["targets"] == [2.5, 3.25]

    def test_moved_columns_are_named(self, miniature: Callable, rows_of: Callable) -> None:
        """A table saved by a spreadsheet."""
        root = miniature("liris_accede")
        path = root / "ACCEDEranking.txt"
        path.write_text(path.read_text().replace("valenceValue", "value"))
        with pytest.raises(ValueError, match=r"ranking.txt:1: the heading must have the column valencevalue"):
            rows_of("liris_accede", root, "discrete")

    def test_missing_films_are_refused(self, miniature: Callable, tmp_path: Path) -> None:
        """Without the test archive there would be a manifest, of training films alone."""
        with pytest.raises(ValueError, match=r"2 differ: train: 1 films, officially 54; test: 1 films, officially 12"):
            prepare("liris_accede", miniature("liris_accede"), tmp_path / "m.parquet")

    def test_what_stands_twice_is_named_with_both_rows(self, miniature: Callable, tmp_path: Path) -> None:
        """Two answers for one second."""
        root = miniature("liris_accede")
        path = next(root.rglob("MEDIAEVAL18_54_Valence-Arousal.txt"))
        path.write_text(path.read_text() + "1\t0\t0.25\t0.5\n")
        with pytest.raises(ValueError, match=r"is in annotations/\S+.txt:3 and in annotations/\S+54_\S+.txt:4"):
            prepare("liris_accede", root, tmp_path / "m.parquet")
        ranking = root / "ACCEDEranking.txt"
        ranking.write_text(ranking.read_text() + ranking.read_text().splitlines()[1] + "\n")
        with pytest.raises(ValueError, match=r"ACCEDEranking.txt:2 and in .*ACCEDEranking.txt:5"):
            prepare("liris_accede", root, tmp_path / "m.parquet", task="discrete")
