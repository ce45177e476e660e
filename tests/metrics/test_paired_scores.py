# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.metrics import (
    auc,
    mean_average_precision,
    paired_bootstrap_difference,
    paired_permutation_p,
    paired_score_differences,
)
from emoclip.metrics.paired_scores import _swapped_weights
from emoclip.metrics.score_bootstrap import SortedScores
from emoclip.metrics.scores import checked_scores


@pytest.fixture
def systems():
    """71 clips with several of 4 labels; scores in tenths, so that many are equal, the first system a little better."""
    generator = np.random.default_rng(4)
    labels = generator.random((71, 4)) < [0.5, 0.3, 0.2, 0.1]
    a, b = (np.round(generator.random((71, 4)) + skill * labels, 1) for skill in (0.35, 0.15))
    return labels, a, b


def test_every_swap_has_the_value_of_its_clips(systems):
    """Half of the rows of both systems must give what the metric gives for the swapped scores, ties included."""
    labels, a, b = systems
    positives, first = checked_scores(labels, a)
    together = SortedScores(np.concatenate([positives] * 2), np.concatenate([first, b]))
    unit = np.arange(71)
    ((kept, swapped),) = _swapped_weights(unit, 6, seed=1)
    found = [together.resampled(weights) for weights in (kept, swapped)]
    for resample in range(6):
        swap = swapped[resample, :71].astype(bool)[:, None]
        assert swapped[resample, :71].sum() not in (0, 71)
        for system, scores in enumerate((np.where(swap, b, a), np.where(swap, a, b))):
            assert found[system]["auc"][resample] == pytest.approx(auc(labels, scores))
            expected = mean_average_precision(labels, scores)
            assert found[system]["mean_average_precision"][resample] == pytest.approx(expected)


@pytest.mark.parametrize("groups", [None, [f"p{row // 3}" if row % 10 else None for row in range(71)]])
def test_fast_and_slow_way_agree(systems, groups):
    """The functions for any metric compute it anew for every resample: one truth, two ways."""
    found = paired_score_differences(*systems, groups=groups, num_resamples=4000)
    for name, metric in (("auc", auc), ("mean_average_precision", mean_average_precision)):
        slow = paired_bootstrap_difference(metric, *systems, groups=groups, num_resamples=300, seed=1)
        assert found[name].difference == pytest.approx(slow.difference)
        assert found[name].interval == pytest.approx(tuple(slow.interval), abs=0.04)
        p_value = paired_permutation_p(metric, *systems, groups=groups, num_resamples=300, seed=1)
        assert found[name].p_value == pytest.approx(p_value, abs=0.1)


def test_equal_systems_and_clear_differences(systems):
    """The seen difference is one of the swaps: p is 1 for equal systems and never 0."""
    labels, a, _ = systems
    equal = paired_score_differences(labels, a, a, num_resamples=99)["auc"]
    assert (equal.difference, equal.interval, equal.p_value) == (0.0, (0.0, 0.0), 1.0)
    assert not equal.excludes_zero
    noise = np.random.default_rng(0).random(labels.shape)
    clear = paired_score_differences(labels, labels + noise, noise, num_resamples=99)["auc"]
    assert clear.p_value == 0.01 and clear.excludes_zero


def test_metric_without_a_value_is_left_out():
    """Every clip has every label: there is no AUC, but an average precision."""
    scores = np.random.default_rng(0).random((5, 2))
    found = paired_score_differences(np.ones((5, 2)), scores, scores[::-1], num_resamples=9)
    assert list(found) == ["mean_average_precision"]


def test_bad_input_is_refused(systems):
    labels, a, b = systems
    with pytest.raises(ValueError, match=r"in the shape \(70, 4\) of `scores`, got the shape \(71, 4\)"):
        paired_score_differences(labels, a, b[:70])
    with pytest.raises(ValueError, match=r"`num_resamples` must be at least 1, got 0"):
        paired_score_differences(labels, a, b, num_resamples=0)
