# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from emoclip.cli import main
from emoclip.evaluation.embeddings import EmbeddingTable, write_embeddings
from emoclip.evaluation.report import write_tables


QUICK = ("--num-resamples", "50")


@pytest.fixture
def make_run(make_table, tmp_path):
    """Returns a function that writes a run of one system with two prompt sets and returns its folder."""

    def make(name, skill=3.0, **changes):
        tables = [make_table(skill=skill, prompt_set=prompt_set, **changes) for prompt_set in ("set", "other")]
        write_tables(tmp_path / name, tables)
        return tmp_path / name

    return make


def run(capsys, *arguments):
    """Exit code, lines on stdout, and stderr of `emoclip report`."""
    code = main(["report", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err


def test_one_run_is_reported_in_place(make_run, capsys):
    """What is looked at later comes from the tables alone: all files, and numbers on the screen."""
    folder = make_run("a")
    code, lines, _ = run(capsys, folder, *QUICK)
    assert code == 0
    assert lines[0].startswith("trained / set: UAR ")
    files = {path.name for path in folder.iterdir()}
    assert {"report.json", "report.md", "report.html", "metrics.csv", "clips.csv", "confusion_matrix.png"} <= files
    report = json.loads((folder / "report.json").read_text())
    assert report["resampling"]["num_resamples"] == 50


def test_settings_of_the_run_are_kept(make_run, capsys):
    """Looking again must not change the intervals."""
    folder = make_run("a")
    run(capsys, folder, *QUICK, "--seed", "7")
    before = (folder / "report.json").read_bytes()
    run(capsys, folder)
    assert (folder / "report.json").read_bytes() == before


def test_runs_are_compared_with_the_first(make_run, capsys, tmp_path):
    """Two runs of equally named systems must not be mixed up, nor written into one another."""
    first, second = make_run("good"), make_run("poor", skill=0.0)
    code, lines, _ = run(capsys, first, second, *QUICK)
    assert code == 0
    assert [line.split(":")[0] for line in lines[:4]] == ["good / set", "good / other", "poor / set", "poor / other"]
    assert lines[4].startswith("good - poor / set: +")
    assert "p = " in lines[4]
    assert not (first / "report.json").exists()
    assert lines[-1] == "Pass --output FOLDER for tables, pictures and a page."


def test_comparison_becomes_a_report_of_its_own(make_run, capsys, tmp_path):
    """It holds its tables, so that it can be computed again without the runs."""
    output = tmp_path / "both"
    arguments = (make_run("a"), make_run("b", skill=1.0), "--output", output, *QUICK)
    assert run(capsys, *arguments)[0] == 0
    assert len(list((output / "predictions").iterdir())) == 4
    report = json.loads((output / "report.json").read_text())
    assert {entry["other"] for entry in report["comparisons"]} == {"b"}
    assert "difference" in (output / "comparisons.csv").read_text().splitlines()[0]
    code, _, error = run(capsys, *arguments)
    assert (code, "pass --overwrite" in error) == (2, True)
    assert run(capsys, *arguments, "--overwrite")[0] == 0
    assert run(capsys, output)[0] == 0


def test_a_report_elsewhere_knows_what_the_run_knew(make_run, capsys, tmp_path):
    """Which clips were left out, of which split, and with which texts, is in no prediction table."""
    known = {"dataset": {"name": "tiny", "split": "val", "manifest": "m.parquet", "notes": ["Shared clips."]}}
    known |= {"left_out": [{"clip_id": "c99", "error": "no video"}], "texts": {"set": {"anger": "A frown."}}}
    for name in ("a", "b"):
        (make_run(name) / "run.json").write_text(json.dumps(known))
    (tmp_path / "a" / "run.json").write_text(json.dumps(known | {"left_out": [{"clip_id": "c98", "error": "cut"}]}))
    assert run(capsys, tmp_path / "b", "--output", tmp_path / "alone", *QUICK)[0] == 0
    text = (tmp_path / "alone" / "report.md").read_text()
    for said in ("(split `val`)", "Shared clips.", "`c99`: no video", "A frown."):
        assert said in text
    assert run(capsys, tmp_path / "a", tmp_path / "b", "--output", tmp_path / "both", *QUICK)[0] == 0
    text = (tmp_path / "both" / "report.md").read_text()
    for said in ("(split `val`)", "Shared clips.", "`c98`: cut", "`c99`: no video"):
        assert said in text
    (tmp_path / "b" / "run.json").write_text(json.dumps(known | {"dataset": {"name": "tiny", "split": "test"}}))
    assert run(capsys, tmp_path / "a", tmp_path / "b", "--output", tmp_path / "third", *QUICK)[0] == 0
    assert "split" not in (tmp_path / "third" / "report.md").read_text().split("## ")[0]


def test_tables_of_other_prompt_sets_are_compared_by_their_first(make_table, capsys, tmp_path):
    """A user who compares two runs wants an answer, and must see that the wording differs too."""
    write_tables(tmp_path / "a", [make_table(prompt_set="x")])
    write_tables(tmp_path / "b", [make_table("weak", skill=0.0, prompt_set="y")])
    _, lines, _ = run(capsys, tmp_path / "a", tmp_path / "b", *QUICK)
    assert lines[2].startswith("trained - weak / x - y: +")


def test_single_tables_are_runs_too(make_run, capsys):
    """A table that somebody sends must be readable without a folder around it."""
    tables = sorted((make_run("a") / "predictions").iterdir())
    code, lines, _ = run(capsys, *tables, *QUICK)
    assert code == 0
    assert lines[0].startswith("01_trained.set / set: UAR")


def test_embeddings_travel_and_are_drawn(make_run, capsys, tmp_path):
    """Before and after stand in one picture."""
    runs = [make_run("before"), make_run("after")]
    for folder in runs:
        embeds = np.random.default_rng(0).normal(size=(33, 5)).astype(np.float32)
        ids = [f"c{number}" for number in range(33)]
        names = ["anger", "happiness", "sadness"]
        references = [n % 3 for n in range(33)]
        write_embeddings(EmbeddingTable(ids, references, embeds, names, "trained", "m", "r", "f" * 64), folder)
    assert run(capsys, *runs, "--output", tmp_path / "both", *QUICK)[0] == 0
    assert sorted(p.name for p in (tmp_path / "both" / "embeddings").iterdir()) == [
        "after.trained.parquet",
        "before.trained.parquet",
    ]
    assert "embeddings_tsne.png" in (tmp_path / "both" / "report.md").read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"manifest_sha256": "0" * 64}, "must come from one manifest"),
        ({"clip_ids": [f"d{number}" for number in range(33)]}, "must hold the same clips"),
        ({"class_names": ["a", "b", "c"]}, "must have the same classes"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(make_run, capsys, tmp_path, changes, message):
    """Nothing is written, and one sentence says what differs."""
    arguments = (make_run("a"), make_run("b", **changes), "--output", tmp_path / "out")
    code, _, error = run(capsys, *arguments)
    assert (code, message in error, (tmp_path / "out").exists()) == (2, True, False)
    assert error.count("\n") == 1


def test_bad_arguments_are_refused(make_run, capsys, tmp_path):
    """Before any table is read."""
    folder, other = make_run("a"), make_run("b")
    assert run(capsys, folder, *QUICK)[0] == 0
    (tmp_path / "empty").mkdir()
    (make_run("damaged") / "report.json").write_text("{}")
    for arguments, message in [
        ((tmp_path / "nowhere",), "nowhere does not exist"),
        ((tmp_path / "empty",), "there are none in"),
        ((folder, folder), "Every run must be named once"),
        ((folder, "--num-resamples", "0"), "`num_resamples` must be at least 1, got 0"),
        ((folder, "--confidence", "95"), "95 % is 0.95"),
        ((folder, "--output", folder), "must be new or empty"),
        ((folder, *QUICK, "--model-card", tmp_path / "empty"), "must have a card"),
        (
            (folder, "--compact", tmp_path / "c", "--num-resamples", "9"),
            "takes no --num-resamples; make the report with",
        ),
        ((folder, "--compact", tmp_path / "c", "--seed", "0", "--shared-clips"), "takes no --shared-clips, --seed;"),
        ((folder, "--compact", tmp_path / "c", "--output", tmp_path / "d"), "takes no --output;"),
        (
            (folder, "--manifest", tmp_path / "m.parquet"),
            "`--manifest` is for --attention-model; add it or leave it out",
        ),
        ((folder, "--hub-dataset", "a/b"), "`--hub-dataset` is for --model-card"),
        ((folder, "--model-card", tmp_path, "--hub-task", "x"), "`--hub-task` is for --hub-dataset"),
        ((tmp_path / "damaged",), "report.json is damaged or no report of ours; remove it"),
        ((folder, other, "--output", folder, "--overwrite"), "`--output` must be another folder than the run's"),
        ((folder, "--compact", folder, "--overwrite"), "`--compact` must be another folder than the run's"),
        ((folder, "--overwrite"), "`--overwrite` is for --output or --compact"),
    ]:
        code, _, error = run(capsys, *arguments)
        assert (code, message in error) == (2, True), error


def test_unwritable_folder_is_refused(make_run, capsys, monkeypatch):
    """Found before the work; a test as root cannot take its own rights away, so the system's answer is simulated."""
    from pathlib import Path

    folder = make_run("a")

    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    code, _, error = run(capsys, folder)
    assert (code, "cannot (Permission denied); choose another" in error) == (2, True)


def test_attention_of_the_best_and_worst_clips(make_table, manifest, tiny_model_folder, capsys, tmp_path):
    """From a report folder, its manifest and a model that prompts by subject to the picture in the report."""
    from emoclip.data.manifest import fingerprint
    from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel, EmoCLIPProcessor

    config = EmoCLIPConfig.from_pretrained(tiny_model_folder)
    config.subject_prompting = "sap"
    EmoCLIPModel(config).save_pretrained(tmp_path / "model")
    EmoCLIPProcessor.from_pretrained(tiny_model_folder).save_pretrained(tmp_path / "model")
    scores = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 2]]
    ids = [f"c{number}" for number in range(5)]
    checksum = fingerprint(manifest)
    table = make_table(clip_ids=ids, references=[0, 1, 2, 0, 1], scores=scores, manifest_sha256=checksum)
    write_tables(tmp_path / "run", [table])
    options = ("--attention-model", tmp_path / "model", *QUICK)
    capsys.readouterr()  # of writing the model
    code, _, error = run(capsys, tmp_path / "run", *options, "--manifest", manifest)
    assert (code, error) == (0, "")
    assert (tmp_path / "run" / "attention.trained.png").read_bytes().startswith(b"\x89PNG")
    code, _, error = run(capsys, tmp_path / "run", *options)
    assert (code, "`--manifest` must name the clips" in error) == (2, True)
    code, _, error = run(capsys, tmp_path / "run", tmp_path / "run", *options)
    assert (code, "needs one report folder" in error) == (2, True)
    write_tables(tmp_path / "other", [make_table()])
    code, _, error = run(capsys, tmp_path / "other", *options, "--manifest", manifest)
    assert (code, "must be the one of the predictions" in error) == (2, True)
    code, _, error = run(capsys, tmp_path / "run", "--attention-model", tiny_model_folder, "--manifest", manifest)
    assert (code, "Only a model that prompts by subject" in error) == (2, True)


def test_several_data_sets_are_reported_one_by_one(make_table, capsys, tmp_path):
    """Folders of several data sets have one table over all; two of them cannot be compared as wholes."""
    for run_name in ("a", "b"):
        for number, name in enumerate(("mafw", "dfew")):
            write_tables(tmp_path / run_name / name, [make_table(manifest_sha256=str(number) * 64)])
        (tmp_path / run_name / "run.json").write_text('{"sets": ["mafw", "dfew"]}')
    code, lines, _ = run(capsys, tmp_path / "a", *QUICK)
    assert code == 0
    assert [line for line in lines if line in ("mafw:", "dfew:")] == ["mafw:", "dfew:"]
    code, _, error = run(capsys, tmp_path / "a", tmp_path / "b")
    assert (code, "has several; name" in error) == (2, True)
    assert run(capsys, tmp_path / "a" / "dfew", tmp_path / "b" / "dfew", *QUICK)[0] == 0
    (tmp_path / "card").mkdir()
    (tmp_path / "card" / "README.md").write_text("---\nlicense: mit\n---\n# Card\n")
    code, _, error = run(capsys, tmp_path / "a", "--model-card", tmp_path / "card", "--hub-dataset", "mteb/RAVDESS_AV")
    assert (code, f"A benchmark is one data set, {tmp_path / 'a'} has several; name one of" in error) == (2, True)
    assert str(tmp_path / "a" / "dfew") in error and not (tmp_path / "card" / ".eval_results").exists()


def test_runs_without_a_counterpart_are_named(make_table, capsys, tmp_path):
    """A run of another protocol is compared with nothing; a table of differences that is merely absent does not say so."""
    write_tables(tmp_path / "a", [make_table()])
    write_tables(tmp_path / "b", [make_table(protocol="linear_probe")])
    write_tables(tmp_path / "c", [make_table(skill=0.5), make_table(protocol="linear_probe")])
    runs = [tmp_path / name for name in "abc"]
    expected = [
        f"Note: {name} has no counterpart in a, and is compared in nothing, for: Linear probe (3)." for name in "bc"
    ]
    _, lines, _ = run(capsys, *runs, *QUICK)
    assert [line for line in lines if line.startswith("Note")] == expected
    assert any(line.startswith("a - c / set: +") for line in lines)
    assert run(capsys, *runs, "--output", tmp_path / "all", *QUICK)[0] == 0
    assert "**Not compared.** b has no counterpart in a" in (tmp_path / "all" / "report.md").read_text()
