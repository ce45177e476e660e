# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from emoclip.evaluation import comparisons
from emoclip.evaluation.results import Resampling, summarize
from emoclip.evaluation.target_predictions import RetrievalTable, TargetTable
from emoclip.metrics import auc, mean_average_precision


FEW = Resampling(num_resamples=100)
SHARED = {"model": "m", "revision": "r", "prompt_set": "p", "manifest_sha256": "f" * 64}


@pytest.fixture
def regression():
    """Returns a function that makes predictions of two symptoms for 30 videos, the worse the larger `noise` is."""

    def make(system="mlp", noise=0.1):
        generator = np.random.default_rng(0)
        references = np.stack([generator.integers(1, 8, 30), generator.integers(3, 22, 30)], axis=1).astype(np.float32)
        scores = references + noise * generator.normal(size=(30, 2)).astype(np.float32)
        ids = [f"v{number}" for number in range(30)]
        subjects = {"subject_id": [f"p{number // 2}" for number in range(30)]}
        return TargetTable(
            "regression",
            ids,
            references,
            scores,
            ["N1: Blunted Affect", "Total Negative"],
            **SHARED,
            system=system,
            columns=subjects,
            protocol="symptoms",
            dataset="ness/panss",
        )

    return make


def test_regression_has_each_target_and_intervals(regression):
    """Symptoms are reported one by one, and their units are not percent."""
    report = summarize([regression()], FEW)
    (result,) = report["results"]
    assert report["task"] == "regression"
    assert result["mae"] < 0.2
    assert result["pcc"] > 0.99
    low, high = result["mae_interval"]
    assert low < result["mae"] < high
    assert result["intervals_over"] == "subjects"
    assert set(result["per_target"]) == {"N1: Blunted Affect", "Total Negative"}
    assert result["mae"] == pytest.approx(np.mean([v["mae"] for v in result["per_target"].values()]))
    json.dumps(report, allow_nan=False)


def test_regression_is_compared(regression):
    """A worse error is a positive difference of the worse system; the test must see it."""
    report = summarize([regression(), regression("noisy", noise=3.0)], FEW)
    entries = {entry["metric"]: entry for entry in report["comparisons"]}
    assert entries["mae"]["difference"] < 0 < entries["pcc"]["difference"]
    assert entries["mae"]["excludes_zero"]
    assert entries["mae"]["p_value"] < 0.05
    assert entries["mae"]["test"] == "paired permutation test of subjects"


def test_several_labels(regression):
    """mAP and AUC over labels; a label without positives has no value of its own."""
    generator = np.random.default_rng(1)
    references = (generator.random((40, 3)) < [0.5, 0.2, 0.0]).astype(np.float32)
    scores = references + generator.normal(size=(40, 3)).astype(np.float32) * 0.5
    table = TargetTable("multi_label", [str(n) for n in range(40)], references, scores, ["a", "b", "c"], **SHARED)
    report = summarize([table], FEW)
    (result,) = report["results"]
    assert result["mean_average_precision"] > 0.7
    assert result["per_target"]["c"] == {"average_precision": None, "auc": None, "positives": 0.0}
    assert report["clips_per_class"]["c"] == 0
    json.dumps(report, allow_nan=False)


@pytest.fixture
def retrieval():
    """Returns a function that makes 20 clips with captions that lie near them, the farther the larger `noise` is."""

    def make(system="model", noise=0.3, **changes):
        generator = np.random.default_rng(2)
        videos = generator.normal(size=(20, 11)).astype(np.float32)
        texts = videos + noise * generator.normal(size=(20, 11)).astype(np.float32)
        fields = {"references": [n % 4 for n in range(20)], "class_names": list("abcd"), **SHARED, "system": system}
        fields |= {"video_embeds": videos, "text_embeds": texts}
        return RetrievalTable([f"c{n}" for n in range(20)], **{**fields, **changes})

    return make


def test_retrieval_in_both_directions(retrieval):
    """Captions near their clips are found; classes of neighbours are chance."""
    (result,) = summarize([retrieval()], FEW)["results"]
    found = result["directions"]["video_to_text"]
    assert found["recall_at_1"] > 0.9
    assert found["precision_at_5"] == pytest.approx(found["recall_at_5"] / 5)
    assert found["class_precision_at_10"] < 0.6
    assert found["recall_at_1_interval"][0] <= found["recall_at_1"] <= found["recall_at_1_interval"][1]
    assert result["directions"]["text_to_video"]["num_queries"] == 20


def test_retrieval_is_compared(retrieval):
    """Which model finds more is asked query by query."""
    report = summarize([retrieval(), retrieval("noisy", noise=30)], FEW)
    first = report["comparisons"][0]
    assert (first["metric"], first["direction"]) == ("recall_at_1", "video_to_text")
    assert first["difference"] > 0.5
    assert first["p_value"] < 0.01


def test_equal_captions_are_right_for_each_other(retrieval):
    """Two clips with one caption between them: finding the other's copy is no error."""
    table = retrieval()
    texts = table.text_embeds.copy()
    texts[1] = texts[0]
    captions = ["same", "same", *(f"text {n}" for n in range(18))]
    (without,) = summarize([retrieval(text_embeds=texts)], FEW)["results"]
    (with_captions,) = summarize([retrieval(text_embeds=texts, columns={"caption": captions})], FEW)["results"]
    assert (without["exact_by"], with_captions["exact_by"]) == ("clip", "caption")
    directions = [r["directions"]["video_to_text"]["recall_at_1"] for r in (without, with_captions)]
    assert directions[0] < directions[1]


def test_clips_without_a_class_have_no_class_relevance(retrieval):
    """-1 is no class that clips could share."""
    (result,) = summarize([retrieval(references=[-1] * 20)], FEW)["results"]
    assert not any("class" in key for key in result["directions"]["video_to_text"])


def test_one_clip_without_a_class_costs_no_other_its_relevance(retrieval):
    """Computed over the labelled clips, as if the others were not there; recall is of all."""
    references = [n % 4 for n in range(20)]
    (whole,) = summarize([retrieval(references=references)], FEW)["results"]
    (result,) = summarize([retrieval(references=[*references[:19], -1])], FEW)["results"]
    found = result["directions"]["video_to_text"]
    assert (found["num_queries"], found["num_class_queries"]) == (20, 19)
    assert found["recall_at_1"] == whole["directions"]["video_to_text"]["recall_at_1"]
    table = retrieval(references=references)
    similarity = table.similarity()[:19, :19]
    order = np.argsort(-similarity, axis=1)[:, :5]
    expected = np.mean(np.array(references)[order] == np.array(references[:19])[:, None])
    assert found["class_precision_at_5"] == pytest.approx(expected)


@pytest.fixture
def labelled():
    """Returns a function that makes predictions of 3 labels for 90 clips, some of two subjects."""

    def make(system="probe", skill=1.0, **changes):
        generator = np.random.default_rng(len(system))
        references = (np.random.default_rng(1).random((90, 3)) < [0.5, 0.2, 0.3]).astype(np.float32)
        scores = skill * references + generator.normal(size=(90, 3)).astype(np.float32)
        ids = [str(n) for n in range(90)]
        return TargetTable("multi_label", ids, references, scores, ["a", "b", "c"], **SHARED, system=system, **changes)

    return make


def test_several_labels_are_compared(labelled):
    """All three metrics with intervals and tests; top-1 is a share of hits and tested as one."""
    report = summarize([labelled(skill=2.5), labelled("weaker", skill=0.3)], FEW)
    entries = {entry["metric"]: entry for entry in report["comparisons"]}
    assert list(entries) == ["mean_average_precision", "auc", "top_1"]
    for name, entry in entries.items():
        first, second = (result[name] for result in report["results"])
        assert entry["difference"] == pytest.approx(first - second)
        assert entry["interval"][0] < entry["difference"] < entry["interval"][1]
        assert entry["excludes_zero"] and entry["p_value"] < 0.05
    assert [entry["test"] for entry in entries.values()] == ["paired permutation test"] * 2 + ["exact McNemar test"]
    subjects = {"subject_id": [f"p{n // 3}" for n in range(90)]}
    tables = [labelled(skill=2.5, columns=subjects), labelled("weaker", skill=0.3, columns=subjects)]
    assert {entry["test"] for entry in summarize(tables, FEW)["comparisons"]} == {
        "paired permutation test of subjects"
    }


def test_long_tables_of_labels_stay_a_matter_of_seconds(labelled, monkeypatch):
    """Metrics that are computed anew for every resample took minutes for 40,000 clips of 26 labels: none may be here."""

    def fast_only(true):
        def checked(metric, *args, **options):
            assert metric not in (auc, mean_average_precision), "computed anew"
            return true(metric, *args, **options)

        return checked

    for name in ("paired_bootstrap_difference", "paired_permutation_p"):
        monkeypatch.setattr(comparisons, name, fast_only(getattr(comparisons, name)))
    drawn = []
    true = comparisons.paired_score_differences
    monkeypatch.setattr(
        comparisons, "paired_score_differences", lambda *a, **k: drawn.append(k["num_resamples"]) or true(*a, **k)
    )
    monkeypatch.setattr(comparisons, "_MAX_NUMBERS", 90 * 3 * 300)
    tables = labelled(), labelled("weaker", skill=0.3)
    for num_resamples in (50, 2000):
        comparisons.compare_pair(*tables, Resampling(num_resamples=num_resamples))
    monkeypatch.setattr(comparisons, "_MAX_NUMBERS", 1)
    comparisons.compare_pair(*tables, Resampling(num_resamples=2000))
    assert drawn == [50, 300, 200]
