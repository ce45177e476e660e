# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from emoclip.console import run_command
from emoclip.evaluation import processes, run
from emoclip.evaluation.cli import main


@pytest.fixture
def config_file(tiny_model_folder, manifest, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(
        f"model: {tiny_model_folder}\n"
        f"data: {{manifest: {manifest}, num_workers: 0, batch_size: 4}}\n"
        "systems: [{name: trained}, {name: untrained, untrained: true}]\n"
        "num_resamples: 50\n"
        f"output_dir: {tmp_path / 'report'}\n"
    )
    return path


def test_report_is_written_whole(config_file, tmp_path, capsys):
    """The whole way from clips to the report, as a user walks it."""
    assert main(["--config", str(config_file)]) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert set(report) >= {"task", "uar", "war", "macro_f1", "num_classes", "class_names"}
    assert report["class_names"] == ["anger", "happiness", "sadness"]
    assert report["resampling"]["num_resamples"] == 50
    assert report["run"]["left_out"] == []
    names = {path.name for path in (tmp_path / "report").iterdir()}
    files = {"run.json", "report.json", "report.md", "report.html", "metrics.csv", "clips.csv", "confusion_matrix.png"}
    assert names >= {"predictions", "embeddings", *files}
    printed = capsys.readouterr().out
    assert "trained / emoclip_descriptions: UAR" in printed
    assert "clips/s" in printed
    assert "report.md" in printed


def test_output_and_overrides_win_over_the_file(config_file, tmp_path):
    output = tmp_path / "elsewhere"
    assert main(["--config", str(config_file), "--output", str(output), "systems=[{name: only}]", "seed=5"]) == 0
    report = json.loads((output / "report.json").read_text())
    assert [result["system"] for result in report["results"]] == ["only"]
    assert report["resampling"]["seed"] == 5
    assert not (tmp_path / "report").exists()


def test_report_can_be_computed_again_from_its_tables(config_file, tmp_path):
    """Neither model nor data are needed, and nothing changes."""
    main(["--config", str(config_file)])
    before = (tmp_path / "report" / "report.json").read_bytes()
    (tmp_path / "report" / "report.md").unlink()
    assert main(["--from-predictions", str(tmp_path / "report")]) == 0
    assert (tmp_path / "report" / "report.json").read_bytes() == before
    assert (tmp_path / "report" / "report.md").is_file()


def test_features_stay_until_every_process_has_read_them(config_file, tmp_path, monkeypatch):
    """A process that lags behind reads the others' features while the first has its report: it would find them gone."""
    order = []
    monkeypatch.setattr(processes, "wait_for_all", lambda: order.append([p.name for p in tmp_path.glob(".*features")]))
    assert main(["--config", str(config_file)]) == 0
    assert order == [[".report.features"]]
    assert not list(tmp_path.glob(".*features"))
    order.clear()
    monkeypatch.setattr(processes, "wait_for_all", lambda: order.append("waits"))
    monkeypatch.setattr(run, "run_evaluation", lambda *_args: order.append("reads"))
    monkeypatch.setenv("RANK", "1")
    assert main(["--config", str(config_file), "--overwrite"]) == 0
    assert order == ["reads", "waits"]


@pytest.mark.parametrize("inside", ["", "features"])
def test_features_inside_the_report_are_refused_before_work(config_file, tmp_path, inside):
    """The report takes its place as a whole: after hours it would find a folder that is not empty."""
    with pytest.raises(ValueError, match=r"`features` must lie outside the report's folder"):
        main(["--config", str(config_file), f"features={tmp_path / 'report' / inside}"])
    assert not (tmp_path / "report").exists()


def test_existing_report_is_kept_unless_told(config_file, tmp_path):
    """Refused before any clip is decoded; with --overwrite it is replaced whole."""
    main(["--config", str(config_file)])
    (tmp_path / "report" / "stale.txt").write_text("old")
    with pytest.raises(FileExistsError, match=r"must be new or empty, got .*report; choose another with --output"):
        main(["--config", str(config_file)])
    assert (tmp_path / "report" / "stale.txt").exists()
    assert main(["--config", str(config_file), "--overwrite"]) == 0
    assert not (tmp_path / "report" / "stale.txt").exists()


def test_failed_run_leaves_no_folder(config_file, tmp_path):
    with pytest.raises(FileNotFoundError):
        main(["--config", str(config_file), "prompt_sets=[nowhere.yaml]"])
    assert not (tmp_path / "report").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], r"`--config` must name a YAML file, got none"),
        (["--config", "nowhere.yaml"], r"nowhere.yaml does not exist"),
        (["--config", "CONFIG", "batch=3"], r"Unknown key `batch` in the command line"),
        (["--config", "CONFIG", "data.batch_size=many"], r"`data.batch_size` must be an integer, got 'many' (text)"),
        (["--config", "CONFIG", "output_dir=null"], r"`output_dir` must be a folder for the report, got null"),
        (["--from-predictions", "nowhere"], r"there are none in nowhere/predictions"),
        (["--from-predictions", "x", "seed=1"], r"`--from-predictions` takes no other option, got seed=1"),
        (["--from-predictions", "x", "--overwrite"], r"`--from-predictions` takes no other option, got --overwrite"),
        (
            ["--config", "CONFIG", "systems=[{name: a, published: [{model: EmoCILP}]}]"],
            r"`published` of system a: no published row has the model 'EmoCILP'; there are EmoCLIP",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(config_file, capsys, arguments, message):
    """No traceback, nothing written."""
    arguments = [str(config_file) if argument == "CONFIG" else argument for argument in arguments]
    assert run_command(main, arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert message in printed
    assert printed.count("\n") == 1
