# SPDX-License-Identifier: Apache-2.0
"""FERPlus: the majority rule, names that occur twice, stills inside Kaggle's table."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emoclip.data.readers.ferplus import majority


class TestFERPlus:
    @pytest.mark.parametrize(
        ("votes", "label"),
        [
            ([0, 8, 1, 1, 0, 0, 0, 0, 0, 0], 1),
            ([5, 5, 0, 0, 0, 0, 0, 0, 0, 0], None),
            ([0, 0, 0, 0, 0, 0, 0, 0, 9, 1], None),
            ([6, 1, 1, 1, 1, 0, 0, 0, 0, 0], 0),
            ([4, 3, 3, 0, 0, 0, 0, 0, 0, 0], None),
            ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], None),
        ],
    )
    def test_majority_rule(self, votes: list[int], label: int | None) -> None:
        """Votes of one person alone are taken away first; half is no majority."""
        assert majority(votes) == label

    def test_name_that_is_listed_twice_is_refused(
        self, miniature: Callable, labels_of: Callable, rows_of: Callable
    ) -> None:
        """In `label.csv` none is; of a list that somebody edited one of two votes would be dropped without a word."""
        root = miniature("ferplus")
        labels = labels_of("ferplus", root)
        assert sorted(set(labels.values())) == ["anger", "happiness"]
        assert len(labels) == 6
        with (root / "data" / "FER2013Valid" / "label.csv").open("a") as file:
            file.write('fer0010003.png,"(0, 0, 48, 48)",6,0,0,0,0,0,0,0,0,4\n')
        with pytest.raises(ValueError, match=r"label.csv:5: .* fer0010003.png is in FER2013Valid/label.csv:4 too"):
            rows_of("ferplus", root)


class TestKagglesTable:
    def test_stills_are_joined_by_row_and_the_later_one_of_a_name_stays(
        self, miniature: Callable, labels_of: Callable, rows_of: Callable
    ) -> None:
        """A name is not the number of its row: by it, every still behind the first removed one would have another's label."""
        root = miniature("ferplus_pixels")
        assert labels_of("ferplus", root) == {
            **{f"fer00{split}0000": "happiness" for split in range(3)},
            **{f"fer00{split}0003": "anger" for split in range(3)},
        }
        rows = rows_of("ferplus", root)
        # Rows count from 0 with the removed one: the names 0, none, 1, 3, 2, 3.
        for name, place in (("fer0010000", 0), ("fer0010003", 5)):
            picture = np.asarray(Image.open(rows[name]["path"]))
            assert picture.shape == (48, 48) and (picture == 10 * place).all()

    def test_stills_of_an_earlier_run_are_kept(self, miniature: Callable, rows_of: Callable) -> None:
        """Unpacking 35,000 takes a while, and may be stopped."""
        root = miniature("ferplus_pixels")
        before = {row["path"]: row["path"].stat().st_mtime_ns for row in rows_of("ferplus", root).values()}
        next(iter(before)).unlink()
        after = {row["path"]: row["path"].stat().st_mtime_ns for row in rows_of("ferplus", root).values()}
        assert set(after) == set(before)
        assert [after[path] == before[path] for path in before] == [False] + [True] * (len(before) - 1)

    def test_still_that_is_listed_and_not_there_is_missing(
        self, miniature: Callable, rows_of: Callable, tmp_path: Path
    ) -> None:
        """Half a table."""
        root = miniature("ferplus_pixels")
        lines = (root / "fer2013.csv").read_text().splitlines()
        (root / "fer2013.csv").write_text("\n".join(lines[:-1]) + "\n")
        rows = rows_of("ferplus", root)
        assert [name for name, row in rows.items() if not row["path"].is_file()] == ["fer0020003"]
        assert rows["fer0020003"]["listed"] == "FER2013Test/label.csv:4"

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("0,1 2 3,Training", r"fer2013.csv:2: `pixels` must be 2304 numbers, got 3"),
            ("0,1 x,Training", r"fer2013.csv:2: `pixels` must be numbers from 0 to 255"),
            (
                "0,1 2,PublicTest",
                r"fer2013.csv:2: `Usage` must be as in .*fer2013new.csv:2, 'Training', got 'PublicTest'",
            ),
        ],
    )
    def test_tables_that_do_not_fit_are_named(
        self, line: str, message: str, miniature: Callable, rows_of: Callable
    ) -> None:
        """Another edition of the set, in another order."""
        root = miniature("ferplus_pixels")
        (root / "fer2013.csv").write_text(f"emotion,pixels,Usage\n{line}\n")
        with pytest.raises(ValueError, match=message):
            rows_of("ferplus", root)
