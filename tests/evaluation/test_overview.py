# SPDX-License-Identifier: Apache-2.0
import json
import os

import pytest

from emoclip.evaluation.cli import main
from emoclip.evaluation.overview import report_of_folder, write_set_names
from emoclip.evaluation.report import write_tables


@pytest.fixture
def several(tiny_model_folder, write_set, tmp_path):
    """A configuration of two data sets, one with folds and one with compound classes."""
    folded = write_set(6, lambda n: {"label": n % 3, "test_fold": 1 + n // 3})
    names = ["fear", "neutral", "surprise", "fear_surprise"]
    compound = write_set(4, lambda n: {"label": n}, class_names=names)
    config = tmp_path / "config.yaml"
    config.write_text(
        f"model: {tiny_model_folder}\n"
        "num_resamples: 20\n"
        "sets:\n"
        f"  folded:\n    data: {{manifest: {folded}, fold: all, num_workers: 0}}\n"
        f"  compound:\n    data: {{manifest: {compound}, num_workers: 0}}\n"
        "    protocols: {zero_shot: false, compound: {modes: [average]}}\n"
    )
    return config


def test_one_table_over_all_sets(several, tmp_path, capsys):
    """A row of the papers' tables has many data sets; folds count by their mean, both ways of compounds stand apart."""
    output = tmp_path / "report"
    assert main(["--config", str(several), "--output", str(output)]) == 0
    report = json.loads((output / "report.json").read_text())
    assert set(report["sets"]) == {"folded", "compound"}
    assert {"task", "uar", "war", "macro_f1", "num_classes", "class_names"} <= set(report)
    rows = {(row["protocol"], row["num_compound_classes"]): row["sets"] for row in report["table"]}
    assert set(rows) == {("zero_shot", 0), ("compound", 4), ("compound", 3)}
    folds = report["sets"]["folded"]["results"][0]["folds"]["uar"]
    assert rows["zero_shot", 0]["folded"]["uar"] == pytest.approx(sum(folds["values"].values()) / 2)
    text = (output / "report.md").read_text()
    assert "| 3 compound classes" in text or "/ 3 compound classes |" in text
    assert (output / "compound" / "report.md").is_file()
    printed = capsys.readouterr().out
    assert "folded:" in printed and "compound:" in printed
    before = (output / "report.json").read_bytes()
    assert main(["--from-predictions", str(output)]) == 0
    assert (output / "report.json").read_bytes() == before


def test_every_task_has_a_table_with_intervals(tiny_model_folder, write_set, tmp_path):
    """Retrieval, several labels and numbers were in no table, and a value without its interval cannot be judged."""
    path = write_set(
        9,
        lambda n: (
            {"split": "train" if n < 4 else "test", "label": n % 3, "labels": [n % 3, (n + 1) % 3]}
            | {"valence": float(n), "captions": [f"Caption {n}."]}
        ),
    )
    config = tmp_path / "config.yaml"
    config.write_text(
        f"model: {tiny_model_folder}\nnum_resamples: 20\nprompt_sets: [name]\n"
        f"sets:\n  zebra:\n    data: {{manifest: {path}, num_workers: 0}}\n    protocols:\n      retrieval: {{ks: [2]}}\n"
        "      linear_probe:\n        several: {kind: one_vs_rest, target: labels}\n"
        "        number: {kind: ridge, target: valence}\n"
        f"  aardvark:\n    data: {{manifest: {path}, num_workers: 0}}\n"
    )
    output = tmp_path / "report"
    assert main(["--config", str(config), "--output", str(output)]) == 0
    text = (output / "report.md").read_text()
    for title in ("## Classes", "## Several labels at once", "## Numbers", "## Retrieval"):
        assert title in text
    report = json.loads((output / "report.json").read_text())
    rows = {row["task"]: row["sets"]["zebra"] for row in report["table"]}
    assert rows["classification"]["uar_interval"] and report["uar_interval"]
    assert rows["multi_label"]["mean_average_precision"] > 0 and rows["multi_label"]["mean_average_precision_interval"]
    assert rows["regression"]["mae"] > 0 and rows["regression"]["mae_interval"]
    assert rows["retrieval"]["text_to_video/recall_at_2_interval"] and rows["retrieval"]["video_to_text/median_rank"]
    low, high = rows["classification"]["uar_interval"]
    assert f"[{100 * low:.1f}, {100 * high:.1f}]" in text


def test_order_of_data_sets_is_that_of_the_configuration(several, tmp_path):
    """Times of files change in a copy; the first data set gives the headline."""
    output = tmp_path / "report"
    assert main(["--config", str(several), "--output", str(output)]) == 0
    (output / "report.json").unlink()
    os.utime(output / "folded" / "run.json")
    assert list(report_of_folder(output)["sets"]) == ["folded", "compound"]
    (output / "folded" / "run.json").unlink()
    (output / "run.json").unlink()
    assert list(report_of_folder(output)["sets"]) == ["folded", "compound"]


def test_bad_set_is_told_before_the_first_is_encoded(several, tmp_path):
    """The fifth data set must not fail after four were encoded for hours."""
    arguments = ["--config", str(several), "--output", str(tmp_path / "r"), "sets.compound.data.split=nowhere"]
    with pytest.raises(ValueError, match="No split 'nowhere'"):
        main(arguments)
    assert not (tmp_path / ".r.features").exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.manifest=x.parquet", r"Either `data` or `sets` must name the clips, got both"),
        ("sets={'a/b': {data: {manifest: x}}}", r"Names of `sets` may hold letters"),
        ("sets=null", r"`sets` must be a mapping"),
    ],
)
def test_unclear_configuration_is_refused(several, tmp_path, override, message):
    with pytest.raises(ValueError, match=message):
        main(["--config", str(several), "--output", str(tmp_path / "r"), override])


def test_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="there are none in"):
        report_of_folder(tmp_path)


def test_runs_that_do_not_belong_together_are_no_data_sets(make_table, tmp_path):
    """The folder above all runs got a report of them as if they were one run's, and each was computed again."""
    for name in ("first", "second"):
        write_tables(tmp_path / name, [make_table()])
    with pytest.raises(
        ValueError, match=r"runs that do not belong together; name one or several of .*first, .*second"
    ):
        report_of_folder(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["01_trained.set.parquet"] * 2
    write_set_names(tmp_path, ["first"])
    assert list(report_of_folder(tmp_path)["sets"]) == ["first"]


def test_damaged_record_is_named(make_table, tmp_path):
    """Which of the files of a folder is damaged cannot be guessed from a column of it."""
    write_tables(tmp_path, [make_table()])
    (tmp_path / "run.json").write_text('{"dataset": ')
    with pytest.raises(ValueError, match=r"run\.json is damaged; remove it"):
        report_of_folder(tmp_path)
