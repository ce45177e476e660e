# SPDX-License-Identifier: Apache-2.0
import csv

import pytest

from emoclip.evaluation.csv_tables import metric_rows, write_csv_tables
from emoclip.evaluation.results import Resampling, summarize


FEW = Resampling(num_resamples=20)


def test_every_scope_has_its_numbers(make_table):
    """What the page shows must be there for programs too, told apart by scope."""
    columns = {
        "fold": [number // 17 + 1 for number in range(33)],
        "subject_id": [f"s{number // 3}" for number in range(33)],
        "gender": ["f" if number < 15 else "m" for number in range(33)],
    }
    report = summarize([make_table(columns=columns)], FEW)
    rows = metric_rows(report)
    found = {(row["scope"], row["of"], row["metric"]): row for row in rows}
    main = found["all clips", "", "uar"]
    assert (main["value"], [main["low"], main["high"]]) == (report["uar"], report["uar_interval"])
    assert found["fold", "2", "uar"]["value"] == report["results"][0]["folds"]["uar"]["values"]["2"]
    assert found["mean of folds", "", "uar"]["low"] is not None
    assert found["class", "anger", "recall"]["value"] == report["results"][0]["per_class_recall"]["anger"]
    assert found["subgroup gender", "f", "clips"]["value"] == 15
    assert found["subjects", "", "num_subjects"]["value"] == 11
    assert len(found) == len(rows)


def test_files(make_table, tmp_path):
    """Columns with commas in captions must come back whole."""
    captions = {"captions": [["Brows up, mouth open."]] * 33}
    table = make_table(columns=captions, dataset="mafw/single")
    report = summarize([table, make_table("weak", skill=0.0, columns=captions)], FEW)
    names = [path.name for path in write_csv_tables(report, table, tmp_path)]
    assert names == ["metrics.csv", "comparisons.csv", "clips.csv"]  # nothing is published for 3 classes of MAFW
    with (tmp_path / "clips.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 33
    assert rows[0]["captions"] == "Brows up, mouth open."
    with (tmp_path / "comparisons.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert float(first["difference"]) == pytest.approx(report["comparisons"][0]["difference"])
    assert float(first["low"]) <= float(first["difference"]) <= float(first["high"])


def test_clips_of_other_tools_may_have_any_columns(make_table, tmp_path):
    """Lists of numbers and records have no place in a spreadsheet as they are; they ended the report."""
    table = make_table(columns={"boxes": [[1, 2]] * 33, "about": [{"age": 3}] * 33, "tags": [["a", None]] * 33})
    write_csv_tables(summarize([table], FEW), table, tmp_path)
    with (tmp_path / "clips.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["boxes"], row["about"], row["tags"]) == ("1 / 2", "{'age': 3}", "a / None")
