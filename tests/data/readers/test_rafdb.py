# SPDX-License-Identifier: Apache-2.0
"""RAF-DB: names that differ between list and file."""

from collections.abc import Callable
from pathlib import Path

from emoclip.data.prepare import prepare


def test_rafdb_names_differ_between_list_and_file(miniature: Callable, rows_of: Callable, labels_of: Callable) -> None:
    """The list lacks `_aligned`, and labels count from 1."""
    root = miniature("rafdb")
    assert labels_of("rafdb", root) == {"train_00001": "happiness", "test_0001": "neutral"}
    assert labels_of("rafdb", root, "compound")["test_0001"] == "disgustedly surprised"
    assert rows_of("rafdb", root, "compound")["test_0001"]["components"] == ["disgust", "surprise"]


def test_half_a_compound_archive_is_told(miniature: Callable, tmp_path: Path) -> None:
    """The usual numbers are not confirmed, so that the manifest notes them and the command goes on."""
    prepared = prepare("rafdb", miniature("rafdb"), tmp_path / "m.parquet", task="compound")
    assert prepared.doubts == [
        "train: 1 clips, usually told 3162 (not confirmed)",
        "test: 1 clips, usually told 792 (not confirmed)",
    ]
