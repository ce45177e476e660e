# SPDX-License-Identifier: Apache-2.0
"""CREMA-D: a split by actor."""

from collections.abc import Callable


def test_crema_d_splits_by_actor(miniature: Callable, rows_of: Callable) -> None:
    """A split of clips would test on faces seen in training."""
    rows = rows_of("crema_d", miniature("crema_d"))
    assert {row["subject_id"]: row["split"] for row in rows.values()} == {"1001": "train", "1005": "test"}


def test_crema_d_takes_over_what_is_known_of_the_actors(miniature: Callable, rows_of: Callable) -> None:
    """Errors by age and sex can be compared only where these stand."""
    rows = rows_of("crema_d", miniature("crema_d"))
    assert (rows["1001_DFA_ANG_XX"]["sex"], rows["1001_DFA_ANG_XX"]["age"]) == ("Male", "51")
    assert "sex" not in rows["1005_IEO_HAP_HI"]
