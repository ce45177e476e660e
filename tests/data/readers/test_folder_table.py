# SPDX-License-Identifier: Apache-2.0
"""Tables of one's own clips: what is wrong is named with file and row."""

from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset, Features, Value

from emoclip.data.prepare import prepare
from emoclip.data.readers import get_reader


def test_parquet_as_videofolder_writes_it(tmp_path: Path) -> None:
    """Classes are numbers there: `0` is no name to compare a face with."""
    features = Features(
        {"file_name": Value("string"), "label": ClassLabel(names=["tense", "calm"]), "take": Value("int64")}
    )
    rows = [{"file_name": f"{name}.mp4", "label": label, "take": 7} for name, label in (("a", 0), ("b", 1))]
    Dataset.from_list(rows, features=features).to_parquet(tmp_path / "metadata.parquet")
    reader = get_reader("folder", tmp_path)
    assert reader.tasks["classes"] == ("calm", "tense")
    assert [(row["label"], row["take"]) for row in reader.rows(tmp_path, "classes")] == [(1, 7), (0, 7)]


@pytest.mark.parametrize("second", ["a.mp4", "./a.mp4"])
def test_a_file_listed_twice_is_named_with_both_rows(second: str, tmp_path: Path) -> None:
    """Two answers for one clip."""
    (tmp_path / "metadata.csv").write_text(f"file_name,label\na.mp4,calm\nb.mp4,calm\n{second},tense\n")
    with pytest.raises(ValueError, match=r"metadata.csv:4: every file must be listed once, .* is in row 2 too"):
        get_reader("folder", tmp_path)


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    """A download that broke off."""
    (tmp_path / "metadata.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"metadata.parquet must be a Parquet file"):
        get_reader("folder", tmp_path)


def test_a_missing_file_is_named_with_its_row(tmp_path: Path) -> None:
    """Of ten thousand rows one has a slip of the pen."""
    (tmp_path / "metadata.csv").write_text("file_name,label\ngone.mp4,calm\n")
    with pytest.raises(FileNotFoundError, match=r"1 are missing: gone.mp4 \(metadata.csv:2\)"):
        prepare("folder", tmp_path, tmp_path / "m.parquet")


@pytest.mark.parametrize("link", ["calm/again", "again"])
@pytest.mark.parametrize("target", ["up", "itself"])
def test_links_in_a_circle_are_named(link: str, target: str, tmp_path: Path) -> None:
    """A folder that holds itself has no end, and Python's own error no file name."""
    (tmp_path / "calm").mkdir()
    place = tmp_path / link
    place.symlink_to(tmp_path if target == "up" else place)
    with pytest.raises(ValueError, match=r"again must lead to clips, it is a symbolic link in a circle"):
        get_reader("folder", tmp_path)


def test_a_name_that_no_file_can_have_is_named_with_its_row(tmp_path: Path) -> None:
    """Two columns that ran together give names longer than the system takes."""
    (tmp_path / "metadata.csv").write_text(f"file_name,label\n{'x' * 300}.mp4,calm\n")
    # Newer versions of Python take it for a file that is not there.
    with pytest.raises((ValueError, FileNotFoundError), match=r"metadata.csv:2"):
        prepare("folder", tmp_path, tmp_path / "m.parquet")
