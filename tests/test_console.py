# SPDX-License-Identifier: Apache-2.0
import io
import json
import subprocess
import sys
import types

import pytest

from emoclip import console


def raising(error: BaseException):
    def main(argv):
        raise error

    return main


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (3, 3)])
def test_exit_code_of_main_is_kept(returned, code):
    """A failing command that ends with 0 would let a Makefile or a cluster job go on."""
    assert console.run_command(lambda argv: returned) == code


def test_arguments_reach_main():
    """Dropped arguments would make every test of a command run with pytest's own."""
    seen = []
    console.run_command(lambda argv: seen.extend(argv), ["--emotions", "joy,awe"])
    assert seen == ["--emotions", "joy,awe"]


@pytest.mark.parametrize(
    "error",
    [
        ValueError("`num_frames` must be at least 1, got 0."),
        FileNotFoundError("`num_frames` must be at least 1, got 0."),
        FileExistsError("`num_frames` must be at least 1,\n\n   got 0."),
        PermissionError("`num_frames` must be at least 1, got 0."),
        ImportError("`num_frames` must be at least 1, got 0."),
    ],
)
def test_user_errors_become_one_line_and_exit_code_2(error, capsys):
    """A traceback for a mistyped file name hides the sentence that says what to do."""
    assert console.run_command(raising(error)) == 2
    captured = capsys.readouterr()
    assert captured.err == "error: `num_frames` must be at least 1, got 0.\n"
    assert captured.out == ""


def test_system_errors_name_the_file_without_an_error_number(tmp_path, capsys):
    """`[Errno 2]` tells a user nothing; the path does."""
    path = tmp_path / "absent.csv"
    assert console.run_command(lambda argv: path.read_text() and None) == 2
    assert capsys.readouterr().err == f"error: {path}: No such file or directory\n"


def test_error_without_message_still_says_something(capsys):
    """`error: ` and nothing else would leave the user with no clue."""
    assert console.run_command(raising(ValueError())) == 2
    assert capsys.readouterr().err == "error: ValueError\n"


def test_missing_package_becomes_the_command_that_installs_it(capsys):
    """`No module named 'accelerate'` leaves the user to guess which extra was meant."""
    assert console.run_command(lambda argv: __import__("emoclip_no_such_package.inner")) == 2
    assert capsys.readouterr().err == (
        "error: `emoclip_no_such_package` is not installed; run: pip install 'emoclip[all]'\n"
    )


def test_interrupt_ends_with_130(capsys):
    """Shells and job managers tell a stopped run from a failed one by 130."""
    assert console.run_command(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("error", [RuntimeError("shape"), KeyError("label"), ZeroDivisionError()])
def test_defects_keep_their_traceback(error):
    """Swallowing our own bugs as user errors would make them impossible to report."""
    with pytest.raises(type(error)):
        console.run_command(raising(error))


def test_traceback_on_request(monkeypatch):
    """A ValueError may be our bug after all; there must be a way to see where it came from."""
    monkeypatch.setenv("EMOCLIP_TRACEBACK", "1")
    with pytest.raises(ValueError, match="rule"):
        console.run_command(raising(ValueError("rule")))


def test_closed_pipe_is_no_error():
    """`emoclip analyze ... | head` must not end in a BrokenPipeError message."""
    script = (
        "import sys\n"
        "from emoclip.console import run_command, write_line\n"
        "def main(argv):\n"
        "    for _ in range(100_000):\n"
        "        write_line('x' * 80)\n"
        "sys.exit(run_command(main))\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_write_line_flushes(monkeypatch):
    """Progress that waits in a buffer looks like a hang when the output is piped into a log."""
    calls = []
    stdout = types.SimpleNamespace(write=lambda text: calls.append(text), flush=lambda: calls.append("flush"))
    monkeypatch.setattr(sys, "stdout", stdout)
    console.write_line("ready")
    assert calls == ["ready\n", "flush"]


def test_require_returns_the_module():
    """Callers use the result as the module; a submodule path must give the submodule."""
    assert console.require("xml.dom", "data").__name__ == "xml.dom"


@pytest.mark.parametrize("package", ["emoclip_no_such_package", "emoclip_no_such_package.inner"])
def test_require_names_the_extra(package):
    """The user needs the command to type, not `No module named`."""
    with pytest.raises(ImportError, match=rf"`{package}` is not installed; run: pip install 'emoclip\[plot\]'"):
        console.require(package, "plot")


def test_require_does_not_blame_a_missing_extra_for_a_broken_package(tmp_path, monkeypatch):
    """An installed package that lacks one of its own needs is not repaired by our extra."""
    (tmp_path / "half_installed.py").write_text("import emoclip_no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'emoclip_no_such_package'"):
        console.require("half_installed", "plot")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("clip\x1b[2J.mp4", "clip\\x1b[2J.mp4"),
        ("a\rb", "a\\rb"),
        ("exe.\u202egpj", "exe.\\u202egpj"),
        ("bad\udcff.mp4", "bad\\udcff.mp4"),
        ("笑顔 😀 👩‍👧.mp4", "笑顔 😀 👩‍👧.mp4"),
        ("Ärger.mp4", "Ärger.mp4"),
    ],
)
def test_names_cannot_move_the_terminal(text, shown, capsys):
    """A file name may hold control characters; printed raw they clear the screen or hide an ending."""
    console.write_line(text)
    assert capsys.readouterr().out == f"{shown}\n"


def test_terminal_without_unicode_gets_escapes(monkeypatch):
    """`LANG=C` must not end an hour of work with UnicodeEncodeError."""
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding="ascii", newline=""))
    console.write_line("Träne")
    assert buffer.getvalue() == b"Tr\\xe4ne\n"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
@pytest.mark.parametrize(
    "word", ["Träne", "\x7f\x85", "soft\xadhyphen", "\N{WAVING BLACK FLAG}\U000e0067\U000e007f", "\udcff", "\u202e"]
)
def test_document_is_json_on_every_terminal(word, encoding, monkeypatch):
    """The escapes of lines, such as `\\xe4`, are none of JSON's: a flag among the words, or `LANG=C`, would break every `| jq`."""
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding=encoding))
    console.write_json({"word": word})
    assert json.loads(buffer.getvalue().decode(encoding)) == {"word": word}
    shown = buffer.getvalue().decode(encoding)
    assert ("Träne" in shown) == (word == "Träne" and encoding != "ascii")
    assert not any(treacherous in shown for treacherous in "\x7f\x85\xad\u202e")


@pytest.mark.parametrize(
    ("called", "expected"),
    [("/x/train.py", "train.py"), ("/bin/emoclip", "emoclip train"), ("pytest", "emoclip train")],
)
def test_help_names_the_command_that_was_called(monkeypatch, called, expected):
    """Who types `emoclip train --help` must not be told to run a script that an installed package does not have."""
    monkeypatch.setattr("sys.argv", [called])
    assert console.program_name("train.py", "train") == expected
