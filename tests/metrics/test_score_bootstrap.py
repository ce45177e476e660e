# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.metrics import (
    UndefinedMetricError,
    auc,
    bootstrap_interval,
    expected_calibration_error,
    mean_average_precision,
    paired_bootstrap_difference,
    score_intervals,
)
from emoclip.metrics.score_bootstrap import _Bins, _SortedClass, drawn_weights
from emoclip.metrics.scores import checked_scores, per_class_auc, per_class_average_precision


@pytest.fixture
def table():
    """61 clips of 4 classes, probabilities in tenths, so that many are equal."""
    generator = np.random.default_rng(5)
    references = generator.integers(0, 4, 61)
    scores = generator.integers(0, 5, (61, 4)) + 3.0 * (np.arange(4) == references[:, None])
    return references, (scores + 1) / (scores + 1).sum(axis=1, keepdims=True)


def test_every_resample_has_the_value_of_its_clips(table):
    """The shortcut by cumulative sums must give what the metric gives for the drawn clips, ties and repeats included."""
    references, scores = table
    positives, values = checked_scores(references, scores)
    classes = [_SortedClass(positives[:, c], values[:, c]) for c in range(4)]
    (weights,) = drawn_weights(len(values), None, 7, seed=3)
    found = [one.resampled(weights) for one in classes]
    errors = _Bins(positives, values).resampled(weights)
    for resample, counts in enumerate(weights.astype(int)):
        rows = np.repeat(np.arange(len(values)), counts)
        assert len(rows) == len(values)
        expected = (
            per_class_auc(references[rows], scores[rows]),
            per_class_average_precision(references[rows], scores[rows]),
        )
        assert [auc[resample] for auc, _ in found] == pytest.approx(expected[0])
        assert [precision[resample] for _, precision in found] == pytest.approx(expected[1])
        assert errors[resample] == pytest.approx(expected_calibration_error(references[rows], scores[rows]))


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("auc", auc),
        ("mean_average_precision", mean_average_precision),
        ("calibration_error", expected_calibration_error),
    ],
)
def test_intervals_agree_with_the_textbook_loop(name, metric, table):
    references, scores = table
    found = score_intervals(references, scores, num_resamples=3000).intervals[name]
    expected = bootstrap_interval(metric, references, scores, num_resamples=1500, seed=1)
    assert found == pytest.approx(tuple(expected), abs=0.015)


def test_whole_subjects_are_drawn(table):
    """Clips of one person come together; drawn one by one the interval would be too narrow. Clips of nobody never come."""
    references, scores = table
    groups = [None if row % 10 == 9 else f"p{row % 5}" for row in range(61)]
    (weights,) = drawn_weights(61, groups, 20, seed=0)
    assert all(len({weights[r, i] for i in range(61) if groups[i] == "p3"}) == 1 for r in range(20))
    assert not weights[:, [9, 19, 59]].any()
    assert (weights[:, :5].sum(axis=1) == 5).all()
    wide = score_intervals(references, scores, groups=groups).intervals["auc"]
    expected = bootstrap_interval(auc, references, scores, groups=groups, num_resamples=500, seed=2)
    assert wide == pytest.approx(tuple(expected), abs=0.03)


def test_class_that_a_resample_lacks_is_left_out_of_its_mean():
    """Of several labels: one clip alone has the first label, so that every third resample lacks it; the second is always there."""
    references = np.array([[1, 0], [0, 1], [0, 0], [0, 1], [0, 0], [0, 1], [0, 0]])
    scores = np.linspace(0, 1, 14).reshape(7, 2)[[3, 5, 0, 6, 1, 4, 2]]
    found = score_intervals(references, scores, num_resamples=400)
    assert found.left_out["auc"] < 20
    assert 0 <= found.intervals["auc"].low <= found.intervals["auc"].high <= 1
    assert "calibration_error" not in found.intervals


def test_resamples_without_any_class_are_counted():
    """Two clips: half of the resamples are one clip twice, of which there is no AUC; it must not end the report."""
    found = score_intervals([0, 1], np.array([[0.9, 0.1], [0.2, 0.8]]), num_resamples=1000)
    assert 400 < found.left_out["auc"] < 600
    assert found.intervals["auc"] == (1.0, 1.0)
    assert found.left_out["mean_average_precision"] == 0


def test_metric_without_any_value_has_no_interval():
    found = score_intervals([1, 1, 1], np.eye(3), num_resamples=20)
    assert found.intervals["auc"] is None
    assert found.left_out["auc"] == found.num_resamples == 20


def test_plain_bootstrap_leaves_out_what_has_no_value():
    """The function for any metric follows the same rule, and says so where no resample is left."""
    scores = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert bootstrap_interval(auc, [0, 1], scores, num_resamples=50) == (1.0, 1.0)
    assert paired_bootstrap_difference(auc, [0, 1], scores, scores[::-1], num_resamples=50).difference == 1.0
    with pytest.raises(UndefinedMetricError, match=r"`auc` must have a value in at least one resample, got none in 9"):
        bootstrap_interval(auc, [1, 1], scores, num_resamples=9)
