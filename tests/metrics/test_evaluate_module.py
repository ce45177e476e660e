# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.metrics import load_module


@pytest.fixture(scope="module")
def module():
    return load_module("uar")


@pytest.mark.parametrize("labels", [[0, 1, 2], np.array([0, 1, 2]), ["a", "b", "c"], ["1", "2", "1"]])
def test_ids_and_names_are_accepted(module, labels):
    """The library casts to the declared types; both kinds of labels must survive."""
    assert module.compute(references=labels, predictions=labels) == {"uar": 1.0}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1.7, 1], r"integer ids or names, got 1.7 at position 0"),
        ([float("nan"), 1], r"integer ids or names, got nan"),
        (["a", 1], r"both hold integer ids or both hold names"),
        ([0], r"same length, got 1 and 2"),
    ],
)
def test_bad_labels_are_refused_before_the_library_casts_them(module, labels, message):
    """The library cuts the id 1.7 down to 1 and goes on."""
    with pytest.raises(ValueError, match=message):
        module.compute(references=labels, predictions=[0, 1])


def test_single_clips_can_be_added(module):
    """`add` takes another way into the library than `add_batch`."""
    module.add(reference=0, prediction=0)
    module.add(reference=1, prediction=0)
    assert module.compute() == {"uar": 0.5}
    with pytest.raises(ValueError, match=r"got 0.5 at position 0"):
        module.add(reference=0, prediction=0.5)


@pytest.mark.parametrize(
    ("name", "right"), [("class_scores", 1.7), ("calibration_error", True), ("retrieval_ranks", "1")]
)
def test_positions_are_checked_before_the_library_cuts_them(name, right):
    """The library takes 1.7, True and "1" for the place 1 and gives a number."""
    module, scores = load_module(name), [[0.9, 0.1], [0.2, 0.8]]
    with pytest.raises(ValueError, match=r"`references`"):
        module.compute(references=[0, right], predictions=scores)
    module.add(reference=0, prediction=scores[0])
    with pytest.raises(ValueError, match=r"`references`"):
        module.add(reference=right, prediction=scores[1])


@pytest.mark.parametrize(
    ("name", "predictions"),
    [("uar", [0, 0]), ("class_scores", [[0.9, 0.1], [0.2, 0.8]]), ("affect_regression", [0, 1])],
)
def test_single_clips_are_added_by_the_names_of_a_batch_too(name, predictions):
    """The library's own examples, and `combine`, add one clip as `references` and `predictions`."""
    module = load_module(name)
    for reference, prediction in zip([0, 1], predictions, strict=True):
        module.add(references=reference, predictions=prediction)
    assert module.compute() == load_module(name).compute(references=[0, 1], predictions=predictions)
