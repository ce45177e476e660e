# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from emoclip.metrics import ccc, mae, mse, pcc, per_target, r2, rmse


REFERENCES, PREDICTIONS = [1.0, 2.0, 3.0, 6.0], [2.0, 2.0, 5.0, 5.0]
ALL = [mse, rmse, mae, r2, pcc, ccc]


def test_values_worked_by_hand():
    """Errors -1, 0, -2, 1; means 3 and 3.5; variances 3.5 and 2.25; covariance 2.25."""
    assert mse(REFERENCES, PREDICTIONS) == pytest.approx(6 / 4)
    assert rmse(REFERENCES, PREDICTIONS) == pytest.approx(1.5**0.5)
    assert mae(REFERENCES, PREDICTIONS) == pytest.approx(4 / 4)
    assert r2(REFERENCES, PREDICTIONS) == pytest.approx(1 - 6 / 14)
    covariance = (-2 * -1.5 + -1 * -1.5 + 0 + 3 * 1.5) / 4
    assert pcc(REFERENCES, PREDICTIONS) == pytest.approx(covariance / (3.5 * 2.25) ** 0.5)
    assert ccc(REFERENCES, PREDICTIONS) == pytest.approx(2 * covariance / (3.5 + 2.25 + 0.25))


def test_values_agree_with_scikit_learn_over_several_targets():
    """A mean over the wrong axis gives a number of the same size."""
    generator = np.random.default_rng(5)
    references = generator.normal(size=(53, 3)) * [1, 10, 0.1]
    predictions = references + generator.normal(size=(53, 3)) * [0.5, 9, 0.2]
    assert mse(references, predictions) == pytest.approx(mean_squared_error(references, predictions))
    assert mae(references, predictions) == pytest.approx(mean_absolute_error(references, predictions))
    assert r2(references, predictions) == pytest.approx(r2_score(references, predictions))
    each = [pearsonr(references[:, t], predictions[:, t]).statistic for t in range(3)]
    assert pcc(references, predictions) == pytest.approx(np.mean(each))
    by_name = per_target(rmse, references, predictions, ["a", "b", "c"])
    assert rmse(references, predictions) == pytest.approx(np.mean(list(by_name.values())))
    assert by_name["b"] == pytest.approx(mean_squared_error(references[:, 1], predictions[:, 1]) ** 0.5)


def test_concordance_asks_for_the_same_scale():
    """A model that is off by a constant correlates perfectly; CCC must see the shift."""
    references = np.array([1.0, 2.0, 3.0])
    assert pcc(references, references + 2) == pytest.approx(1)
    assert ccc(references, references + 2) == pytest.approx(2 * (2 / 3) / (2 / 3 + 2 / 3 + 4))


def test_constant_sides():
    """0 / 0 hides here; 0.1 ten times has a variance above 0 by rounding."""
    changing, constant = np.arange(10.0), np.full(10, 0.1)
    assert pcc(changing, constant) == ccc(changing, constant) == 0
    assert pcc(constant, changing) == ccc(constant, changing) == 0
    assert r2(constant, changing) == 0
    assert r2(constant, constant) == 1
    assert r2(changing, constant) == pytest.approx(r2_score(changing, constant))


def test_one_clip():
    """A single clip has an error but no correlation."""
    assert (mae([2.0], [5.0]), rmse([2.0], [5.0]), pcc([2.0], [5.0]), r2([2.0], [5.0])) == (3, 3, 0, 0)


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize(
    ("references", "predictions", "message"),
    [
        ([1.0, 2.0], [1.0], r"must have one shape, .* got \(2,\) and \(1,\)"),
        ([], [], r"at least one value, got \(0,\)"),
        ([[1.0], [2.0]], [1.0, 2.0], r"got \(2, 1\) and \(2,\)"),
        ([1.0, float("nan")], [1.0, 2.0], r"`references` must be finite, got nan in row 1"),
        ([1.0, 2.0], [float("inf"), 2.0], r"`predictions` must be finite, got inf in row 0"),
    ],
)
def test_bad_input_is_refused(metric, references, predictions, message):
    """(clips, 1) against (clips,) broadcasts to all pairs."""
    with pytest.raises(ValueError, match=message):
        metric(references, predictions)


def test_names_must_fit_the_targets():
    """A missing name would drop a target."""
    with pytest.raises(ValueError, match="one name per target, got 1 for 2"):
        per_target(mae, [[1.0, 2.0]], [[1.0, 2.0]], ["a"])
