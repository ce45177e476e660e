# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from emoclip.evaluation.report import report_from_predictions, resampling_of, write_json, write_tables
from emoclip.evaluation.results import Resampling


FEW = Resampling(num_resamples=50, seed=3)


def test_report_is_computed_from_the_tables_alone(make_table, tmp_path):
    """No model and no data must be needed to look at a result again."""
    write_tables(tmp_path, [make_table(), make_table("weak", skill=0.0)])
    report = report_from_predictions(tmp_path, FEW)
    assert json.loads((tmp_path / "report.json").read_text()) == report
    assert (tmp_path / "report.md").read_text().startswith("# Zero-shot evaluation")
    assert (tmp_path / "confusion_matrix.png").stat().st_size > 1000
    assert "run" not in report


def test_order_of_the_tables_is_kept(make_table, tmp_path):
    """The first table is the main result; file names in alphabetical order would make it another."""
    paths = write_tables(tmp_path, [make_table("zebra"), make_table("ape", skill=0.0)])
    assert [path.name for path in paths] == ["01_zebra.set.parquet", "02_ape.set.parquet"]
    assert [result["system"] for result in report_from_predictions(tmp_path, FEW)["results"]] == ["zebra", "ape"]


def test_record_of_the_run_becomes_part_of_the_report(make_table, tmp_path):
    write_tables(tmp_path, [make_table()])
    write_json(tmp_path / "run.json", {"command": "the command"})
    assert report_from_predictions(tmp_path, FEW)["run"] == {"command": "the command"}
    assert "the command" in (tmp_path / "report.md").read_text()


def test_second_report_equals_the_first(make_table, tmp_path):
    """A report that changes by itself cannot be traced to its tables."""
    write_tables(tmp_path, [make_table()])
    report_from_predictions(tmp_path, FEW)
    before = {name: (tmp_path / name).read_bytes() for name in ("report.json", "report.md")}
    assert resampling_of(tmp_path) == FEW
    report_from_predictions(tmp_path, resampling_of(tmp_path))
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_folder_without_tables_is_refused(tmp_path):
    assert resampling_of(tmp_path) is None
    with pytest.raises(FileNotFoundError, match=r"there are none in .*predictions"):
        report_from_predictions(tmp_path)


def test_nan_never_becomes_json(tmp_path):
    """Other programs cannot read `NaN` in JSON."""
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"uar": float("nan")})
