# SPDX-License-Identifier: Apache-2.0
import json
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest

import emoclip
from emoclip import cli
from emoclip.commands import COMMANDS


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def analyze(*arguments):
    # The clips are noise without a face.
    return cli.main(["analyze", "--faces", "none", *map(str, arguments)])


def test_analyze_prints_a_table_and_writes_a_csv(tiny_model_folder, long_clip, tmp_path, capsys):
    """The command of the README: what is seen, and the file in the working directory."""
    assert analyze(long_clip, "--emotions", "happiness,quiet relief", "--model", tiny_model_folder) == 0
    printed = capsys.readouterr().out
    for part in ("quiet relief", "relative match", "apparent expression", "not what anyone feels", "whole frame"):
        assert part in printed
    assert f"Model: {tiny_model_folder}" in printed
    assert "Written: long.emotions.csv" in printed
    written = pd.read_csv(tmp_path / "long.emotions.csv").fillna({"mark": ""})
    expected = emoclip.analyze(str(long_clip), "happiness,quiet relief", tiny_model_folder, faces="none").timeline
    pd.testing.assert_frame_equal(written, expected, check_dtype=False, atol=1e-6)


def test_one_output_holds_all_inputs(tiny_model_folder, long_clip, short_clip, tmp_path):
    """Several inputs with one --output are one table."""
    arguments = ["--emotions", "a,b", "--model", tiny_model_folder, "--output", "all.json", "--stride", "2"]
    assert analyze(long_clip, short_clip, *arguments) == 0
    content = json.loads((tmp_path / "all.json").read_text())
    assert [row["video"] for row in content["summary"]] == [str(long_clip)] * 2 + [str(short_clip)] * 2
    assert content["scope"] == "whole frame"


def test_inputs_without_output_get_a_csv_each(tiny_model_folder, long_clip, short_clip, tmp_path):
    """`emoclip analyze *.mp4` leaves one file beside another."""
    assert analyze(long_clip, short_clip, "--emotions", "a,b", "--model", tiny_model_folder) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.emotions.csv", "short.emotions.csv"]


def test_plot_and_parquet_are_written(tiny_model_folder, long_clip, tmp_path):
    """The other outputs, and the options that pass through."""
    options = [
        "--window",
        "0.5",
        "--stride",
        "0.5",
        "--prompt",
        "a {} face",
        "--plot",
        "t.png",
        "--output",
        "t.parquet",
    ]
    assert analyze(long_clip, "--emotions", "a,b", "--model", tiny_model_folder, *options) == 0
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")
    assert (pd.read_parquet(tmp_path / "t.parquet").eval("end - start") < 0.5).all()


def test_existing_output_is_kept_and_nothing_is_computed(tiny_model_folder, long_clip, tmp_path, capsys, monkeypatch):
    """Refused before the work starts, not after an hour of it."""
    monkeypatch.setattr("emoclip.analysis.load_model", lambda name: pytest.fail("the model was loaded"))
    (tmp_path / "long.emotions.csv").write_text("mine")
    assert analyze(long_clip, "--emotions", "a,b", "--model", tiny_model_folder) == 2
    message = capsys.readouterr().err
    assert "error: `--output` must not name an existing file, got 'long.emotions.csv'" in message
    assert (tmp_path / "long.emotions.csv").read_text() == "mine"


def test_overwrite_replaces(tiny_model_folder, short_clip, tmp_path):
    """The remedy that the message names works."""
    (tmp_path / "short.emotions.csv").write_text("old")
    assert analyze(short_clip, "--emotions", "a,b", "--model", tiny_model_folder, "--overwrite") == 0
    assert (tmp_path / "short.emotions.csv").read_text().startswith("video,")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.mp4", "--emotions", "a,b"], "missing.mp4 does not exist"),
        (["empty.mp4", "--emotions", "a,b"], "0 bytes"),
        (["text.mp4", "--emotions", "a,b"], "text.mp4"),
        (["half.mp4", "--emotions", "a,b"], "half.mp4"),
        (["CLIP", "--emotions", ""], "at least one word, got none"),
        (["CLIP", "--emotions", ",".join(f"word {number}" for number in range(300))], "at most 256 words, got 300"),
        (["CLIP", "--emotions", "joy, JOY"], "more than case and spaces, got 'joy' and 'JOY'"),
        (["CLIP", "--emotions", "a,b", "--model", "no/such/folder"], "folder must exist, got no/such/folder"),
        (["CLIP", "--emotions", "a,b", "--output", "a.xlsx"], "must end in .csv or .json or .parquet or .png"),
        (["CLIP", "--emotions", "a,b", "--output", "no/a.csv"], "The folder of `--output` must exist"),
        (["CLIP", "--emotions", "a,b", "--plot", "a.pdf"], "`--plot` must end in .png or .svg, got 'a.pdf'"),
        (["CLIP", "--emotions", "a,b", "--stride", "0"], "`--stride` must be a positive number of seconds, got 0.0"),
        (["CLIP", "--emotions", "a,b", "--window", "nan"], "`--window` must be a positive number"),
        (["CLIP", "--emotions", "a,b", "--prompt", "fancy"], "`prompt` must be one of"),
        (["CLIP", "CLIP", "--emotions", "a,b"], "must have different names"),
        (
            ["CLIP", "CLIP", "--emotions", "a,b", "--output", "a.csv", "--plot", "a.png"],
            "a.png shows one video, got 2",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, message, long_clip, tiny_model_folder, tmp_path, capsys):
    """Rule, value and remedy on stderr; no traceback; nothing written."""
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("this is no video")
    (tmp_path / "half.mp4").write_bytes(long_clip.read_bytes()[:3000])
    if "--model" not in arguments:
        arguments = [*arguments, "--model", str(tiny_model_folder)]
    before = sorted(tmp_path.iterdir())
    assert analyze(*[str(long_clip) if argument == "CLIP" else argument for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", ["train", "evaluate", "demo"])
def test_other_commands_get_their_arguments_untouched(command, monkeypatch):
    """Their options, --help among them, are theirs to parse."""
    seen = []
    module = {
        "train": "emoclip.training.cli",
        "evaluate": "emoclip.evaluation.cli",
        "demo": "emoclip.demo.launch",
    }[command]
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(main=lambda argv: seen.append(argv) or 3))
    assert cli.main([command, "--config", "x.yaml", "a=b", "--help"]) == 3
    assert seen == [["--config", "x.yaml", "a=b", "--help"]]


@pytest.mark.parametrize("arguments", [[], ["fly"], ["analyze"], ["analyze", "clip.mp4"]])
def test_incomplete_commands_say_how_to_call(arguments, capsys):
    """Argparse's own errors are exit code 2 as well."""
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    assert "usage: emoclip" in capsys.readouterr().err


def test_version_and_help(capsys):
    """What is typed first."""
    for option, part in (("--version", emoclip.__version__), ("--help", "analyze")):
        with pytest.raises(SystemExit) as stop:
            cli.main([option])
        assert stop.value.code == 0
        assert part in capsys.readouterr().out


def test_help_imports_nothing_heavy():
    """Importing torch takes seconds; help must answer at once. What is imported is checked: a clock tells of other work as well."""
    code = (
        "import sys, contextlib\n"
        "from emoclip import cli\n"
        "with contextlib.suppress(SystemExit): cli.main(['--help'])\n"
        "heavy = {'torch', 'transformers', 'numpy', 'pandas', 'av', 'gradio', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "completion"])
def test_help_of_a_command_needs_no_torch(command):
    """The one who asks what to type has typed nothing yet that needs a model."""
    code = (
        "import sys, contextlib\n"
        "from emoclip import cli\n"
        f"with contextlib.suppress(SystemExit): cli.main([{command!r}, '--help'])\n"
        "heavy = {'torch', 'transformers', 'gradio'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert f"usage: emoclip {command}" in result.stdout
