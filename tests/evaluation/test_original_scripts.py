# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.evaluation.original_scripts import original_leave_one_out_uar
from emoclip.evaluation.predictions import PredictionTable
from emoclip.evaluation.results import Resampling, score, summarize


def table_of(references, predictions, **changes):
    scores = np.eye(4, dtype=np.float32)[predictions]
    about = {"model": "m", "revision": "r", "prompt_set": "p", "manifest_sha256": "f", "protocol": "leave_one_out"}
    ids = [f"c{number}" for number in range(len(references))]
    return PredictionTable(ids, references, scores, ["a", "b", "c", "d"], **about, **changes)


def test_recall_is_divided_by_the_labels_that_occur():
    """The script's own slip: a recall of 0.4 among three labels is printed as 0.133, one of 1 as 1."""
    table = table_of([0, 0, 0, 0, 0, 1, 1], [0, 0, 1, 2, 2, 1, 1])
    assert original_leave_one_out_uar(table) == pytest.approx((0.4 / 3 + 1) / 2)


def test_every_fold_is_a_run_of_its_own():
    """Labels of two runs never met in the script."""
    table = table_of([0, 0, 0, 0], [0, 1, 0, 2], columns={"fold": [1, 1, 2, 2]})
    assert original_leave_one_out_uar(table) == pytest.approx(0.5 / 2)


def test_report_gives_both_numbers():
    """The right average is the mean of the classes' recalls, (0.4 + 1) / 2: class c, which was only predicted, has no model here."""
    result = score(table_of([0, 0, 0, 0, 0, 1, 1], [0, 0, 1, 2, 2, 1, 1]), Resampling(num_resamples=5))
    assert result["uar"] == pytest.approx(0.7)
    assert result["original_script_uar"] == pytest.approx((0.4 / 3 + 1) / 2)
    assert result["per_class_recall"] == {"a": pytest.approx(0.4), "b": 1.0}


def test_every_mean_over_left_out_classes_is_of_those_with_clips():
    """Folds, intervals, chance and subgroups beside a UAR of another definition would contradict it."""
    references, predictions = [0, 0, 1, 1] * 5, [0, 2, 1, 3] * 5
    columns = {
        "fold": [1] * 8 + [2] * 12,
        "gender": ["f"] * 8 + ["m"] * 12,
        "subject_id": ["p", "q"] * 4 + ["r", "s"] * 6,
    }
    result = score(table_of(references, predictions, columns=columns), Resampling(num_resamples=300))
    assert result["uar"] == result["folds"]["uar"]["mean"] == result["subgroups"]["gender"]["f"]["uar"] == 0.5
    assert result["subjects"]["balanced_uar"] == 0.5
    low, high = result["uar_interval"]
    assert low <= 0.5 <= high
    # Shuffled, half of the predictions are of classes without clips: a mean over two classes is about 1/4, over four 1/8.
    low, high = result["chance"]["uar_interval"]
    assert low < 0.25 < high and (low + high) / 2 > 0.2


def test_compared_systems_have_the_reported_uar():
    """A difference of other UARs than those in the table above it."""
    first = table_of([0, 0, 1, 1], [0, 0, 1, 2], columns={"fold": [1, 2, 1, 2]})
    second = table_of([0, 0, 1, 1], [0, 2, 1, 3], columns={"fold": [1, 2, 1, 2]}, system="other")
    report = summarize([first, second], Resampling(num_resamples=20))
    entry = report["comparisons"][0]
    assert [result["uar"] for result in report["results"]] == [0.75, 0.5]
    assert entry["metric"] == "uar" and entry["difference"] == pytest.approx(0.25)
    assert entry["fold_difference"] == pytest.approx((1 + 0.5) / 2 - (1 + 0) / 2)
