# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries

from emoclip.evaluation.hub_results import model_index_results, write_hub_results
from emoclip.evaluation.results import Resampling, summarize
from emoclip.evaluation.target_predictions import RetrievalTable, TargetTable
from emoclip.evaluation.wording import in_unit


CARD = """---
language: en
license: apache-2.0
tags:
- emoclip
---

# My model

Words that stay.
"""


@pytest.fixture
def report(make_table):
    """Two systems on a data set with a name."""
    tables = [make_table(dataset="dfew/single"), make_table("weak", skill=0.0, dataset="dfew/single")]
    return summarize(tables, Resampling(num_resamples=20))


@pytest.fixture
def model_folder(tmp_path):
    (tmp_path / "README.md").write_text(CARD, encoding="utf-8")
    return tmp_path


def test_card_gets_the_main_system_s_results(report, model_folder):
    """The Hub reads them with its own class; text and other entries stay as they were."""
    write_hub_results(report, model_folder)
    card = ModelCard.load(model_folder / "README.md")
    values = {entry.metric_type: entry.metric_value for entry in card.data.eval_results}
    assert values["uar"] == round(report["uar"], 6)
    assert {"war", "macro_f1", "auc"} <= set(values)
    assert card.data.eval_results[0].dataset_name == "dfew/single"
    assert card.data.license == "apache-2.0"
    assert "Words that stay." in card.text
    assert card.data.model_name == "My model"


def test_writing_again_replaces_and_keeps_others(report, model_folder):
    """A second evaluation must not double the card's rows; another data set's rows must stay."""
    write_hub_results({**report, "dataset": "other"}, model_folder)
    write_hub_results(report, model_folder)
    once = (model_folder / "README.md").read_bytes()
    write_hub_results(report, model_folder)
    assert (model_folder / "README.md").read_bytes() == once
    entries = ModelCard.load(model_folder / "README.md").data.eval_results
    assert {entry.dataset_name for entry in entries} == {"dfew/single", "other"}
    assert len(entries) == 2 * len(model_index_results(report))


def test_benchmark_entry_is_what_the_hub_parses(report, model_folder):
    """Data set and task are required there."""
    paths = write_hub_results(report, model_folder, hub_dataset="mteb/RAVDESS_AV", hub_task="video")
    assert paths[1] == model_folder / ".eval_results" / "ravdess_av.yaml"
    (entry,) = parse_eval_result_entries(yaml.safe_load(paths[1].read_text()))
    assert (entry.dataset_id, entry.task_id, entry.value) == ("mteb/RAVDESS_AV", "video", round(report["uar"], 6))
    assert "prompt set set" in entry.notes


def test_folds_give_their_mean(make_table):
    """The card's number is the one that papers report."""
    table = make_table(columns={"fold": [number // 17 + 1 for number in range(33)]})
    report = summarize([table], Resampling(num_resamples=20))
    values = {entry.metric_type: entry.metric_value for entry in model_index_results(report)}
    assert values["uar"] == round(report["results"][0]["folds"]["uar"]["mean"], 6)


def test_bad_targets_are_refused(report, model_folder, tmp_path):
    """A benchmark that is no name of the Hub would be refused there, after the upload."""
    with pytest.raises(ValueError, match="must be OWNER/NAME of a data set on the Hub, got 'RAVDESS'"):
        write_hub_results(report, model_folder, hub_dataset="RAVDESS")
    with pytest.raises(FileNotFoundError, match=r"README\.md does not exist; save the model first"):
        write_hub_results(report, tmp_path / "nothing")


def test_two_numbers_of_classes_are_two_results(make_table):
    """43 and 42 compound classes: one entry of the card would take the place of the other."""
    wide = {
        "class_names": ["anger", "happiness", "sadness", "neutral"],
        "scores": np.eye(4, dtype=np.float32)[[0] * 33],
    }
    tables = [make_table(protocol="compound"), make_table(protocol="compound", **wide)]
    entries = model_index_results(summarize(tables, Resampling(num_resamples=20)))
    identifiers = {(entry.unique_identifier, entry.metric_type) for entry in entries}
    assert len(identifiers) == len(entries)
    assert {entry.dataset_config for entry in entries} == {"compound, 3 classes", "compound, 4 classes"}
    assert "weighted_f1" in {entry.metric_type for entry in entries}


def test_numbers_have_their_errors_in_the_card(model_folder):
    """MSE and R2 are what LIRIS-ACCEDE and BoLD are reported by."""
    values = np.arange(12, dtype=np.float32).reshape(6, 2)
    about = dict.fromkeys(("model", "revision", "prompt_set", "manifest_sha256"), "x")
    table = TargetTable("regression", list("abcdef"), values, values + 0.5, ["valence", "arousal"], **about)
    found = {
        e.metric_type: e.metric_value for e in model_index_results(summarize([table], Resampling(num_resamples=9)))
    }
    assert (found["mse"], found["mae"]) == (0.25, 0.5)
    assert "r2" in found and "rmse" in found


def test_benchmark_entry_needs_a_metric(model_folder):
    """A bare StopIteration after the card has been written says nothing."""
    eye = np.eye(3, dtype=np.float32)
    about = dict.fromkeys(("model", "revision", "prompt_set", "manifest_sha256"), "x")
    table = RetrievalTable(["a", "b", "c"], [0, 1, 1], eye, eye, ["x", "y"], ks=(1,), **about)
    report = summarize([table], Resampling(num_resamples=9))
    with pytest.raises(ValueError, match=r"takes one metric of the main result, that of retrieval has none"):
        write_hub_results(report, model_folder, hub_dataset="mteb/RAVDESS_AV")
    assert (model_folder / "README.md").read_text() == CARD


@pytest.mark.parametrize(
    ("task", "protocol", "expected"),
    [
        ("regression", "symptoms", "MAE in the unit of the scores, symptoms"),
        ("multi_label", "linear_probe", "mAP as a fraction, linear_probe"),
    ],
)
def test_benchmark_entry_says_its_unit(model_folder, task, protocol, expected):
    """An error of 2.3 points is no fraction of anything."""
    values = np.array([[0, 1], [1, 0], [1, 1], [0, 0]], dtype=np.float32)
    about = dict.fromkeys(("model", "revision", "prompt_set", "manifest_sha256"), "x")
    table = TargetTable(task, list("abcd"), values, values + 2.3, ["valence", "arousal"], **about, protocol=protocol)
    report = summarize([table], Resampling(num_resamples=9))
    paths = write_hub_results(report, model_folder, hub_dataset="mteb/RAVDESS_AV")
    assert expected in yaml.safe_load(paths[1].read_text())[0]["notes"]


def test_units_of_metrics():
    """Correlations and R2 have none; a mean square has the square of one."""
    assert in_unit("rmse") == " in the unit of the scores"
    assert in_unit("mse") == " in the squared unit of the scores"
    assert (in_unit("pcc"), in_unit("r2"), in_unit("uar")) == ("", "", " as a fraction")
