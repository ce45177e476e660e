# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.metrics import balanced, group_gap, mae, per_group, subject_balanced_uar, uar, war


REFERENCES = ["a", "a", "a", "b", "a", "b", "b"]
PREDICTIONS = ["a", "a", "b", "b", "b", "b", "a"]
SUBJECTS = ["s1", "s1", "s1", "s1", "s2", "s2", None]


def test_values_worked_by_hand():
    """s1: 3 of 4 right; s2: 1 of 2; the last clip has no subject."""
    assert per_group(war, REFERENCES, PREDICTIONS, SUBJECTS) == {"s1": 0.75, "s2": 0.5}
    assert per_group(uar, REFERENCES, PREDICTIONS, SUBJECTS) == {"s1": pytest.approx((2 / 3 + 1) / 2), "s2": 0.5}
    assert balanced(war, REFERENCES, PREDICTIONS, SUBJECTS) == 0.625
    assert group_gap(war, REFERENCES, PREDICTIONS, SUBJECTS) == 0.25


def test_subject_balanced_uar_by_hand():
    """Class a: (2/3 of s1 + 0 of s2) / 2; class b: (1 + 1) / 2."""
    assert subject_balanced_uar(REFERENCES, PREDICTIONS, SUBJECTS) == pytest.approx((1 / 3 + 1) / 2)


def test_a_subject_who_shows_few_classes_is_not_punished():
    """In the UAR of one clip a wrong guess counts a second class with recall 0."""
    assert balanced(uar, ["a", "b"], ["a", "b"], ["s1", "s2"]) == 1.0
    references, predictions, subjects = ["a", "a", "b", "b"], ["a", "b", "b", "b"], ["s1", "s1", "s2", "s2"]
    assert balanced(uar, references, predictions, subjects) == pytest.approx((0.5 / 2 + 1) / 2)
    assert subject_balanced_uar(references, predictions, subjects) == pytest.approx((0.5 + 1) / 2)


def test_predicted_class_that_no_subject_shows_counts_zero():
    """The same rule as in `uar`."""
    assert subject_balanced_uar([0, 1], [0, 2], ["s", "s"]) == pytest.approx((1 + 0 + 0) / 3)


def test_one_clip_per_subject_is_the_plain_uar():
    """With nothing to balance the value must not change."""
    generator = np.random.default_rng(0)
    references, predictions = generator.integers(0, 4, (2, 90))
    assert subject_balanced_uar(references, predictions, range(90)) == pytest.approx(uar(references, predictions))


def test_order_of_clips_does_not_matter():
    """Groups are found by name, wherever their clips stand."""
    order = [6, 2, 4, 0, 5, 1, 3]
    shuffled = [[values[i] for i in order] for values in (REFERENCES, PREDICTIONS, SUBJECTS)]
    assert per_group(uar, *shuffled) == per_group(uar, REFERENCES, PREDICTIONS, SUBJECTS)


def test_values_of_several_targets_are_grouped_by_rows():
    """Regression by subject: whole rows belong to a subject."""
    references, predictions = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[1.0, 3.0], [3.0, 4.0], [5.0, 9.0]]
    assert per_group(mae, references, predictions, [2, 1, 2]) == {1: 0.0, 2: 1.0}


@pytest.mark.parametrize("function", [per_group, balanced, group_gap])
def test_bad_groups_are_refused(function):
    """A shorter list would move subjects to other clips."""
    with pytest.raises(ValueError, match="one group per clip, got 2 for 3 clips"):
        function(war, [0, 1, 1], [0, 1, 1], ["s", "s"])
    with pytest.raises(ValueError, match="At least one clip must have a group, got none among 1"):
        function(war, [0], [0], [None])


def test_mixed_labels_are_refused_in_groups_too():
    """Selecting rows must not turn ids into texts on the way."""
    with pytest.raises(ValueError, match="must both hold integer ids"):
        per_group(war, [0, 1], ["a", "b"], ["s", "s"])
