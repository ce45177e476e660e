# SPDX-License-Identifier: Apache-2.0
"""What a reader of a section finds, for every task."""

import numpy as np
import pytest

from emoclip.evaluation.document import percent
from emoclip.evaluation.markdown import render_markdown
from emoclip.evaluation.report import report_from_predictions, write_tables
from emoclip.evaluation.report_document import report_blocks, summary_lines
from emoclip.evaluation.results import Resampling, summarize
from emoclip.evaluation.target_predictions import RetrievalTable, TargetTable
from emoclip.evaluation.wording import metric_value, section_title


FEW = Resampling(num_resamples=30)
SHARED = {"model": "m", "revision": "r", "prompt_set": "p", "manifest_sha256": "f" * 64, "system": "s"}


def text_of(tables):
    """The report's Markdown."""
    return render_markdown(report_blocks(summarize(tables, FEW)))


def test_folds_and_their_gaps_are_told(make_table):
    """A class that a fold lacks pulls that fold's UAR down; the reader must know."""
    folds = {"fold": [1 if number % 3 else 2 for number in range(33)]}
    text = text_of([make_table(columns=folds)])
    assert "mean of folds" in text
    assert "fold 1: anger; fold 2: happiness, sadness" in text


def test_spread_over_prompt_sets_is_told(make_table):
    """Which wording was best and worst, and the mean."""
    tables = [make_table(prompt_set="good"), make_table(prompt_set="bad", skill=0.0)]
    values = [result["uar"] for result in summarize(tables, FEW)["results"]]
    assert f"{percent(np.mean(values))}" in text_of(tables)
    assert f"{percent(min(values))} (bad) | {percent(max(values))} (good)" in text_of(tables)


def test_kinds_of_probes_are_no_wordings(make_table, tmp_path):
    """A probe reads no texts: what sets two of them apart is told by their rows, and nothing about wording."""
    kinds = [make_table(prompt_set=name, protocol="linear_probe.test") for name in ("mlp", "logistic")]
    write_tables(tmp_path, [make_table(prompt_set="a"), make_table(prompt_set="b"), *kinds])
    report = report_from_predictions(tmp_path, FEW)
    assert render_markdown(report_blocks(report)).count("### What wording does") == 1
    sensitivity = [picture["section"] for picture in report["pictures"] if picture["kind"] == "prompt_sensitivity"]
    assert sensitivity == [0]


def test_columns_of_lists_are_no_subgroups(make_table):
    """Tables of other tools may have any columns."""
    columns = {"tags": [["a"], ["b"], None] * 11, "gender": ["f", "m", "f"] * 11}
    text = text_of([make_table(columns=columns)])
    assert "### Subgroups: gender" in text and "tags" not in text


def test_subjects_and_subgroups_have_tables(make_table):
    """Balance and gaps are easy to forget where nobody prints them."""
    columns = {
        "subject_id": [f"s{number // 3}" for number in range(33)],
        "gender": ["f" if number < 15 else "m" for number in range(33)],
    }
    text = text_of([make_table(columns=columns)])
    assert "### Subjects" in text
    assert "### Subgroups: gender" in text
    assert "intervals over 11 subjects, drawn whole" in text
    assert "Only" not in text
    few = {"subject_id": [f"s{number % 3}" for number in range(33)]}
    text = text_of([make_table(columns=few), make_table("other", skill=1.0, columns=few)])
    assert "**Only 3 subjects.**" in text
    assert "a p below 0.250" in text


def test_numbers_are_not_percent():
    """An error of 0.8 points on a scale of 7 is not 80 %."""
    numbers = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    table = TargetTable(
        "regression", list("abcdefghi"), numbers, numbers + 0.5, ["x", "y"], **SHARED, protocol="symptoms"
    )
    text = text_of([table])
    assert "| s / p | 0.500 [0.500, 0.500] |" in text
    assert "## Symptom scores" in text
    assert summary_lines(summarize([table], FEW))[0].startswith("s / p: MAE 0.500, RMSE 0.500")


def test_retrieval_has_both_directions():
    """R@k alone hides that texts find clips less well than clips find texts."""
    embeds = np.eye(12, dtype=np.float32)
    table = RetrievalTable([str(n) for n in range(12)], [0] * 12, embeds, embeds, ["a", "b"], **SHARED)
    text = text_of([table])
    assert "From a clip to its caption" in text
    assert "From a caption to its clip" in text
    assert "100.0 [100.0, 100.0]" in text


@pytest.mark.parametrize(
    ("protocol", "title"),
    [
        ("zero_shot", "Zero-shot recognition"),
        ("linear_probe.test", "Linear probe: test"),
        ("own_protocol", "Own protocol"),
    ],
)
def test_titles(protocol, title):
    """Protocols that nobody has thought of yet get a heading too."""
    assert section_title(protocol) == title


def test_values_and_missing_values():
    """None is a dash, not 0."""
    assert metric_value("uar", 0.5) == "50.0"
    assert metric_value("pcc", 0.5, [0.25, 0.75], signed=True) == "+0.500 [+0.250, +0.750]"
    assert metric_value("auc", None) == "-"


def test_p_values_of_several_pairs_are_corrected(make_table):
    """Of ten runs one differs from the first by luck alone; of two there is nothing to correct."""
    weak = [make_table(f"weak{number}", skill=1.0, seed=number) for number in range(3)]
    text = text_of([make_table(), *weak])
    assert "| p | p corrected |" in text
    assert "Holm's rule for the 3 pairs" in text
    assert "p corrected" not in text_of([make_table(), weak[0]])


def test_scores_have_intervals_and_say_what_was_left_out(make_table):
    """AUC without its uncertainty looks exact; resamples without a value must not vanish silently."""
    text = text_of([make_table()])
    assert "Intervals of AUC, mAP and ECE are of 30 resamples." in text
    assert "left out" not in text
    scores = np.array([[0.9, 0.1, 0.2], [0.2, 0.8, 0.1]], dtype=np.float32)
    tiny = make_table(clip_ids=["a", "b"], references=[0, 1], scores=scores, columns={})
    assert "left out, at most: AUC" in text_of([tiny])


def test_spread_over_wording_is_of_both_metrics_and_of_fold_means(make_table):
    """The configuration promises WAR too; beside the fold means of the other tables a pooled UAR would be another number."""
    folds = {"fold": [1] * 6 + [2] * 27}
    tables = [make_table(prompt_set=name, skill=skill, columns=folds) for name, skill in (("a", 1.5), ("b", 0.5))]
    results = summarize(tables, FEW)["results"]
    text = text_of(tables)
    for metric, name in (("uar", "UAR"), ("war", "WAR")):
        means = [result["folds"][metric]["mean"] for result in results]
        assert means[0] != results[0][metric]
        ends = f"{percent(min(means))} (b) | {percent(max(means))} (a)"
        assert (
            f"| trained | {name} | 2 | {percent(np.mean(means))} | {percent(np.std(means, ddof=1))} | {ends} |" in text
        )
    assert "Means over folds, in percent." in text
    assert "Means over folds" not in text_of([make_table(prompt_set="a"), make_table(prompt_set="b", skill=1.0)])


def retrieval_table(prompt_set, captions, references=None):
    embeds = np.eye(6, dtype=np.float32)
    about = SHARED | {"prompt_set": prompt_set, "protocol": "caption_ablation"}
    ids = [f"c{number}" for number in range(6)]
    return RetrievalTable(
        ids, references or [0, 1] * 3, embeds, embeds, ["a", "b"], **about, columns={"caption": captions}, ks=(1, 2)
    )


def test_each_kind_of_caption_says_what_is_right():
    """Whole captions all differ; parts of them do not, and there an equal one counts: one sentence cannot be true of both."""
    full = retrieval_table("full", [f"text {number}" for number in range(6)])
    part = retrieval_table("expression_only", ["smile", "smile", *"abcd"])
    assert "Right is a query's own caption or clip alone." in text_of([full])
    assert "Right is a query's own caption or clip, or one with an equal caption." in text_of([part])
    text = text_of([full, part])
    assert (
        "own caption or clip and, in s / expression_only, where several clips share a caption, one with an equal"
        in text
    )


def test_clips_without_a_class_are_told():
    """Class P@k over fewer queries than R@k, without a word."""
    captions = [f"text {number}" for number in range(6)]
    text = text_of([retrieval_table("full", captions, [0, 1, 0, 1, 0, -1])])
    assert "whose clip has the query's class, of the 5 clips that have one, searched among these." in text
    assert "Class P@k" not in text_of([retrieval_table("full", captions, [-1] * 6)])
