# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, top_k_accuracy_score

from emoclip.metrics import (
    auc,
    fold_values,
    mean_average_precision,
    per_class_auc,
    per_class_average_precision,
    per_group,
    top_k_accuracy,
)


# By hand, class 0 (positives: rows 0, 1): the positive scores 0.9 and 0.2 against the negatives 0.3 and 0.1 and 0.2.
REFERENCES = [0, 0, 1, 2, 1]
SCORES = [[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.3, 0.6, 0.1], [0.1, 0.7, 0.2], [0.2, 0.7, 0.1]]


def test_values_worked_by_hand():
    """AUC counts pairs in the right order, ties half; average precision sums precision over the gains of recall."""
    # Class 0: 0.9 beats three negatives, 0.2 beats one and ties with one: 4.5 of 6 pairs.
    # Class 1: 0.6 and 0.7 against 0.1, 0.3, 0.7: 2 + 2.5 of 6. Class 2: 0.2 beats three of 0, 0.5, 0.1, 0.1.
    assert per_class_auc(REFERENCES, SCORES) == pytest.approx([4.5 / 6, 4.5 / 6, 3 / 4])
    # Class 0: 0.9 alone (1 of 1), then 0.3, then the two with 0.2 (2 of 4). Class 1: 0.7 twice (1 of 2), 0.6 (2 of 3).
    # Class 2: 0.5 is wrong, 0.2 is right (1 of 2).
    expected = [0.5 * 1 + 0.5 * 2 / 4, 0.5 * 1 / 2 + 0.5 * 2 / 3, 1 / 2]
    assert per_class_average_precision(REFERENCES, SCORES) == pytest.approx(expected)
    assert auc(REFERENCES, SCORES) == pytest.approx((4.5 / 6 + 4.5 / 6 + 3 / 4) / 3)
    assert mean_average_precision(REFERENCES, SCORES) == pytest.approx(np.mean(expected))


def test_top_k_by_hand():
    """Row 1 has its class third, row 3 second; k counts from the highest score."""
    assert [top_k_accuracy(REFERENCES, SCORES, k=k) for k in (1, 2, 3)] == [3 / 5, 4 / 5, 1.0]


@pytest.mark.parametrize("decimals", [8, 1], ids=["no ties", "many ties"])
def test_values_agree_with_scikit_learn(decimals):
    """The published numbers come from scikit-learn; ties are where implementations differ."""
    generator = np.random.default_rng(3)
    references, scores = generator.integers(0, 5, 211), generator.random((211, 5)).round(decimals)
    one_hot = references[:, None] == np.arange(5)
    assert auc(references, scores) == pytest.approx(roc_auc_score(one_hot, scores, average="macro"))
    assert mean_average_precision(references, scores) == pytest.approx(average_precision_score(one_hot, scores))
    multi = generator.random((211, 5)) < 0.3
    assert per_class_auc(multi, scores) == pytest.approx(roc_auc_score(multi, scores, average=None))
    assert per_class_average_precision(multi, scores) == pytest.approx(
        average_precision_score(multi, scores, average=None)
    )
    distinct = generator.random((211, 5))
    assert top_k_accuracy(references, distinct, k=2) == pytest.approx(top_k_accuracy_score(references, distinct, k=2))


def test_constant_scores_are_worth_nothing():
    """A collapsed model must get chance, not the value that a lucky order of equal scores gives."""
    references, scores = [0, 1, 1, 2, 1, 0, 0], np.full((7, 3), 0.3)
    assert auc(references, scores) == 0.5
    assert per_class_average_precision(references, scores) == pytest.approx([3 / 7, 3 / 7, 1 / 7])
    assert top_k_accuracy(references, scores, k=1) == 3 / 7  # arg-max takes the first class


def test_class_without_positives_is_left_out_of_the_mean():
    """A fold without a class would lower the mean by a class that nobody could recognise."""
    references, scores = [0, 0, 1], [[0.9, 0.1, 0], [0.4, 0.6, 0], [0.2, 0.8, 0.3]]
    values = per_class_auc(references, scores)
    assert values[:2] == pytest.approx([1, 1])
    assert np.isnan(values[2])
    assert np.isnan(per_class_average_precision(references, scores)[2])
    assert auc(references, scores) == mean_average_precision(references, scores) == 1


def test_single_positive_is_enough():
    """One positive among five clips has one rank: third from the top gives the average precision 1 / 3."""
    references, scores = [0, 0, 0, 0, 1], [[0, 5], [0, 4], [0, 1], [0, 2], [0, 3]]
    assert per_class_average_precision(references, scores)[1] == pytest.approx(1 / 3)
    assert per_class_auc(references, scores)[1] == pytest.approx(2 / 4)


def test_clip_without_any_class_is_never_right():
    """In BoLD some clips reach 0.5 in no class; they count among the clips."""
    assert top_k_accuracy([[0, 0], [0, 1]], [[0.3, 0.7], [0.3, 0.7]], k=2) == 0.5


@pytest.mark.parametrize(
    ("references", "scores", "message"),
    [
        ([0], [[1.0]], r"at least 2 classes, got \(1, 1\)"),
        ([], np.zeros((0, 3)), r"at least 2 classes, got \(0, 3\)"),
        ([0, 1], [[0.1, 0.2], [0.3, float("nan")]], r"`scores` must be finite, got \[0.3, nan\] in row 1"),
        ([0, 2], [[0.1, 0.2], [0.3, 0.4]], r"positions from 0 to 1 in `scores`, got 2"),
        ([0, -1], [[0.1, 0.2], [0.3, 0.4]], r"positions from 0 to 1 in `scores`, got -1"),
        ([0.0, 1.0], [[0.1, 0.2], [0.3, 0.4]], r"positions from 0 to 1 in `scores`, got 0.0"),
        (
            [False, True],
            [[0.1, 0.2], [0.3, 0.4]],
            r"positions from 0 to 1 in `scores`, got False",
        ),
        (np.array([0, None], object), [[0.1, 0.2], [0.3, 0.4]], r"positions from 0 to 1 in `scores`, got None"),
        (np.array([0, 1.0], object), [[0.1, 0.2], [0.3, 0.4]], r"positions from 0 to 1 in `scores`, got 1.0"),
        ([0], [[0.1, 0.2], [0.3, 0.4]], r"in the shape \(2, 2\) of `scores`, got the shape \(1,\)"),
        ([[0, 2], [0, 1]], [[0.1, 0.2], [0.3, 0.4]], r"0/1 in the shape \(2, 2\)"),
    ],
)
def test_bad_input_is_refused(references, scores, message):
    """Broadcasting would give a number for most of these."""
    for metric in (auc, mean_average_precision, per_class_auc, per_class_average_precision):
        with pytest.raises(ValueError, match=message):
            metric(references, scores)


def test_no_class_with_both_kinds_is_refused():
    """The mean of nothing is NaN, which would travel into a report."""
    with pytest.raises(ValueError, match="at least one positive and one negative clip, got none among 2 classes"):
        auc([0, 0], [[0.1, 0.2], [0.3, 0.4]])
    with pytest.raises(ValueError, match="at least one positive clip"):
        mean_average_precision([[0, 0]], [[0.1, 0.2]])


@pytest.mark.parametrize("k", [0, 4])
def test_impossible_k_is_refused(k):
    """k above the number of classes would always be right."""
    with pytest.raises(ValueError, match=f"`k` must lie between 1 and the 3 classes, got {k}"):
        top_k_accuracy(REFERENCES, SCORES, k=k)


def test_ids_in_an_array_of_objects_are_ids():
    """Rows chosen from a list of Python integers come so, and ended in a bare StopIteration."""
    assert auc(np.array(REFERENCES, dtype=object), SCORES) == auc(REFERENCES, SCORES)
    # a: both classes right; b: class 0 above (1), class 2 below (0).
    assert per_group(auc, REFERENCES, SCORES, ["a", "b", "a", "b", None]) == {"a": 1.0, "b": 0.5}
    assert fold_values(auc, REFERENCES, np.array(SCORES), [1, 2, 1, 2, None]) == {1: 1.0, 2: 0.5}
