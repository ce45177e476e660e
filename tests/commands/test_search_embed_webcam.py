# SPDX-License-Identifier: Apache-2.0
"""The commands around single calls: what they print, write and refuse."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from emoclip import cli


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def films(long_clip, tmp_path):
    (tmp_path / "films").mkdir()
    shutil.copyfile(long_clip, tmp_path / "films" / "a.mp4")
    return tmp_path / "films"


def call(*arguments):
    return cli.main([*map(str, arguments)])


def test_search_reads_once_and_answers_again(films, tiny_model_folder, capsys, monkeypatch):
    """The second search must not decode a frame."""
    options = ["--model", tiny_model_folder, "--faces", "none", "--workers", "1"]
    assert call("search", films, "--query", "a smile", "--top", "2", "--output", "m.csv", *options) == 0
    assert "a smile:\n    1" in capsys.readouterr().out
    assert len(pd.read_csv("m.csv")) == 2
    monkeypatch.setattr("emoclip.batch.scorer.Scorer.analyze", lambda *args: pytest.fail("decoded again"))
    assert call("search", films, "--query", "x", "--query", "y", "--json", *options) == 0
    moments = json.loads(capsys.readouterr().out)["moments"]
    assert {row["query"] for row in moments} == {"x", "y"}


def test_search_tells_of_films_that_cannot_be_read(films, tiny_model_folder, capsys):
    (films / "bad.mp4").write_bytes(b"x")
    options = ["--model", tiny_model_folder, "--faces", "none", "--workers", "1"]
    assert call("search", films, "--query", "a smile", *options) == 1
    assert "failed: bad.mp4" in capsys.readouterr().err


def test_embed_writes_windows_and_texts_that_compare(films, tiny_model_folder, capsys):
    """The cosine of the two files is the similarity of `analyze`."""
    options = ["--model", tiny_model_folder, "--faces", "none"]
    assert call("embed", films / "a.mp4", "--mode", "whole", "--output", "v.parquet", *options) == 0
    assert call("embed", "--texts", "joy,fear", "--output", "t.json", *options) == 0
    assert "1 rows of 10 dimensions" in capsys.readouterr().out
    assert (
        call("analyze", films / "a.mp4", "--emotions", "joy,fear", "--mode", "whole", "--output", "a.csv", *options)
        == 0
    )
    video = np.stack(pd.read_parquet("v.parquet")["embed"])
    rows = json.loads(open("t.json").read())["rows"]  # noqa: PTH123, SIM115 - a test
    text = np.array([row["embed"] for row in rows])
    cosines = (video @ text.T) / np.linalg.norm(video) / np.linalg.norm(text, axis=1)
    np.testing.assert_allclose(cosines[0], pd.read_csv("a.csv")["similarity"], atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["embed", "--output", "a.parquet"], "either videos or `--texts`, got neither"),
        (["embed", "x.mp4", "--texts", "a", "--output", "a.parquet"], "got both"),
        (["embed", "--texts", "a", "--output", "a.csv"], "must end in .parquet or .json"),
        (["webcam", "--source", "nothing.mp4", "--emotions", "a,b"], "must be a camera, a file or an address"),
        (["webcam", "--emotions", "a,b", "--seconds", "0"], "`--seconds` must be a positive number"),
        (["webcam", "--emotions", "a,b", "--output", "a.doc"], "must end in"),
        (["webcam", "--source", "nothing.mp4", "--emotions", "a,b", "--output", "a.mp4"], "needs the film again, which is not kept of a camera"),
        (["search", "nothing", "--query", "a"], "must exist or be a pattern"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, message, tiny_model_folder, capsys):
    assert call(*arguments, "--model", tiny_model_folder) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_webcam_prints_windows_and_writes_at_the_end(films, tiny_model_folder, capsys):
    arguments = ["--source", films / "a.mp4", "--every-frame", "--emotions", "joy,fear", "--model", tiny_model_folder]
    outputs = ["--output", "cam.csv", "--output", "cam.html", "--faces", "none", "--fps", "8.33", "--stride", "0.5"]
    assert call("webcam", *arguments, *outputs) == 0
    printed = capsys.readouterr().out
    assert printed.count("whole frame  ") >= 4
    assert "Written: cam.csv" in printed
    assert len(pd.read_csv("cam.csv")) >= 8


def test_an_output_of_webcam_that_cannot_be_written_costs_no_other(films, tiny_model_folder, capsys, monkeypatch):
    """A session cannot be had again."""
    from emoclip.analysis.outputs import forms

    def full(analysis, path, options):
        if path.suffix == ".html":
            raise OSError(5, "Input/output error", str(path))
        return written(analysis, path, options)

    written = forms._write
    monkeypatch.setattr(forms, "_write", full)
    arguments = ["--source", films / "a.mp4", "--every-frame", "--emotions", "joy,fear", "--model", tiny_model_folder]
    assert call("webcam", *arguments, "--faces", "none", "--output", "cam.html", "--output", "cam.csv") == 1
    printed = capsys.readouterr()
    assert "error: cam.html: Input/output error" in printed.err
    assert len(pd.read_csv("cam.csv")) > 0
