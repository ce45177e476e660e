# SPDX-License-Identifier: Apache-2.0
"""AffectNet: two releases, codes that are no classes."""

from collections.abc import Callable
from pathlib import Path


def test_affectnet_leaves_out_what_is_no_class(miniature: Callable, rows_of: Callable, labels_of: Callable) -> None:
    """Code 8 is "none"; contempt counts in the task of eight alone."""
    root = miniature("affectnet")
    assert labels_of("affectnet", root, "8") == {
        "train/0": "neutral", "train/7": "contempt", "validation/0": "surprise", "validation/7": "anger",
        "validation/14": "happiness",
    }  # fmt: skip
    assert "train/7" not in labels_of("affectnet", root, "7")
    assert rows_of("affectnet", root)["train/7"]["arousal"] == 0.5


def test_affectnet_full_release_with_and_without_header(tmp_path: Path, rows_of: Callable) -> None:
    """Some copies of the validation list lack it; a lost first row would go unnoticed."""
    lists, pictures = tmp_path / "Manually_Annotated_file_lists", tmp_path / "Manually_Annotated_Images"
    (pictures / "1").mkdir(parents=True)
    lists.mkdir()
    header = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n"
    (lists / "training.csv").write_text(
        header + "1/a.jpg,10,20,30,40,1;2,1,0.5,-0.5\n1/b.jpg,NULL,NULL,NULL,NULL,,10,-2,-2\n"
    )
    (lists / "validation.csv").write_text("1/c.JPG,10,20,30,40,1;2,6,0.5,-0.5\n")
    rows = rows_of("affectnet", tmp_path)
    assert set(rows) == {"train/1/a.jpg", "validation/1/c.JPG"}
    assert rows["train/1/a.jpg"]["boxes"] == [[10, 20, 40, 60]]
