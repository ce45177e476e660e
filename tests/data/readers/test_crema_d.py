# SPDX-License-Identifier: Apache-2.0
"""CREMA-D: a split by actor."""

from collections.abc import Callable


def test_crema_d_splits_by_actor(miniature: Callable, rows_of: Callable) -> None:
    """A split of clips would test on faces seen in training."""
    rows = rows_of("crema_d", miniature("crema_d"))
    assert {row["subject_id"]: row["split"] for row in rows.values()} == {"1001": "train", "1005": "test"}
