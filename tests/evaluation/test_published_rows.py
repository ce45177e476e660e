# SPDX-License-Identifier: Apache-2.0
import csv
from importlib import resources

import pytest

from emoclip.evaluation.published_rows import beside, published_beside, published_values


def find(**wanted):
    """The values of published numbers with these fields."""
    return [v.value for v in published_values() if all(getattr(v, name) == value for name, value in wanted.items())]


def test_headline_numbers_of_each_paper():
    """A shifted column would put DFEW's numbers beside AFEW's."""
    emoclip = {"paper": "emoclip", "table": "T-IV", "model": "EmoCLIP", "protocol": "zero_shot"}
    assert find(**emoclip, dataset="dfew", metric="uar") == [0.3676]
    assert find(**emoclip, dataset="afew", metric="war") == [0.3990]
    assert find(paper="emoclip", table="T-III", model="EmoCLIP", variant="averaged prototypes", metric="auc") == [
        0.5259
    ]
    assert find(paper="emoclip", dataset="ness", target="Total Negative", model="EmoCLIP (LP)", metric="pcc") == [0.85]
    assert find(paper="emotionclip", dataset="bold", model="EmotionCLIP (LP)", metric="r2") == [0.133]
    assert find(paper="emotionclip", dataset="moviegraphs", model="EmotionCLIP (LP)", target="test") == [0.3235]
    assert find(paper="expclip", table="T1", model="Exp-CLIP L/14", dataset="ferplus", metric="war") == [0.5542]


def test_log_of_the_released_heads_is_complete():
    """3 backbones x 5 prompt types x 8 data sets, UAR and WAR each: 120 pairs."""
    rows = [v for v in published_values() if v.table == "log"]
    assert len(rows) == 240
    assert len({(v.model, v.variant, v.dataset, v.num_classes) for v in rows}) == 120
    # The two logs whose confusion matrices are known.
    fixed = {"table": "log", "model": "Exp-CLIP ViT-B/16", "variant": "P-1"}
    assert find(**fixed, dataset="afew", metric="uar") == [0.3857]
    assert find(**fixed, dataset="ferplus", metric="war") == [0.4492]


def test_mean_gains_over_clip_are_those_of_the_text():
    """Exp-CLIP states its mean gains in words: a check of 96 numbers at once."""

    def gain(backbone, metric):
        ours, theirs = (find(table="T2", model=f"{m} {backbone}", metric=metric) for m in ("Exp-CLIP", "CLIP"))
        assert len(ours) == len(theirs) == 8
        return 100 * (sum(ours) - sum(theirs)) / 8

    assert [gain("ViT-B/32", m) for m in ("uar", "war")] == pytest.approx([2.71, 4.42], abs=0.006)
    assert [gain("ViT-L/14", m) for m in ("uar", "war")] == pytest.approx([8.07, 8.23], abs=0.006)
    # Of B/16 the table's RAF-DB row is misprinted (39.85 / 38.75 elsewhere); with those the text is right.
    misprint = (39.85 - 38.66) / 8, (38.75 - 37.16) / 8
    assert [gain("ViT-B/16", m) - x for m, x in zip(("uar", "war"), misprint, strict=True)] == pytest.approx(
        [5.47, 6.75], abs=0.006
    )


def test_means_of_instructions_are_the_means_of_their_rows():
    """Table B prints three rows and their mean."""
    for kind in ("unrelated", "related"):
        for dataset in ("rafdb", "mafw"):
            fixed = {"table": "TB", "model": "Exp-CLIP ViT-L/14", "dataset": dataset, "metric": "uar"}
            rows = [find(**fixed, variant=f"P-3, instruction {kind} {n}")[0] for n in (1, 2, 3)]
            (mean,) = find(**fixed, variant=f"P-3, instruction {kind} mean")
            assert mean == pytest.approx(sum(rows) / 3, abs=0.0001)


def test_every_value_is_a_plausible_one():
    """A lost point turns 36.76 into 3676."""
    for value in published_values():
        if value.metric in ("uar", "war", "macro_f1", "weighted_f1", "auc", "mean_average_precision", "top_1"):
            assert 0 < value.value < 1, value
    files = resources.files("emoclip.evaluation") / "published"
    lines = sum(len(list(csv.reader(f.open(encoding="utf-8")))) - 1 for f in files.iterdir())
    assert len(published_values()) == lines


@pytest.mark.parametrize("dataset", ["mafw/single", "MAFW", "mafw"])
def test_rows_are_found_by_the_names_of_manifests(dataset):
    """Manifests name the task after a slash."""
    rows = published_beside(dataset, 11, "zero_shot")
    assert {row.dataset for row in rows} == {"mafw"}
    assert rows[0].protocol == "zero_shot"
    assert {row.protocol for row in rows} == {"zero_shot", "linear_probe", "supervised"}


def test_class_numbers_tell_sets_apart():
    """AffectNet-7 beside AffectNet-8 would be an unfair difference; compound classes are printed as 43, maybe 42."""
    assert {row.num_classes for row in published_beside("affectnet/8", 8, "zero_shot")} == {8}
    assert published_beside("affectnet/8", 5, "zero_shot") == []
    assert published_beside("mafw/compound", 42, "compound.average") == published_beside("mafw", 43, "compound")
    assert published_beside("synthetic-faces", 11, "zero_shot") == []


def test_difference_is_ours_minus_published():
    """The sign says who is better."""
    rows = beside("dfew", 7, "zero_shot", {"uar": 0.4, "war": None})
    assert {row["metric"] for row in rows} == {"uar"}
    (emoclip,) = [
        row for row in rows if (row["table"], row["model"], row["protocol"]) == ("T-IV", "EmoCLIP", "zero_shot")
    ]
    assert (emoclip["ours"], emoclip["difference"]) == (0.4, pytest.approx(0.0324))
    symptoms = beside("ness/panss", 4, "symptoms", {"pcc/Total Negative": 0.9, "mae": 1.0})
    (total,) = [r for r in symptoms if r["metric"] == "pcc" and r["model"] == "EmoCLIP (LP)"]
    assert (total["target"], total["difference"]) == ("Total Negative", pytest.approx(0.05))
