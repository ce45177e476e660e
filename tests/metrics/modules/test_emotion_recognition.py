# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.metrics import bootstrap_interval, load_module, macro_f1, uar, war


REFERENCES, PREDICTIONS = [0, 0, 0, 1, 1], [0, 0, 1, 1, 0]


@pytest.fixture(scope="module")
def module():
    return load_module("emotion_recognition")


def test_all_values_agree_with_the_functions(module):
    """The report goes through this module; the functions are what the tests pin."""
    result = module.compute(references=REFERENCES, predictions=PREDICTIONS, num_resamples=50, seed=3)
    for name, metric in {"uar": uar, "war": war, "macro_f1": macro_f1}.items():
        assert result[name] == metric(REFERENCES, PREDICTIONS)
        interval = bootstrap_interval(metric, REFERENCES, PREDICTIONS, num_resamples=50, seed=3)
        assert result[f"{name}_interval"] == list(interval)
    assert result["per_class_recall"] == {0: pytest.approx(2 / 3), 1: 0.5}


def test_intervals_can_be_left_out(module):
    """During training only the values are wanted."""
    assert set(module.compute(references=REFERENCES, predictions=PREDICTIONS, num_resamples=0)) == {
        "uar",
        "war",
        "macro_f1",
        "per_class_recall",
    }


def test_batches_add_up(module):
    """`add_batch` is how evaluation loops use such modules."""
    for start in (0, 2):
        stop = start + 2 if start == 0 else None
        module.add_batch(references=REFERENCES[start:stop], predictions=PREDICTIONS[start:stop])
    assert module.compute(num_resamples=0)["war"] == 3 / 5
