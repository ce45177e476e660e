# SPDX-License-Identifier: Apache-2.0
"""EMOTIC: the official file and the usual converter's tables."""

from collections.abc import Callable

from emoclip.data.readers import READERS


def test_emotic_cuts_boxes_and_keeps_missing_numbers_missing(miniature: Callable, rows_of: Callable) -> None:
    """A box outside the picture has no pixels, and NaN spreads through every mean."""
    rows = rows_of("emotic", miniature("emotic"))
    first, second = rows["train/0"], rows["train/1"]
    assert first["boxes"] == [[0.0, 2.0, 30.0, 24.0]]
    assert [READERS["emotic"].tasks["categories"][label] for label in first["labels"]] == ["doubt/confusion", "peace"]
    assert (first["valence"], first["dominance"], second["valence"]) == (5.0, None, None)
    assert len(rows) == 6
