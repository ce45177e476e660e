# SPDX-License-Identifier: Apache-2.0
"""AFEW: ids that repeat between splits."""

from collections.abc import Callable


def test_afew_ids_hold_the_split(miniature: Callable, rows_of: Callable) -> None:
    """The same video id occurs in both."""
    rows = rows_of("afew", miniature("afew"))
    expected = {(split, f"{split}/00515081{end}") for split in ("train", "validation") for end in (4, 7)}
    assert {(row["split"], clip) for clip, row in rows.items()} == expected
