# SPDX-License-Identifier: Apache-2.0
"""AFEW: ids that repeat between splits."""

from collections.abc import Callable

from emoclip.data.counts import differences, table_lines
from emoclip.data.readers import READERS
from emoclip.data.readers.reader import counts_of


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


def test_afew_videos_are_checked_by_their_sums() -> None:
    """A few labels differ between versions of the set; the classes of the face frames are known."""
    reader = READERS["afew"]
    names = reader.tasks["single"]
    train, validation = [150, 117, 143, 134, 74, 74, 81], [63, 61, 63, 64, 46, 40, 46]
    videos = counts_of(names, train=train, validation=validation)
    assert differences(videos, reader, "single") == []
    videos["train"]["fear"] -= 1
    # Of the videos that they are, and not of the face frames.
    assert differences(videos, reader, "single") == ["train: 772 clips, officially 773"]
    line = next(line for line in table_lines(videos, reader, "single") if line.startswith("train"))
    assert "772/773" in line and "neutral 143," in line
