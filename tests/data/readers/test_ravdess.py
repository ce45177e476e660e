# SPDX-License-Identifier: Apache-2.0
"""RAVDESS: which of the takes count."""

from collections.abc import Callable


def test_ravdess_takes_speech_with_picture_and_sound(miniature: Callable, rows_of: Callable) -> None:
    """Song and silent copies of the same takes would count twice."""
    rows = rows_of("ravdess", miniature("ravdess"))
    assert len(rows) == 4
    assert {row["split"] for row in rows.values() if row["subject_id"] == "22"} == {"test"}
