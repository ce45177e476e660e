# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.metrics import are_probabilities, brier_score, expected_calibration_error, reliability_bins


# Confidences 0.55, 0.6 (upper edge of its bin), 0.9, 0.95; right: yes, no, yes, yes.
REFERENCES = [0, 1, 1, 0]
SCORES = [[0.55, 0.45], [0.6, 0.4], [0.1, 0.9], [0.95, 0.05]]


def test_values_worked_by_hand():
    """Bins of a fifth: (0.4, 0.6] has two clips, (0.8, 1] two."""
    bins = reliability_bins(REFERENCES, SCORES, num_bins=5)
    assert bins.counts.tolist() == [0, 0, 2, 0, 2]
    assert bins.accuracy[[2, 4]].tolist() == [0.5, 1.0]
    assert bins.confidence[[2, 4]] == pytest.approx([0.575, 0.925])
    assert np.isnan(bins.accuracy[[0, 1, 3]]).all()
    expected = 0.5 * 0.075 + 0.5 * 0.075
    assert expected_calibration_error(REFERENCES, SCORES, num_bins=5) == pytest.approx(expected)
    assert brier_score(REFERENCES, SCORES) == pytest.approx(2 * np.mean([0.45**2, 0.6**2, 0.1**2, 0.05**2]))


def test_bins_of_equal_counts_leave_none_empty():
    """Models are often sure of everything: bins of equal width would hold all clips in one."""
    generator = np.random.default_rng(0)
    confidence = 1 - generator.random(60) * 0.02
    scores = np.stack([confidence, 1 - confidence], axis=1)
    bins = reliability_bins(np.zeros(60, int), scores, num_bins=6, equal_counts=True)
    assert bins.counts.tolist() == [10] * 6
    # All are right, so the error is the mean doubt.
    error = expected_calibration_error(np.zeros(60, int), scores, num_bins=6, equal_counts=True)
    assert error == pytest.approx(1 - confidence.mean())


@pytest.mark.parametrize("equal_counts", [False, True])
def test_constant_predictions(equal_counts):
    """A model that says 1.0 for one class always: its error is the share of the other classes."""
    scores = np.tile([1.0, 0.0, 0.0], (4, 1))
    error = expected_calibration_error([0, 1, 2, 2], scores, equal_counts=equal_counts)
    assert error == pytest.approx(0.75)


def test_calibrated_scores_have_a_small_error():
    """Labels drawn from the scores themselves: what is left is sampling noise."""
    generator = np.random.default_rng(1)
    scores = generator.dirichlet([1, 1, 1], 20_000)
    references = (scores.cumsum(axis=1) < generator.random(20_000)[:, None]).sum(axis=1)
    assert expected_calibration_error(references, scores) < 0.02


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([[2.0, -1.0]], "must be probabilities with the sum 1"),
        ([[0.9, 0.9]], r"got \[0.9, 0.9\] in row 0; take their softmax"),
        ([[0.5, float("nan")]], "must be finite"),
    ],
)
def test_scores_that_are_no_probabilities_are_refused(scores, message):
    """Cosines lie between 0 and 1 as well and would give a wild error."""
    with pytest.raises(ValueError, match=message):
        expected_calibration_error([0], scores)


def test_probabilities_are_recognised_in_spite_of_rounding():
    """float32 rows of 43 classes do not sum to 1 exactly."""
    scores = np.random.default_rng(2).dirichlet(np.ones(43), 50).astype(np.float16)
    assert are_probabilities(scores)
    assert not are_probabilities(scores * 1.01)
    assert not are_probabilities([[1.5, -0.5]])


def test_several_true_classes_are_refused():
    """The confidence of the highest class says nothing about two of them."""
    with pytest.raises(ValueError, match="one true class per clip, got 2 in row 1"):
        reliability_bins([[0, 1], [1, 1]], [[0.5, 0.5], [0.5, 0.5]])


def test_no_bins_are_refused():
    """Division by zero otherwise."""
    with pytest.raises(ValueError, match="`num_bins` must be at least 1, got 0"):
        reliability_bins(REFERENCES, SCORES, num_bins=0)
