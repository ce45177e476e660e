# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from emoclip.cli import main


def test_one_command_from_pictures_to_a_folder(write_run, tmp_path, capsys):
    """The story of the documentation, as a user types it."""
    path = write_run()
    assert main(["distill", "--config", str(path), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "26 clips of" in out and "26 clips to show it" in out and "head: linear, 40, start isometric" in out
    assert not (tmp_path / "run").exists()
    assert main(["distill", "--config", str(path), "--only", "teacher"]) == 0
    assert "Features:" in capsys.readouterr().out
    assert not (tmp_path / "run" / "model").exists()
    assert main(["distill", "--config", str(path), "fit.epochs=1"]) == 0
    out = capsys.readouterr().out
    assert "(action_describer): 0 clips to show it" in out and "epoch 1: loss" in out
    assert f"Written: {tmp_path / 'run' / 'model'}" in out


def test_earlier_model_is_not_replaced_unasked(write_run, tmp_path, capsys):
    """A finished head is worth more than the seconds of a second fit."""
    path = write_run()
    assert main(["distill", "--config", str(path)]) == 0
    assert main(["distill", "--config", str(path), "fit.epochs=1"]) == 2
    assert "is there already; pass --overwrite" in capsys.readouterr().err
    assert main(["distill", "--config", str(path), "fit.epochs=1", "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("fit.epoch=3", "did you mean `fit.epochs`"),
        ("fit.lr=0", "`lr` and `logit_scale` must be above 0"),
        ("head.type=mlp2", "`init: isometric` is for the linear head"),
        ("teachers.0.instructions=[]", "`instructions` must name at least 1"),
        ("teachers.0.instructions=[empty, empty]", "`instructions` must differ"),
        ("data.frames_per_clip=0", "`frames_per_clip` must be at least 1"),
        ("fit.batch_size=512", "at least one batch of 512 pictures, got 26"),
    ],
)
def test_wrong_values_end_in_one_sentence(write_run, override, message, capsys):
    """Before hours of work where it can be known before."""
    assert main(["distill", "--config", str(write_run()), override]) == 2
    assert message in capsys.readouterr().err


def test_distilled_model_is_used_by_analyze(write_run, tmp_path, short_clip: Path, monkeypatch):
    """The head is worth nothing if the commands leave it out."""
    monkeypatch.chdir(tmp_path)
    assert main(["distill", "--config", str(write_run())]) == 0
    model = str(tmp_path / "run" / "model")
    assert main(["analyze", str(short_clip), "--emotions", "joy,fear", "--model", model, "--output", "a.csv"]) == 0
    assert (tmp_path / "a.csv").read_text().count("\n") > 1
