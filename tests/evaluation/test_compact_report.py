# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from emoclip.evaluation.compact_report import compact_copy
from emoclip.evaluation.report import read_tables, report_from_predictions, write_tables
from emoclip.evaluation.results import Resampling
from emoclip.evaluation.target_predictions import RetrievalTable


FEW = Resampling(num_resamples=30, seed=4)


@pytest.fixture
def report(make_table, tmp_path):
    """A report folder with captions and a retrieval table."""
    captions = {"captions": [[f"A face number {number}."] for number in range(33)]}
    tables = [make_table(columns=captions), make_table("other", skill=1.0, columns=captions)]
    embeds = np.random.default_rng(0).normal(size=(2, 33, 6)).astype(np.float32)
    shared = {name: getattr(tables[0], name) for name in ("model", "revision", "manifest_sha256", "class_names")}
    ids = list(tables[0].clip_ids)
    tables.append(
        RetrievalTable(ids, tables[0].references, *embeds, prompt_set="captions", system="trained", **shared)
    )
    write_tables(tmp_path / "report", tables)
    report_from_predictions(tmp_path / "report", FEW)
    return tmp_path / "report"


def test_numbers_are_those_of_the_report_and_of_the_tables_in_the_copy(report, tmp_path):
    """A copy whose tables give other numbers than it prints would be worse than none."""
    numbers = compact_copy(report, tmp_path / "kept")
    before = json.loads((report / "report.json").read_text())
    assert numbers["resampling"] == before["resampling"]
    for name in ("uar", "uar_interval", "war", "macro_f1", "class_names"):
        assert numbers[name] == before[name]
    again = report_from_predictions(tmp_path / "kept", FEW)
    assert again["results"] == numbers["results"]


def test_copy_is_small_and_complete(report, tmp_path):
    """What stands elsewhere is left out, what nothing else holds is kept."""
    compact_copy(report, tmp_path / "kept")
    names = {path.name for path in (tmp_path / "kept").iterdir()}
    assert names >= {
        "report.md",
        "report.json",
        "metrics.csv",
        "comparisons.csv",
        "confusion_matrix.png",
        "predictions",
    }
    assert not names & {"report.html", "clips.csv", "embeddings", "attention"}
    first, second, retrieval = read_tables(tmp_path / "kept")
    assert "captions" in first.columns and "captions" not in second.columns
    np.testing.assert_array_equal(first.scores, read_tables(report)[0].scores)
    assert retrieval.video_embeds.dtype == np.float32
    np.testing.assert_allclose(retrieval.video_embeds, read_tables(report)[2].video_embeds, rtol=5e-4)


def test_several_data_sets_stay_together(report, make_table, tmp_path):
    report.rename(tmp_path / "faces")
    (tmp_path / "all").mkdir()
    (tmp_path / "faces").rename(tmp_path / "all" / "faces")
    write_tables(tmp_path / "all" / "others", [make_table()])
    for name in ("faces", "others"):
        (tmp_path / "all" / name / "run.json").write_text("{}")
    (tmp_path / "all" / "run.json").write_text('{"sets": ["faces", "others"]}')
    assert set(compact_copy(tmp_path / "all", tmp_path / "kept")["sets"]) == {"faces", "others"}
    assert (tmp_path / "kept" / "others" / "predictions").is_dir()


def test_only_a_report_is_replaced(report, tmp_path):
    """A mistyped name must not cost a folder of something else."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(FileExistsError, match="Only an earlier report"):
        compact_copy(report, tmp_path / "mine", overwrite=True)
    with pytest.raises(FileNotFoundError, match="there are none in"):
        compact_copy(tmp_path / "mine", tmp_path / "kept")
    compact_copy(report, tmp_path / "kept")
    compact_copy(report, tmp_path / "kept", overwrite=True)
