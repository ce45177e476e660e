# SPDX-License-Identifier: Apache-2.0
"""AffectNet: two releases, codes that are no classes."""

from collections.abc import Callable

import numpy as np
import pytest


def test_affectnet_leaves_out_what_is_no_class(miniature: Callable, rows_of: Callable, labels_of: Callable) -> None:
    """Code 8 is "none"; contempt counts in the task of eight alone."""
    root = miniature("affectnet")
    assert labels_of("affectnet", root, "8") == {
        "train/0": "neutral", "train/7": "contempt", "validation/0": "surprise", "validation/7": "anger",
        "validation/14": "happiness",
    }  # fmt: skip
    assert "train/7" not in labels_of("affectnet", root, "7")
    assert rows_of("affectnet", root)["train/7"]["arousal"] == 0.5


def test_affectnet_annotations_that_are_damaged_are_named(miniature: Callable, rows_of: Callable) -> None:
    """Of 290,000 small files some are cut short by every copy."""
    root = miniature("affectnet")
    path = root / "train_set" / "annotations" / "7_exp.npy"
    for content, message in (
        (b"", "is damaged or something else"),
        ("x", "must hold one number, got 'x'"),
        (float("nan"), "the expression must be a number from 0 to 10, got 'nan'"),
        (1.5, "the expression must be a number from 0 to 10, got '1.5'"),
    ):
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, np.array(content))
        with pytest.raises(ValueError, match=rf"7_exp.npy.* .*{message}"):
            rows_of("affectnet", root)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"7_exp.npy must be there"):
        rows_of("affectnet", root)


def test_affect_that_is_not_known_is_none(miniature: Callable, rows_of: Callable) -> None:
    """-2 as a valence would pull every regression."""
    root = miniature("affectnet")
    np.save(root / "train_set" / "annotations" / "7_val.npy", np.array("-2"))
    assert rows_of("affectnet", root)["train/7"]["valence"] is None


class TestFullRelease:
    def test_lists_are_read_with_and_without_heading(self, miniature: Callable, labels_of: Callable) -> None:
        """Some copies of the validation list lack it; a lost first row would go unnoticed. A still that is listed twice counts twice."""
        assert labels_of("affectnet", miniature("affectnet_full")) == {
            "train/1/a.jpg": "happiness",
            "train/1/a.jpg#2": "happiness",
            "validation/1/c.JPG": "anger",
            "validation/1/a.jpg": "neutral",
        }

    def test_boxes_and_affect_are_none_where_they_are_not_known(self, miniature: Callable, rows_of: Callable) -> None:
        """-2 is no valence, and NULL no corner."""
        rows = rows_of("affectnet", miniature("affectnet_full"))
        assert rows["train/1/a.jpg"]["boxes"] == [[3, 4, 13, 16]]
        assert rows["validation/1/a.jpg"]["boxes"] is None
        assert (rows["validation/1/c.JPG"]["valence"], rows["validation/1/c.JPG"]["arousal"]) == (0.5, None)

    def test_moved_columns_are_named(self, miniature: Callable, rows_of: Callable) -> None:
        """Valence in the place of the expression would be a class."""
        root = miniature("affectnet_full")
        path = root / "Manually_Annotated_file_lists" / "training.csv"
        path.write_text(path.read_text().replace("expression,valence", "valence,expression"))
        with pytest.raises(ValueError, match=r"training.csv:1: the columns must be subDirectory_filePath, .*, got"):
            rows_of("affectnet", root)
        path.write_text("1/a.jpg,3,4,10,12,1;2,9.5,0,0\n")
        with pytest.raises(
            ValueError, match=r"training.csv:1: the expression must be a number from 0 to 10, got '9.5'"
        ):
            rows_of("affectnet", root)
