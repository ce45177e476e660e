# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from emoclip.metrics import (
    balanced_accuracy,
    class_labels,
    confusion_matrix,
    macro_f1,
    per_class_f1,
    per_class_precision,
    per_class_recall,
    uar,
    war,
    weighted_f1,
)


# Worked by hand. Rows of the matrix: anger 2 of 3 right, fear 1 of 2, joy 0 of 1.
REFERENCES = ["anger", "anger", "anger", "fear", "fear", "joy"]
PREDICTIONS = ["anger", "anger", "joy", "fear", "anger", "fear"]
FUNCTIONS = [
    balanced_accuracy,
    uar,
    war,
    macro_f1,
    weighted_f1,
    per_class_recall,
    per_class_precision,
    per_class_f1,
    confusion_matrix,
    class_labels,
]


def test_values_worked_by_hand():
    """A swapped axis gives the mean precision instead of the mean recall; both lie between 0 and 1."""
    assert uar(REFERENCES, PREDICTIONS) == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert balanced_accuracy(REFERENCES, PREDICTIONS) == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert war(REFERENCES, PREDICTIONS) == pytest.approx(3 / 6)
    # F1 = 2 TP / (references + predictions): anger 4 / (3 + 3), fear 2 / (2 + 2), joy 0 / (1 + 1).
    assert macro_f1(REFERENCES, PREDICTIONS) == pytest.approx((4 / 6 + 2 / 4 + 0) / 3)
    assert per_class_recall(REFERENCES, PREDICTIONS) == pytest.approx({"anger": 2 / 3, "fear": 1 / 2, "joy": 0.0})


def test_precision_and_f1_worked_by_hand():
    """Anger was said 3 times (2 right), fear twice (1 right), joy once (wrong)."""
    assert per_class_precision(REFERENCES, PREDICTIONS) == pytest.approx({"anger": 2 / 3, "fear": 1 / 2, "joy": 0.0})
    assert per_class_f1(REFERENCES, PREDICTIONS) == pytest.approx({"anger": 2 / 3, "fear": 1 / 2, "joy": 0.0})
    assert weighted_f1(REFERENCES, PREDICTIONS) == pytest.approx((3 * 2 / 3 + 2 * 1 / 2 + 0) / 6)
    # Predicted but never a reference: no weight. Never predicted: precision 0.
    assert weighted_f1([0, 0], [0, 2]) == pytest.approx(2 / 3)
    assert per_class_precision([0, 1], [0, 0]) == {0: 0.5, 1: 0.0}


def test_confusion_matrix_has_references_in_rows():
    """Everything else is computed from this matrix."""
    assert confusion_matrix(REFERENCES, PREDICTIONS).tolist() == [[2, 0, 1], [1, 1, 0], [0, 1, 0]]


def test_confusion_matrix_follows_given_order_and_keeps_absent_classes():
    """Pictures show the official class order, also for a class without clips."""
    matrix = confusion_matrix(["b", "b"], ["b", "a"], labels=["c", "b", "a"])
    assert matrix.tolist() == [[0, 0, 0], [0, 1, 1], [0, 0, 0]]
    assert matrix.dtype == np.int64


def test_predicted_class_without_references_counts_zero():
    """Leaving it out of the mean would reward predicting classes that cannot occur."""
    assert uar([0, 0, 1], [0, 2, 1]) == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert per_class_recall([0, 0, 1], [0, 2, 1]) == {0: 0.5, 1: 1.0, 2: 0.0}
    assert macro_f1([0, 0, 1], [0, 2, 1]) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_class_that_occurs_nowhere_does_not_count():
    """Ids with a gap: class 1 of 0, 1, 2 is in neither list and must not lower the mean."""
    assert uar([0, 2], [0, 2]) == 1.0


@pytest.mark.parametrize(
    ("references", "predictions", "expected"),
    [
        ([3], [3], (1.0, 1.0, 1.0)),
        ([3], [4], (0.0, 0.0, 0.0)),
        ([0, 1, 2, 2], [2, 2, 2, 2], (1 / 3, 1 / 2, (4 / 6) / 3)),
        ([1, 1], [1, 1], (1.0, 1.0, 1.0)),
    ],
    ids=["single right", "single wrong", "constant prediction", "single class"],
)
def test_edge_cases(references, predictions, expected):
    """Divisions by zero hide in these."""
    assert (uar(references, predictions), war(references, predictions), macro_f1(references, predictions)) == (
        pytest.approx(expected)
    )


def test_agrees_with_scikit_learn():
    """The original evaluation used scikit-learn; its macro averages are over classes in either list too."""
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(3)
    references, predictions = generator.integers(0, 7, 97), generator.integers(0, 9, 97)
    assert uar(references, predictions) == pytest.approx(
        metrics.recall_score(references, predictions, average="macro", zero_division=0)
    )
    assert macro_f1(references, predictions) == pytest.approx(
        metrics.f1_score(references, predictions, average="macro")
    )


@pytest.mark.parametrize("convert", [list, tuple, np.array, torch.tensor], ids=["list", "tuple", "numpy", "torch"])
def test_accepts_any_list_of_ids(convert):
    """Arg-max gives arrays and tensors; making the caller convert invites mistakes."""
    assert uar(convert([0, 0, 1]), convert([0, 1, 1])) == 0.75


def test_accepts_arrays_and_series_of_names():
    """Columns of tables hold names as objects."""
    pandas = pytest.importorskip("pandas")
    assert uar(np.array(["a", "b"]), np.array(["a", "b"], dtype=object)) == 1.0
    assert uar(pandas.Series(["a", "b"]), ["a", "a"]) == 0.5


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("references", "predictions", "message"),
    [
        ([], [], r"at least one clip, got 0"),
        ([0, 1], [0], r"same length, got 2 and 1"),
        ([0, 1], ["a", "b"], r"both hold integer ids or both hold names, got 1 and 'b'"),
        ([0, "a"], [0, 1], r"got 1 and 'a'"),
        ([0.5, 1.0], [0, 1], r"`references` must hold integer ids or names, got 0.5 at position 0"),
        ([0, 1], [0, float("nan")], r"`predictions` must hold integer ids or names, got nan at position 1"),
        (np.array([0.0, np.nan]), [0, 1], r"got 0.0 at position 0"),
        ([None, 1], [0, 1], r"got None at position 0"),
        ([True, False], [0, 1], r"got True at position 0"),
        (["a", float("nan")], ["a", "b"], r"got nan at position 1"),
        ([[0.1, 0.9]], [1], r"`references` must have one dimension, got a list at position 0; take the arg-max"),
        (np.zeros((2, 3)), [0, 1], r"must have one dimension"),
        (np.array(3), [3], r"must have one dimension, got the single value 3"),
        ("joy", "joy", r"must be a list of integer ids or names, got 'joy'"),
        (3, 3, r"must be a list of integer ids or names, got 3"),
    ],
)
def test_bad_labels_are_refused(function, references, predictions, message):
    """Each of these would otherwise give a number that looks like a result."""
    with pytest.raises(ValueError, match=message):
        function(references, predictions)


def test_label_outside_the_given_classes_is_named():
    """A name of another data set must not vanish from the matrix."""
    with pytest.raises(ValueError, match=r"one of the 2 given classes, got 'joy'"):
        confusion_matrix(["a"], ["joy"], labels=["a", "b"])


def test_repeated_class_is_refused():
    """Two rows for one class would share its clips."""
    with pytest.raises(ValueError, match=r"`labels` must name each class once"):
        confusion_matrix([0], [0], labels=[0, 0])


def test_balanced_accuracy_has_no_place_for_a_class_without_clips():
    """`uar` counts the predicted class 2, which no clip has, as a recall of 0."""
    references, predictions = [0] * 5 + [1] * 2, [0, 0, 1, 2, 2, 1, 1]
    assert balanced_accuracy(references, predictions) == pytest.approx((0.4 + 1) / 2)
    assert uar(references, predictions) == pytest.approx((0.4 + 1 + 0) / 3)
