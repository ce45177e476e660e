# SPDX-License-Identifier: Apache-2.0
import shutil
import subprocess
import sys

import pytest

from emoclip import cli
from emoclip.commands import COMMANDS
from emoclip.commands.completion import SHELLS, completion_script


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_option_is_in_the_script(shell):
    """A script made from part of the arguments completes part of the command."""
    script = completion_script(shell)
    for name in COMMANDS:
        assert name in script
    for option in ("emotions", "overwrite", "to-original", "allow-missing", "dry-run", "self-test"):
        assert option in script


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["emoclip", "an"], ["analyze"]),
        (["emoclip", "analyze", "--emo"], ["--emotions", "--emotions-file"]),
        (["emoclip", "data", "prepare", "--data"], ["--dataset"]),
        (["emoclip", "convert", "emot"], ["emotionclip"]),
        (["emoclip", "completion", "z"], ["zsh"]),
    ],
)
def test_bash_completes(typed, expected, tmp_path):
    """The script is run as the shell runs it."""
    (tmp_path / "emoclip.bash").write_text(completion_script("bash"))
    words = " ".join(f"'{word}'" for word in typed)
    code = f"""
        source {tmp_path}/emoclip.bash
        COMP_WORDS=({words}); COMP_CWORD={len(typed) - 1}
        _shtab_emoclip emoclip
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    shown = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert shown.stdout.split() == expected


def test_unknown_shell_is_refused(capsys):
    """Argparse names the choices."""
    with pytest.raises(SystemExit) as stop:
        cli.main(["completion", "csh"])
    assert stop.value.code == 2
    assert "bash" in capsys.readouterr().err


def test_parsers_import_nothing_heavy():
    """Help of a command answers at once. `data` is left out: its choices come from what needs numpy and torch."""
    code = (
        "import sys\n"
        "from emoclip.commands import COMMANDS\n"
        "for name, command in COMMANDS.items():\n"
        "    name == 'data' or command.load().build_parser()\n"
        "heavy = {'torch', 'transformers', 'peft', 'accelerate', 'pandas', 'av', 'gradio', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
