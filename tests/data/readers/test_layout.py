# SPDX-License-Identifier: Apache-2.0
"""Finding and reading the files of a download."""

from pathlib import Path

import pytest

from emoclip.data.readers.layout import (
    class_id,
    entries,
    find,
    find_or_none,
    is_file,
    media_of,
    natural_order,
    numbered_id,
)


def test_folders_are_found_whatever_their_case(tmp_path: Path) -> None:
    """Copies through other file systems change it."""
    (tmp_path / "clip" / "Original").mkdir(parents=True)
    assert find(tmp_path, "Clip", "original").name == "Original"
    assert find_or_none(tmp_path, "Clip", "faces") is None
    with pytest.raises(FileNotFoundError, match=r"clip must hold 'faces' \(a pattern\), found Original"):
        find(tmp_path, "Clip", "faces")


def test_words_and_numbers_become_ids() -> None:
    """Adjectives, capitals, and codings that begin elsewhere."""
    assert class_id(" Happy ", ("sadness", "happiness"), "a:1") == 1
    assert numbered_id("3", {3: "joy"}, ("fear", "joy"), "a:1") == 1
    with pytest.raises(ValueError, match="a:7: the label must be one of sadness, got 'joy'"):
        class_id("joy", ("sadness",), "a:7")
    with pytest.raises(ValueError, match="a:7: the label must be one of 3, got 'x'"):
        numbered_id("x", {3: "joy"}, ("joy",), "a:7")


def test_files_are_ordered_by_their_numbers(tmp_path: Path) -> None:
    """As text, 10 stands before 2, and a clip is played out of order."""
    names = ["10.jpg", "2.jpg", "1.jpg", "a.jpg", "frame_3.jpg"]
    assert [path.name for path in sorted(map(Path, names), key=natural_order)] == [
        "1.jpg",
        "2.jpg",
        "10.jpg",
        "a.jpg",
        "frame_3.jpg",
    ]


def test_digits_that_are_no_decimals_do_not_stop_the_order() -> None:
    """A superscript is a digit to Python, and no number."""
    assert [path.name for path in sorted(map(Path, ["1²10.mp4", "1²2.mp4"]), key=natural_order)] == [
        "1²2.mp4",
        "1²10.mp4",
    ]


def test_frames_are_counted_on_disk(tmp_path: Path) -> None:
    """Published lists count another crop of the faces."""
    (tmp_path / "clip").mkdir()
    for name in ("1.jpg", "2.PNG", "Thumbs.db", "._1.jpg"):
        (tmp_path / "clip" / name).touch()
    assert media_of(tmp_path / "clip")["num_frames"] == 2
    assert media_of(tmp_path / "no")["num_frames"] is None
    # Longer than the system takes.
    assert media_of(tmp_path / ("x" * 300))["num_frames"] is None
    assert not is_file(tmp_path / ("x" * 300 + ".mp4"))
    assert is_file(tmp_path / "clip" / "1.jpg") and not is_file(tmp_path / "clip")
    assert media_of(tmp_path / "a.AVI")["media"] == "video"
    assert media_of(tmp_path / "a.jpg")["media"] == "image"


def test_hidden_files_are_no_clips_and_circles_are_refused(tmp_path: Path) -> None:
    """Archives made on a Mac hold a `._` file for each clip; a link to its own folder has no end."""
    for name in ("10.avi", "2.avi", "._2.avi", ".DS_Store"):
        (tmp_path / name).touch()
    assert [path.name for path in entries(tmp_path)] == ["2.avi", "10.avi"]
    (tmp_path / "loop").symlink_to(tmp_path)
    with pytest.raises(ValueError, match=r"loop must lead to clips, it is a symbolic link in a circle"):
        entries(tmp_path)
