# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.evaluation.original_scripts import original_leave_one_out_uar
from emoclip.evaluation.predictions import PredictionTable
from emoclip.evaluation.results import Resampling, score


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
    """The right average is the mean of the classes' recalls: (0.4 + 1) / 2."""
    result = score(table_of([0, 0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 1, 1, 1]), Resampling(num_resamples=5))
    assert result["uar"] == pytest.approx(0.7)
    assert result["original_script_uar"] == pytest.approx((0.4 / 2 + 1) / 2)
