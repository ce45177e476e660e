# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.metrics import auc, ccc, expected_calibration_error, load_module, mean_average_precision, weighted_f1


LABELS = [0, 1, 1, 2]
SCORES = [[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.5, 0.4, 0.1], [0.1, 0.6, 0.3]]


def test_score_modules_agree_with_the_functions():
    """The library casts lists of lists; the shapes must survive."""
    scores = load_module("class_scores").compute(references=LABELS, predictions=SCORES, k=2)
    assert scores == pytest.approx(
        {"auc": auc(LABELS, SCORES), "mean_average_precision": mean_average_precision(LABELS, SCORES), "top_2": 1.0}
    )
    assert "top_3" in load_module("class_scores").compute(references=LABELS, predictions=SCORES)
    error = load_module("calibration_error").compute(references=LABELS, predictions=SCORES, num_bins=4)
    expected = expected_calibration_error(LABELS, SCORES, num_bins=4)
    assert error["expected_calibration_error"] == pytest.approx(expected)


def test_numbers_and_labels_agree_with_the_functions():
    """Floats must not be cut to integers on the way."""
    values = load_module("affect_regression").compute(references=[1.5, 2.5, 4.0], predictions=[1.0, 3.5, 3.0])
    assert values["mae"] == pytest.approx(2.5 / 3)
    assert values["ccc"] == pytest.approx(ccc([1.5, 2.5, 4.0], [1.0, 3.5, 3.0]))
    labels = load_module("weighted_f1").compute(references=["a", "a", "b"], predictions=["a", "b", "b"])
    assert labels == {"weighted_f1": pytest.approx(weighted_f1([0, 0, 1], [0, 1, 1]))}


def test_ranks_by_hand():
    """The first query finds its text first, the second last of three."""
    values = load_module("retrieval_ranks").compute(
        references=[0, 2], predictions=[[0.9, 0.1, 0.2], [0.5, 0.4, 0.1]], ks=(1, 2, 9)
    )
    assert values == {
        "recall_at_1": 0.5,
        "precision_at_1": 0.5,
        "recall_at_2": 0.5,
        "precision_at_2": 0.25,
        "median_rank": 2.0,
    }
