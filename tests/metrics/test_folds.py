# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.metrics import fold_mean, fold_values, summarize_folds, uar


def test_fold_mean_and_pooled_value_differ():
    """The papers print the mean of the folds' values; the value over all clips together is another number."""
    references, predictions, folds = [0, 0, 0, 1, 0, 1], [0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 2, 2]
    values = fold_values(uar, references, predictions, folds)
    assert values == {1: pytest.approx((2 / 3 + 1) / 2), 2: pytest.approx(0.5)}
    assert fold_mean(values) == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert uar(references, predictions) == pytest.approx((2 / 4 + 1) / 2)


def test_class_absent_from_a_fold():
    """Fold 2 has no clip of class 1: predicted there it counts 0, not predicted it does not count."""
    assert fold_values(uar, [0, 1, 0, 0], [0, 1, 0, 0], [1, 1, 2, 2]) == {1: 1.0, 2: 1.0}
    assert fold_values(uar, [0, 1, 0, 0], [0, 1, 0, 1], [1, 1, 2, 2])[2] == pytest.approx(0.5 / 2)


def test_interval_between_folds_by_hand():
    """Values 1 to 5: mean 3, standard deviation sqrt(2.5), Student's t of 4 degrees of freedom 2.776."""
    summary = summarize_folds([1, 2, 3, 4, 5])
    assert (summary.mean, summary.std) == (3, pytest.approx(2.5**0.5))
    assert summary.interval == pytest.approx((3 - 2.776445 * 0.5**0.5, 3 + 2.776445 * 0.5**0.5))
    assert summary.values == {1: 1, 2: 2, 3: 3, 4: 4, 5: 5}


def test_one_fold_has_no_interval():
    """A spread of one value is no zero."""
    summary = summarize_folds({4: 0.3})
    assert (summary.mean, summary.interval, summary.values) == (0.3, None, {4: 0.3})
    assert summary.std != summary.std


def test_equal_folds_have_an_interval_of_width_zero():
    """A constant must not raise in the quantile."""
    assert summarize_folds([0.5, 0.5, 0.5]).interval == (0.5, 0.5)


@pytest.mark.parametrize("values", [[], [float("nan")], {1: float("inf")}])
def test_bad_values_are_refused(values):
    """NaN would become the table's mean."""
    with pytest.raises(ValueError, match="one finite number per fold"):
        fold_mean(values)


def test_confidence_in_percent_is_refused():
    """95 would ask for a quantile beyond 1."""
    with pytest.raises(ValueError, match=r"between 0 and 1, got 95; 95 % is 0\.95"):
        summarize_folds([0.1, 0.2], confidence=95)
