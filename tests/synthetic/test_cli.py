# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.console import run_command
from emoclip.synthetic import cli
from emoclip.synthetic.render import World


def test_arguments_reach_the_renderer(monkeypatch, capsys, tmp_path):
    """An option that is ignored would render another world than asked for."""
    calls = []
    monkeypatch.setattr(cli, "render_world", lambda *args, **kwargs: calls.append((args, kwargs)) or 4)
    arguments = "--seed 3 --train-clips 5 --test-clips 6 --stills 7 --workers 1 --shard 2/9 --overwrite"
    assert run_command(cli.main, ["--output", str(tmp_path), *arguments.split()]) == 0
    assert calls == [((str(tmp_path), World(3, 5, 6, 7)), {"workers": 1, "shard": (2, 9), "overwrite": True})]
    assert "4 files of other shards are missing" in capsys.readouterr().out


def test_default_counts_are_those_of_the_embedded_default(monkeypatch, tmp_path):
    """The documented data set is the one that is rendered."""
    calls = []
    monkeypatch.setattr(cli, "render_world", lambda *args, **kwargs: calls.append(args[1]) or 0)
    cli.main(["--output", str(tmp_path)])
    assert calls == [World(seed=0, train_clips=1320, test_clips=440, stills=20000)]


def test_finished_folder_is_an_error_of_one_line(tmp_path, capsys):
    """A repeated command must say what to do, without a traceback."""
    arguments = [
        "--output",
        str(tmp_path),
        *["--train-clips", "1", "--test-clips", "0", "--stills", "0", "--workers", "1"],
    ]
    assert run_command(cli.main, arguments) == 0
    assert run_command(cli.main, arguments) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert "--overwrite" in error


@pytest.mark.parametrize(
    "arguments", [[], ["--output", "x", "--shard", "one"], ["--output", "x", "--contact-sheet", "y"]]
)
def test_unusable_arguments_end_with_code_2(arguments):
    """Wrong usage is told by the parser."""
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2


def test_contact_sheet_is_written(tmp_path, capsys):
    """The picture in the docs must be reproducible by its command."""
    cli.main(["--contact-sheet", str(tmp_path / "sheet.png")])
    assert (tmp_path / "sheet.png").is_file()
    assert "sheet.png" in capsys.readouterr().out
