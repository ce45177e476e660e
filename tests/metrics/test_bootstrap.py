# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.metrics import (
    Interval,
    bootstrap_interval,
    bootstrap_intervals,
    chance_interval,
    macro_f1,
    mae,
    paired_bootstrap_difference,
    uar,
    war,
)
from emoclip.metrics import resampling as resampling_module


@pytest.fixture
def labels():
    """References of 5 classes, a good and a worse prediction."""
    generator = np.random.default_rng(7)
    references = generator.integers(0, 5, 211)
    good = np.where(generator.random(211) < 0.7, references, generator.integers(0, 5, 211))
    worse = np.where(generator.random(211) < 0.3, references, generator.integers(0, 5, 211))
    return references, good, worse


@pytest.mark.parametrize("metric", [uar, war, macro_f1])
def test_interval_agrees_with_resampling_clips_one_by_one(labels, metric):
    """The shortcut through counts must give what the textbook loop gives, up to the noise of the draws."""
    references, good, _ = labels
    generator = np.random.default_rng(1)
    values = []
    for _ in range(600):
        chosen = generator.integers(0, len(references), len(references))
        values.append(metric(references[chosen], good[chosen]))
    expected = np.quantile(values, [0.025, 0.975])
    assert bootstrap_interval(metric, references, good) == pytest.approx(tuple(expected), abs=0.015)


def test_accuracy_interval_agrees_with_the_binomial():
    """60 of 100 right: the normal approximation gives 0.6 +- 1.96 sqrt(0.24 / 100)."""
    interval = bootstrap_interval(war, [0] * 100, [0] * 60 + [1] * 40, num_resamples=20_000)
    assert interval == pytest.approx((0.504, 0.696), abs=0.015)


def test_paired_difference_agrees_with_resampling_clips_one_by_one(labels):
    """Resampling the two systems independently would widen the interval."""
    references, good, worse = labels
    generator = np.random.default_rng(1)
    values = []
    for _ in range(600):
        chosen = generator.integers(0, len(references), len(references))
        values.append(uar(references[chosen], good[chosen]) - uar(references[chosen], worse[chosen]))
    result = paired_bootstrap_difference(uar, references, good, worse)
    assert result.difference == pytest.approx(uar(references, good) - uar(references, worse))
    assert result.interval == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=0.02)
    assert result.excludes_zero


def test_equal_predictions_differ_by_exactly_zero(labels):
    """With pairing the difference of a system from itself has no spread."""
    references, good, _ = labels
    result = paired_bootstrap_difference(uar, references, good, good)
    assert result == (0.0, (0.0, 0.0))
    assert not result.excludes_zero


def test_names_and_ids_give_the_same_interval(labels):
    """The order of the classes must not matter."""
    references, good, _ = labels
    names = np.array(["e", "a", "d", "b", "c"])
    by_name = bootstrap_interval(uar, names[references], names[good])
    assert by_name == pytest.approx(bootstrap_interval(uar, references, good), abs=0.01)


def test_interval_is_a_function_of_the_seed(labels):
    """A report computed twice from one table must be the same report."""
    references, good, _ = labels
    assert bootstrap_interval(uar, references, good, seed=4) == bootstrap_interval(uar, references, good, seed=4)
    assert bootstrap_interval(uar, references, good, seed=4) != bootstrap_interval(uar, references, good, seed=5)


def test_several_metrics_at_once_are_the_same_intervals(labels):
    """The short way through one set of resamples must not change a report."""
    references, good, _ = labels
    together = bootstrap_intervals({"uar": uar, "f1": macro_f1}, references, good, seed=3)
    assert together == {
        "uar": bootstrap_interval(uar, references, good, seed=3),
        "f1": bootstrap_interval(macro_f1, references, good, seed=3),
    }
    with pytest.raises(ValueError, match="must be uar, balanced_accuracy, war, macro_f1 or weighted_f1"):
        bootstrap_intervals({"mae": mae}, references, good)


@pytest.mark.parametrize("function", [bootstrap_interval, chance_interval])
def test_batches_cover_all_resamples(labels, monkeypatch, function):
    """Large tables are resampled in batches; the last, shorter batch must not be lost."""
    references, good, _ = labels
    monkeypatch.setattr(resampling_module, "_MAX_COUNTS_AT_ONCE", 211 * 3)
    assert resampling_module.batches(10, 211) == [3, 3, 3, 1]
    interval = function(uar, references, good, num_resamples=500)
    monkeypatch.undo()
    assert interval == pytest.approx(function(uar, references, good), abs=0.02)


def test_chance_interval_of_balanced_guessing(labels):
    """For 5 classes chance is 0.2, and a system that knows something lies above."""
    references, good, _ = labels
    interval = chance_interval(uar, references, good)
    assert interval.contains(0.2)
    assert interval.high - interval.low < 0.15
    assert not interval.contains(uar(references, good))


def test_chance_interval_of_a_constant_prediction_is_one_point():
    """A collapsed model is at chance exactly, and must be reported as such in spite of rounding."""
    references = [0, 1, 2, 3, 4, 5, 6]
    interval = chance_interval(uar, references, [3] * 7)
    assert interval.low == interval.high == pytest.approx(1 / 7)
    assert interval.contains(uar(references, [3] * 7))


def test_interval_contains_its_ends():
    """Zero at the very end of an interval is not excluded."""
    assert Interval(0.0, 1.0).contains(0.0)
    assert not Interval(0.1, 1.0).contains(0.0)


@pytest.mark.parametrize("function", [bootstrap_interval, chance_interval])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_resamples": 0}, r"`num_resamples` must be at least 1, got 0"),
        ({"confidence": 95}, r"`confidence` must lie between 0 and 1, got 95; 95 % is 0.95"),
        ({"confidence": 1.0}, r"`confidence` must lie between 0 and 1, got 1.0"),
    ],
)
def test_bad_options_are_refused(function, options, message):
    """Confidence in percent would silently ask for a quantile beyond the data."""
    with pytest.raises(ValueError, match=message):
        function(uar, [0, 1], [0, 1], **options)


def test_chance_of_a_metric_of_scores_is_refused():
    """Shuffles are drawn as counts of labels; other metrics would be handed a matrix that they cannot read."""
    with pytest.raises(ValueError, match=r"`metric` must be uar, balanced_accuracy, war, macro_f1 or weighted_f1"):
        chance_interval(max, [0], [0])


def test_any_metric_has_an_interval():
    """Regression and scores need intervals too; of a mean the bootstrap's standard error is known: std / sqrt(n)."""
    references = np.random.default_rng(0).normal(size=211)
    interval = bootstrap_interval(mae, references, np.zeros(211), num_resamples=700)
    errors = np.abs(references)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * errors.std() / 211**0.5, rel=0.15)
    assert interval.contains(errors.mean())


def test_drawing_subjects_widens_the_interval(labels):
    """Seven clips of one person that are all alike are one piece of evidence, not seven."""
    references, good, _ = labels
    repeated = np.repeat(references, 7), np.repeat(good, 7)
    subjects = np.repeat(np.arange(len(references)), 7)
    narrow, wide = bootstrap_interval(uar, *repeated), bootstrap_interval(uar, *repeated, groups=subjects)
    assert wide == pytest.approx(bootstrap_interval(uar, references, good), abs=0.02)
    assert (wide.high - wide.low) == pytest.approx((narrow.high - narrow.low) * 7**0.5, rel=0.15)


def test_clips_without_a_subject_are_left_out_of_the_difference():
    """The difference and its interval must be about the same clips."""
    result = paired_bootstrap_difference(war, [0, 1, 1], [0, 1, 0], [0, 0, 1], groups=["a", "b", None])
    assert result.difference == 0.5


@pytest.mark.parametrize("function", [bootstrap_interval, chance_interval])
def test_bad_labels_are_refused(function):
    """The checks of the metrics hold here as well."""
    with pytest.raises(ValueError, match="same length, got 2 and 1"):
        function(uar, [0, 1], [0])


def test_paired_systems_must_have_the_same_clips():
    """A shorter second table would be compared on other clips."""
    with pytest.raises(ValueError, match="same length, got 2 and 1"):
        paired_bootstrap_difference(uar, [0, 1], [0, 1], [0])
