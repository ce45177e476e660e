# SPDX-License-Identifier: Apache-2.0
"""AFEW: ids that repeat between splits."""

from collections.abc import Callable


def test_afew_ids_hold_the_split(miniature: Callable, rows_of: Callable) -> None:
    """The same video id occurs in both."""
    rows = rows_of("afew", miniature("afew"))
    expected = {(split, f"{split}/00515081{end}") for split in ("train", "validation") for end in (4, 7)}
    assert {(row["split"], clip) for clip, row in rows.items()} == expected


def test_afew_frames_of_the_papers_come_before_the_videos(miniature: Callable, labels_of: Callable) -> None:
    """Their folders are called by nouns; the id alone would be the same in both splits."""
    assert labels_of("afew", miniature("afew_faces")) == {
        "train/0_0_002916200": "happiness",
        "train/0_1_002916200": "sadness",
        "validation/1_0_002916200": "happiness",
        "validation/1_1_002916200": "sadness",
    }
