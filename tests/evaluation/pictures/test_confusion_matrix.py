# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.evaluation.pictures.confusion_matrix import plot_confusion_matrix


def texts(monkeypatch, matrix, names, tmp_path):
    """Draws and returns what was written into the cells, by (row, column)."""
    from matplotlib.axes import Axes

    written = {}
    monkeypatch.setattr(Axes, "text", lambda self, x, y, text, **options: written.update({(y, x): text}))
    plot_confusion_matrix(matrix, names, tmp_path / "m.png")
    return written


def test_picture_is_written(tmp_path):
    path = plot_confusion_matrix([[3, 1], [0, 2]], ["anger", "joy"], tmp_path / "m.png", title="T")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_cells_tell_share_of_the_row_and_count(monkeypatch, tmp_path):
    """Normalising columns instead shows precision and looks just as plausible."""
    written = texts(monkeypatch, [[3, 1], [0, 2]], ["a", "b"], tmp_path)
    assert written == {(0, 0): "75 %\n3", (0, 1): "25 %\n1", (1, 1): "100 %\n2"}


def test_class_without_clips_is_an_empty_row(monkeypatch, tmp_path):
    """Division by zero would make the row NaN and draw it white or not at all."""
    assert texts(monkeypatch, [[0, 0], [1, 1]], ["a", "b"], tmp_path) == {(1, 0): "50 %\n1", (1, 1): "50 %\n1"}


def test_many_classes_have_no_numbers(monkeypatch, tmp_path):
    """43 classes of numbers would be a grey smear."""
    assert texts(monkeypatch, np.eye(21, dtype=int), [str(i) for i in range(21)], tmp_path) == {}


def test_other_shape_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"shape \(3, 3\) of its 3 names, got \(2, 2\)"):
        plot_confusion_matrix(np.eye(2), ["a", "b", "c"], tmp_path / "m.png")
