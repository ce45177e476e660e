# SPDX-License-Identifier: Apache-2.0
"""`emoclip analyze` on several inputs, and when something stops it: real processes, real signals, a disk that is really full."""

import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
import termios
import time
import types
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

import emoclip.analysis
from emoclip import cli
from emoclip.commands.several import analyze_each


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def films(long_clip, make_clip, tmp_path):
    """Two films and one that breaks off between them."""
    folder = tmp_path / "films"
    folder.mkdir()
    shutil.copyfile(long_clip, folder / "a.mp4")
    data = make_clip(300, "b.mkv").read_bytes()
    (folder / "b.mkv").write_bytes(data[: len(data) // 2])
    shutil.copyfile(long_clip, folder / "c.mp4")
    return folder


def analyze(*arguments):
    return cli.main(["analyze", *map(str, arguments), "--emotions", "a,b", "--faces", "none"])


def test_a_folder_of_films_is_all_of_them_and_a_damaged_one_costs_no_other(films, tiny_model_folder, capsys):
    """Known only after the first film is done: its results must be there all the same."""
    outputs = ["--output", "{stem}.csv", "--output", "all.csv", "--model", tiny_model_folder]
    assert analyze(films, *outputs) == 1
    printed = capsys.readouterr()
    assert "error: Not analysed: " in printed.err
    assert "b.mkv" in printed.err
    assert "Not analysed: " in printed.out
    assert set(pd.read_csv("all.csv")["video"].map(os.path.basename)) == {"a.mp4", "c.mp4"}
    assert len(pd.read_csv("a.csv")) == len(pd.read_csv("c.csv")) == len(pd.read_csv("all.csv")) / 2
    assert not os.path.exists("b.csv")  # noqa: PTH110 - a test


def test_one_that_cannot_be_opened_is_left_out_and_none_at_all_is_bad_input(films, tiny_model_folder, capsys):
    (films / "b.mkv").write_bytes(b"nothing")
    assert analyze(films / "b.mkv", films / "a.mp4", "--output", "o.csv", "--model", tiny_model_folder) == 1
    assert set(pd.read_csv("o.csv")["video"]) == {str(films / "a.mp4")}
    assert analyze(films / "b.mkv", "--output", "p.csv", "--model", tiny_model_folder) == 2
    # A name that is not there is a slip of the hand, told before any work.
    assert analyze("d.mp4", films / "a.mp4", "--output", "q.csv", "--model", tiny_model_folder) == 2
    assert "does not exist" in capsys.readouterr().err
    assert not os.path.exists("q.csv")  # noqa: PTH110 - a test


def test_hidden_faces_are_not_shown_by_the_page_beside(films, tiny_model_folder, monkeypatch):
    """The page would hold the film as it is."""
    seen = {}
    monkeypatch.setattr(
        "emoclip.analysis.outputs.forms.write_form",
        lambda part, path, options, **_: seen.update({path.suffix: options.html_video}) or (path, ()),
    )
    options = ["--output", "x.html", "--model", tiny_model_folder]
    command = ["analyze", str(films / "a.mp4"), "--emotions", "a,b", *map(str, options), "--blur-faces"]
    assert cli.main(command) == 0
    assert seen == {".html": "none"}
    assert cli.main([*command, "--html-video", "embed"]) == 0
    assert seen == {".html": "embed"}


def test_the_folder_one_is_in_gives_the_name(tiny_model_folder, tmp_path, monkeypatch):
    """The result was called `.emotions.csv`, which no file manager shows."""
    frames = tmp_path / "smile.v2"
    frames.mkdir()
    for number in range(3):
        Image.new("RGB", (34, 26), (number, 0, 0)).save(frames / f"{number}.png")
    monkeypatch.chdir(frames)
    assert analyze(".", "--model", tiny_model_folder) == 0
    assert (frames / "smile.v2.emotions.csv").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="names there are text")
def test_a_name_whose_bytes_are_no_text_costs_no_output(films, tiny_model_folder):
    """The note of one damaged film among the inputs kept the results of all others from being written."""
    (films / "b.mkv").rename(films / "\udcff.mkv")
    outputs = ["--output", "all.json", "--output", "all.parquet", "--output", "all.csv"]
    assert analyze(films, *outputs, "--model", tiny_model_folder) == 1
    notes = json.loads(Path("all.json").read_text(encoding="utf-8"))["notes"]
    assert "\\udcff.mkv" in notes[0]
    assert len(pd.read_parquet("all.parquet")) == len(pd.read_csv("all.csv"))


BOXES = "x1,y1,x2,y2\n5,5,20,20\n"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--blur-faces", "--output", "x.mp4", "--faces", "none"], "`--blur-faces` hides faces that are found"),
        (["--font", "nope.ttf", "--output", "x.mp4"], "`font` must be a TrueType or OpenType file"),
        (["films/c.mp4", "--boxes", "boxes.csv"], "without the column video belong to one video, got 2"),
        (["--baseline-boxes", "boxes.csv"], "belongs to --baseline"),
        (["--output", "films/../films/a.mp4", "--overwrite"], "must not name a video that is read"),
        (
            ["--baseline", "films/c.mp4", "--output", "films/c.mp4", "--overwrite"],
            "must not name a video that is read",
        ),
        (["--output", "a.csv", "--output", "{stem}.csv"], "must name a file of its own, got a.csv twice"),
    ],
)
def test_what_cannot_work_is_refused_before_the_work(more, message, films, tmp_path, monkeypatch, capsys):
    """A film of an hour was analysed first."""
    (tmp_path / "boxes.csv").write_text(BOXES)
    monkeypatch.setattr("emoclip.analysis.load_model", lambda *args: pytest.fail("began to work"))
    assert cli.main(["analyze", "films/a.mp4", *more, "--emotions", "a,b"]) == 2
    assert message in capsys.readouterr().err


def test_boxes_of_a_film_are_not_those_of_its_baseline(films, tiny_model_folder, tmp_path, monkeypatch):
    """The places of the film's faces were scored in the baseline, whoever stood there."""
    (tmp_path / "boxes.csv").write_text(BOXES)
    seen = []
    analyzed = emoclip.analysis.analyze
    monkeypatch.setattr(
        "emoclip.analysis.analyze", lambda *args, **all: seen.append(all["boxes"]) or analyzed(*args, **all)
    )
    command = [
        "analyze",
        "films/a.mp4",
        "--emotions",
        "a,b",
        "--model",
        str(tiny_model_folder),
        "--boxes",
        "boxes.csv",
    ]
    outputs = ["--baseline", "films/c.mp4", "--output"]
    assert cli.main([*command, *outputs, "x.csv"]) == 0
    assert cli.main([*command, *outputs, "y.csv", "--baseline-boxes", str(tmp_path / "boxes.csv")]) == 0
    assert seen == [None, "boxes.csv", str(tmp_path / "boxes.csv"), "boxes.csv"]


def test_ctrl_c_between_two_films_keeps_the_first():
    """While the second is opened there is nothing of it, but all of the first."""
    first = types.SimpleNamespace(interrupted=False)

    def analyzed(source):
        if source == "b":
            raise KeyboardInterrupt
        return first

    assert analyze_each(["a", "b"], analyzed, alone=False) == ({"a": first}, [], True)


@pytest.mark.slow
def test_ctrl_c_writes_what_was_analysed(make_clip, tiny_model_folder, tmp_path):
    """A real signal to a real process in the middle of a film, seen by the bar that its user sees."""
    film = make_clip(9_000, "long.mp4")
    command = [sys.executable, "-m", "emoclip.cli", "analyze", str(film), "--emotions", "a,b", "--faces", "none"]
    command += ["--model", str(tiny_model_folder), "--output", "o.csv"]
    terminal, end = pty.openpty()
    # A terminal of no size shows no bar.
    termios.tcsetwinsize(end, (40, 120))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=end, cwd=tmp_path, start_new_session=True)
    os.close(end)
    shown = b""
    deadline = time.monotonic() + 900
    while not re.search(rb"\b[1-9]\d+/\d+", shown) and time.monotonic() < deadline:
        shown += os.read(terminal, 4096)
    os.killpg(process.pid, signal.SIGINT)
    output = process.communicate(timeout=900)[0].decode()
    shown += os.read(terminal, 65536)
    os.close(terminal)
    assert process.returncode == 130, shown
    assert b"interrupted; what was analysed until then is written" in shown
    assert "Stopped by Ctrl-C" in output
    table = pd.read_csv(tmp_path / "o.csv")
    assert 0 < table["end"].max() < 9_000 / 25 - 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.csv"]


@pytest.mark.slow
def test_a_full_disk_costs_the_output_that_does_not_fit_alone(long_clip, tiny_model_folder, tmp_path, on_small_disk):
    """The picture is larger than the disk; the table behind it is not, and no half of anything is left."""
    command = [sys.executable, "-m", "emoclip.cli", "analyze", str(long_clip), "--emotions", "a,b", "--faces", "none"]
    command += ["--model", str(tiny_model_folder), "--output", "o.png", "--output", "o.csv"]
    result = on_small_disk(f"{shlex.join(command)}; echo code $?; ls -A", size="24k")
    assert "error: o.png: No space left on the disk, nothing was written" in result.stderr
    lines = result.stdout.splitlines()
    assert "Written: o.csv" in lines
    assert lines[lines.index("code 1") + 1 :] == ["o.csv"]
