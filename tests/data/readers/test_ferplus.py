# SPDX-License-Identifier: Apache-2.0
"""FERPlus: the majority rule, names that occur twice, stills inside Kaggle's table."""

from collections.abc import Callable

import pytest

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

    def test_later_row_of_a_name_wins(self, miniature: Callable, labels_of: Callable) -> None:
        """The picture of the later row has overwritten the earlier one."""
        labels = labels_of("ferplus", miniature("ferplus"))
        assert sorted(set(labels.values())) == ["anger", "happiness"]
        assert len(labels) == 6
