# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from emoclip.evaluation.results import Resampling, summarize


FEW = Resampling(num_resamples=200, seed=1)


def test_numbers_worked_by_hand(make_table):
    """12 clips: anger 2 of 4 right, happiness 4 of 4, sadness 3 of 4."""
    predicted = [0, 0, 1, 2, 1, 1, 1, 1, 2, 2, 2, 0]
    table = make_table(
        clip_ids=[f"c{number}" for number in range(12)],
        references=[0] * 4 + [1] * 4 + [2] * 4,
        scores=np.eye(3, dtype=np.float32)[predicted],
    )
    report = summarize([table], FEW)
    assert report["task"] == "zero-shot-video-classification"
    assert report["uar"] == report["war"] == pytest.approx(9 / 12)
    # F1 = 2 TP / (references + predictions): anger 4 / 7, happiness 8 / 9, sadness 6 / 8.
    assert report["macro_f1"] == pytest.approx((4 / 7 + 8 / 9 + 6 / 8) / 3)
    assert (report["num_classes"], report["num_clips"]) == (3, 12)
    assert report["clips_per_class"] == {"anger": 4, "happiness": 4, "sadness": 4}
    assert report["results"][0]["per_class_recall"] == {"anger": 0.5, "happiness": 1.0, "sadness": 0.75}
    assert report["results"][0]["confusion_matrix"] == [[2, 1, 1], [0, 4, 0], [1, 0, 3]]
    low, high = report["uar_interval"]
    assert low < 9 / 12 < high


def test_first_table_is_the_main_result(make_table):
    """The headline must not be that of a baseline."""
    report = summarize([make_table(skill=3.0), make_table("weak", skill=0.0)], FEW)
    assert report["uar"] == report["results"][0]["uar"] > report["results"][1]["uar"]
    assert [result["system"] for result in report["results"]] == ["trained", "weak"]


def test_chance_is_told_apart_from_skill(make_table):
    """The untrained model must be reported inside the interval of chance, the trained one outside."""
    report = summarize([make_table(skill=3.0), make_table("untrained", skill=0.0, seed=4)], FEW)
    trained, untrained = (result["chance"] for result in report["results"])
    assert not trained["within"]
    assert untrained["within"]
    low, high = untrained["uar_interval"]
    assert low < 1 / 3 < high


def test_collapsed_model_is_at_chance(make_table):
    """A model that always says the same has a chance interval of width 0, which rounding must not miss."""
    report = summarize([make_table(scores=np.tile(np.float32([0.1, 0.7, 0.2]), (33, 1)))], FEW)
    assert report["uar"] == pytest.approx(1 / 3)
    assert report["results"][0]["chance"]["within"]


def test_every_other_system_is_compared_within_its_prompt_set(make_table):
    """Comparing across prompt sets would mix two causes."""
    tables = [
        make_table(prompt_set="a"),
        make_table(prompt_set="b", seed=1),
        make_table("weak", skill=0.0, prompt_set="a", seed=2),
        make_table("weak", skill=0.0, prompt_set="b", seed=3),
    ]
    comparisons = summarize(tables, FEW)["comparisons"]
    assert [(entry["system"], entry["other"], entry["prompt_set"]) for entry in comparisons[::3]] == [
        ("trained", "weak", "a"),
        ("trained", "weak", "b"),
    ]
    assert [entry["metric"] for entry in comparisons] == ["uar", "war", "macro_f1"] * 2
    assert all(entry["excludes_zero"] and entry["difference"] > 0 for entry in comparisons)


def test_tables_in_another_row_order_are_aligned(make_table):
    """Several workers deliver rows in any order; pairing by position would compare different clips."""
    table = make_table()
    order = np.random.default_rng(0).permutation(33)
    shuffled = make_table(
        "copy",
        clip_ids=[table.clip_ids[row] for row in order],
        references=[table.references[row] for row in order],
        scores=table.scores[order],
    )
    for comparison in summarize([table, shuffled], FEW)["comparisons"]:
        assert comparison["difference"] == 0.0
        assert comparison["interval"] == [0.0, 0.0]
        assert comparison["p_value"] == 1.0


def test_report_is_plain_json(make_table):
    """NumPy numbers would stop the writing at the very end of a run."""
    json.dumps(summarize([make_table(), make_table("weak", skill=0.0)], FEW), allow_nan=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"manifest_sha256": "0" * 64}, r"must come from one manifest and its classes, got trained with f+ and other"),
        ({"class_names": ["a", "b", "c"]}, r"the same classes, trained and other differ in a, anger, b, c, happiness"),
        (
            {"class_names": ["happiness", "anger", "sadness"]},
            r"the same classes, trained and other differ in their order",
        ),
        (
            {"clip_ids": [f"d{number}" for number in range(33)]},
            r"must hold the same clips, got 66 clips .* first 'c0'",
        ),
        ({"references": [0] * 33}, r"must agree on the true classes, got others in other"),
    ],
)
def test_tables_that_do_not_belong_together_are_refused(make_table, changes, message):
    """A paired interval over different clips is no interval of anything."""
    with pytest.raises(ValueError, match=message):
        summarize([make_table(), make_table("other", **changes)], FEW)


def test_no_table_is_refused():
    with pytest.raises(ValueError, match=r"at least one prediction table, got 0"):
        summarize([])


def test_protocols_are_sections(make_table):
    """Numbers of different tasks must not stand in one table, and none may be lost."""
    tables = [make_table(), make_table(protocol="compound.average"), make_table("weak", skill=0.0)]
    report = summarize(tables, FEW)
    assert [section["protocol"] for section in report["sections"]] == ["zero_shot", "compound.average"]
    assert [result["section"] for result in report["results"]] == [0, 0, 1]


def test_folds_subjects_and_subgroups(make_table):
    """The papers' number is the mean over folds; balance over people needs to know them."""
    columns = {
        "fold": [number % 3 // 2 + 1 for number in range(33)],
        "subject_id": [f"s{number // 3}" for number in range(33)],
        "gender": ["f" if number < 15 else "m" for number in range(33)],
        "captions": [["A face."]] * 33,
    }
    (result,) = summarize([make_table(columns=columns)], FEW)["results"]
    assert result["folds"]["uar"]["mean"] == pytest.approx(sum(result["folds"]["uar"]["values"].values()) / 2)
    assert result["folds"]["num_clips"] == {"1": 22, "2": 11}
    assert result["folds"]["absent_classes"] == {"1": ["sadness"], "2": ["anger", "happiness"]}
    assert "auc" not in result["folds"]  # fold 2 has one class
    assert result["intervals_over"] == "subjects"
    assert result["subjects"]["num_subjects"] == 11
    assert {group: values["clips"] for group, values in result["subgroups"]["gender"].items()} == {"f": 15, "m": 18}
    assert list(result["subgroups"]) == ["gender"]


def test_scores_that_are_no_probabilities_have_no_calibration(make_table):
    """Cosines are fine for ranks; a calibration error of theirs is nonsense."""
    (result,) = summarize([make_table()], FEW)["results"]
    assert result["calibration_error"] is None
    assert 0 < result["auc"] <= 1
    probabilities = np.full((33, 3), 1 / 3, np.float32)
    (result,) = summarize([make_table(scores=probabilities)], FEW)["results"]
    assert result["calibration_error"] == pytest.approx(0, abs=1e-6)
    assert (result["auc"], result["top_2"]) == (0.5, pytest.approx(2 / 3))


def test_shared_clips_are_kept_on_request(make_table):
    """One clip that a system could not read must not make a comparison impossible."""
    whole = make_table()
    fewer = make_table(
        "fewer", clip_ids=whole.clip_ids[3:], references=whole.references[3:], scores=make_table(seed=1).scores[3:]
    )
    with pytest.raises(ValueError, match=r"got 3 clips that are only in .* pass --shared-clips"):
        summarize([whole, fewer], FEW)
    assert summarize([whole, fewer], FEW, shared_clips=True)["num_clips"] == 30


def test_published_rows_stand_beside_the_fold_mean(make_table):
    """Seven classes of DFEW: our number there is the mean over folds, as the papers compute theirs."""
    names = [f"class {number}" for number in range(7)]
    references = [number % 7 for number in range(70)]
    scores = np.random.default_rng(0).normal(size=(70, 7)).astype(np.float32)
    table = make_table(
        clip_ids=[str(number) for number in range(70)],
        references=references,
        scores=scores,
        class_names=names,
        dataset="dfew/single",
        columns={"fold": [1] * 14 + [2] * 56},
        published=[{"model": "EmoCLIP", "protocol": "zero_shot"}],
    )
    report = summarize([table], FEW)
    rows = [row for row in report["sections"][0]["published"] if row["metric"] == "uar" and row["paper"] == "emoclip"]
    rows = [row for row in rows if row["ours"] is not None]
    assert {row["model"] for row in rows} == {"EmoCLIP"}
    assert rows[0]["ours"] == report["results"][0]["folds"]["uar"]["mean"] != report["uar"]
    assert rows[0]["difference"] == pytest.approx(rows[0]["ours"] - rows[0]["value"])


def test_pairs_are_corrected_metric_by_metric(make_table):
    """Three systems against the first: each metric's smallest p is multiplied by 3, and no metric by another's number."""
    tables = [make_table(), *(make_table(f"weak{n}", skill=skill) for n, skill in enumerate((0.5, 1.0, 2.0)))]
    entries = summarize(tables, Resampling(num_resamples=99))["comparisons"]
    for metric in ("uar", "war", "macro_f1"):
        found = [entry for entry in entries if entry["metric"] == metric]
        assert [entry["num_compared"] for entry in found] == [3, 3, 3]
        smallest = min(found, key=lambda entry: entry["p_value"])
        assert smallest["p_holm"] == pytest.approx(min(1.0, 3 * smallest["p_value"]))
        assert all(entry["p_holm"] >= entry["p_value"] for entry in found)


def test_scores_of_different_models_are_not_ranked(make_table):
    """Of leave-one-class-out an AUC would compare one model's scores with another's; recalls are each of one model."""
    columns = {"fold": [1 + number % 2 for number in range(33)]}
    plain, left_out = (
        summarize([make_table(protocol=protocol, columns=columns)], FEW)["results"][0]
        for protocol in ("zero_shot", "leave_one_out")
    )
    assert plain["auc"] is not None and "auc" in plain["folds"]
    assert left_out["auc"] is left_out["auc_interval"] is left_out["mean_average_precision"] is None
    assert left_out["per_class"]["anger"]["auc"] is None and "auc" not in left_out["folds"]
    assert left_out["per_class_recall"] == plain["per_class_recall"]


@pytest.mark.parametrize("protocol", ["zero_shot", "linear_probe", "prompt_sensitivity"])
def test_other_numbers_of_classes_are_refused(make_table, protocol):
    """Sections by the number of classes would put 7 and 8 classes of AffectNet apart, so that nothing is compared and nothing said."""
    wide = {"class_names": ["anger", "happiness", "sadness", "awe"], "scores": np.eye(4, dtype=np.float32)[[0] * 33]}
    tables = [make_table(protocol=protocol), make_table("wide", protocol=protocol, **wide)]
    with pytest.raises(ValueError, match=r"must have the same classes, trained and wide differ in awe"):
        summarize(tables, FEW)
    compound = [make_table(protocol="compound"), make_table("wide", protocol="compound", **wide)]
    assert [len(section["class_names"]) for section in summarize(compound, FEW)["sections"]] == [3, 4]
