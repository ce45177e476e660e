# SPDX-License-Identifier: Apache-2.0
"""CAER and CAER-S: numbers that start again in every folder, files that are no clips."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.cli import main
from emoclip.data.manifest import read_manifest
from emoclip.data.prepare import prepare


def test_caer_ids_hold_split_and_emotion(miniature: Callable, labels_of: Callable) -> None:
    """0001 exists in every folder; beside it lies what macOS wrote into the archive."""
    assert labels_of("caer", miniature("caer")) == {
        f"{split}/{folder}/0001": label
        for split in ("train", "validation", "test")
        for folder, label in (("Anger", "anger"), ("Sad", "sadness"))
    }


def test_caer_s_takes_stills_alone(miniature: Callable, rows_of: Callable) -> None:
    """`Thumbs.db` is no still."""
    rows = rows_of("caer_s", miniature("caer_s"))
    assert len(rows) == 4 and {row["media"] for row in rows.values()} == {"image"}


def test_folder_that_is_no_emotion_is_named(miniature: Callable, rows_of: Callable) -> None:
    """A folder of one's own among the emotions would become a class, or be lost."""
    root = miniature("caer_s")
    (root / "test" / "Smirk").mkdir()
    with pytest.raises(ValueError, match=r"test/Smirk: the label must be one of .*, got 'Smirk'"):
        rows_of("caer_s", root)


def test_split_that_was_not_unpacked_is_noticed(miniature: Callable, tmp_path: Path) -> None:
    """Without lists only empty folders tell half an archive from a whole one."""
    root = miniature("caer")
    shutil.rmtree(root / "test")
    with pytest.raises(ValueError, match="test, anger: 0 clips, officially some"):
        prepare("caer", root, tmp_path / "c.parquet")


def test_number_that_nothing_confirms_is_told_and_not_enforced(miniature: Callable, tmp_path: Path) -> None:
    """A copy that is right must not be refused for a number that may be wrong."""
    root = miniature("caer")
    for split in ("train", "validation", "test"):
        for folder in ("Disgust", "Fear", "Happy", "Neutral", "Surprise"):
            shutil.copytree(root / split / "Anger", root / split / folder)
    output = tmp_path / "c.parquet"
    assert main(["data", "prepare", "--dataset", "caer", "--root", str(root), "--output", str(output)]) == 0
    told = "all clips: 21 clips, usually told 13201 (not confirmed)"
    assert told in read_manifest(output).notes
