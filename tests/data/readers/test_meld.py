# SPDX-License-Identifier: Apache-2.0
"""MELD: two encodings, videos that are missing or stray."""

from collections.abc import Callable


def test_meld_reads_both_encodings(miniature: Callable, rows_of: Callable) -> None:
    """Curly apostrophes of the archive's own tables are not UTF-8."""
    rows = rows_of("meld", miniature("meld"))
    assert set(rows) == {"train/dia0_utt3", "dev/dia0_utt3", "test/dia0_utt3"}
    assert {row["text"] for row in rows.values()} == {"Oh, that\N{RIGHT SINGLE QUOTATION MARK}s it"}
