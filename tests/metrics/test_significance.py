# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from scipy.stats import binomtest

from emoclip.metrics import holm_adjusted, mae, mcnemar_p, paired_folds_p, paired_permutation_p, uar, war


@pytest.fixture
def systems():
    """300 clips of 5 classes; one system right in 60 %, one in 45 %."""
    generator = np.random.default_rng(7)
    references = generator.integers(0, 5, 300)
    guesses = generator.integers(0, 5, (2, 300))
    good, poor = (np.where(generator.random(300) < p, references, g) for p, g in zip((0.5, 0.3), guesses, strict=True))
    return references, good, poor


def test_mcnemar_by_hand():
    """Five clips only A gets right, one only B: 2 * (1 + 6) / 64."""
    references = [0] * 8
    a, b = [0, 0, 0, 0, 0, 1, 0, 1], [1, 1, 1, 1, 1, 0, 0, 1]
    assert mcnemar_p(references, a, b) == pytest.approx(2 * 7 / 64)
    assert mcnemar_p(references, b, a) == mcnemar_p(references, a, b)


def test_mcnemar_of_equal_systems_is_one():
    """No clip tells them apart."""
    assert mcnemar_p(["a", "b"], ["a", "a"], ["a", "a"]) == 1
    assert mcnemar_p([0, 0], [0, 1], [1, 0]) == 1


@pytest.mark.parametrize(("only_a", "only_b"), [(480, 519), (470, 540), (800, 801)])
def test_large_mcnemar_agrees_with_the_binomial_test(only_a, only_b):
    """Above 1000 clips the normal approximation takes over; the seam must not show."""
    references = np.zeros(only_a + only_b, int)
    a = np.repeat([0, 1], [only_a, only_b])
    assert mcnemar_p(references, a, 1 - a) == pytest.approx(binomtest(only_a, only_a + only_b).pvalue, rel=1e-9)


def test_permutation_of_accuracy_agrees_with_mcnemar(systems):
    """For accuracy the two tests ask the same question."""
    references, good, poor = systems
    poor = np.where(np.arange(300) < 200, good, poor)  # closer, so that p is not tiny
    expected = mcnemar_p(references, good, poor)
    assert 0.001 < expected < 0.5
    assert paired_permutation_p(war, references, good, poor, num_resamples=20_000) == pytest.approx(expected, abs=0.02)


def test_counts_and_clips_give_the_same_p(systems):
    """Metrics of labels are tested on counts, others on the clips themselves: one truth, two ways."""
    references, good, poor = systems
    poor = np.where(np.arange(300) < 230, good, poor)
    fast = paired_permutation_p(uar, references, good, poor, num_resamples=5000)
    slow = paired_permutation_p(lambda r, p: uar(r, p), references, good, poor, num_resamples=600)
    assert fast == pytest.approx(slow, abs=0.08)
    subjects = np.arange(300) // 3
    fast = paired_permutation_p(uar, references, good, poor, groups=subjects, num_resamples=5000)
    slow = paired_permutation_p(lambda r, p: uar(r, p), references, good, poor, groups=subjects, num_resamples=600)
    assert fast == pytest.approx(slow, abs=0.08)


def test_clear_difference_and_none(systems):
    """The seen difference is one of the resamples: p is never 0, and 1 for equal systems."""
    references, good, poor = systems
    assert paired_permutation_p(uar, references, references, poor, num_resamples=999) == 1 / 1000
    assert paired_permutation_p(uar, references, good, good, num_resamples=99) == 1
    errors = np.abs(good - references).astype(float)
    assert paired_permutation_p(mae, references.astype(float), references + errors, references + 0.0) < 0.01


def test_repeated_clips_of_a_subject_are_one_piece_of_evidence(systems):
    """Ten copies of every clip must not make a difference ten times as sure."""
    references, good, poor = (np.repeat(values[:40], 10) for values in systems)
    subjects = np.repeat(np.arange(40), 10)
    alone = paired_permutation_p(uar, *(values[:40] for values in systems), num_resamples=5000)
    together = paired_permutation_p(uar, references, good, poor, groups=subjects, num_resamples=5000)
    assert together == pytest.approx(alone, abs=0.03)
    assert paired_permutation_p(uar, references, good, poor, num_resamples=5000) < alone


def test_p_of_folds_by_hand():
    """Five folds all in one direction: 2 of 32 flips are as extreme."""
    assert paired_folds_p([0.5, 0.6, 0.7, 0.8, 0.9], [0.4, 0.5, 0.5, 0.6, 0.8]) == 2 / 32
    # Differences 3, -1: the sums 2, 4, -4, -2 are all at least as far from 0 as 2.
    assert paired_folds_p([3, 0], [0, 1]) == 1
    assert paired_folds_p([0.3], [0.2]) == 1


def test_bad_input_is_refused():
    """Systems on different clips cannot be paired."""
    with pytest.raises(ValueError, match=r"the same clips, at least one, got \[2, 2, 1\] values"):
        mcnemar_p([0, 1], [0, 1], [0])
    with pytest.raises(ValueError, match=r"got \[0, 0, 0\] values"):
        paired_permutation_p(uar, [], [], [])
    with pytest.raises(ValueError, match="`num_resamples` must be at least 1, got 0"):
        paired_permutation_p(uar, [0], [0], [1], num_resamples=0)
    with pytest.raises(ValueError, match="the same 1 to 20 folds on both sides, got 1 and 2"):
        paired_folds_p([0.1], [0.1, 0.2])


def test_holm_by_hand():
    """Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.04, and none below the one before."""
    assert holm_adjusted([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm_adjusted([0.5, 0.9]) == [1.0, 1.0]
    assert holm_adjusted([0.2]) == [0.2]
    assert holm_adjusted([]) == []
    with pytest.raises(ValueError, match=r"between 0 and 1, got 1\.5"):
        holm_adjusted([0.1, 1.5])
