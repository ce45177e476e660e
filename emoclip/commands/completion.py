# SPDX-License-Identifier: Apache-2.0
"""`emoclip completion SHELL`: a script that lets the shell complete commands, options, choices and file names.

emoclip completion bash > ~/.local/share/bash-completion/completions/emoclip
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import emoclip
from emoclip.commands import COMMANDS
from emoclip.console import require, run_command, write_line


SHELLS = ("bash", "zsh", "fish")
EPILOG = """install it once:
  emoclip completion bash > ~/.local/share/bash-completion/completions/emoclip
  emoclip completion zsh  > "${fpath[1]}/_emoclip"
  emoclip completion fish > ~/.config/fish/completions/emoclip.fish"""
FILES = ("FILE", "INPUT", "CHECKPOINT", "OUT", "PATH")
FOLDERS = ("DIR", "FOLDER")


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 2 bad input."""
    return run_command(_main, argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip completion`."""
    parser = argparse.ArgumentParser(
        prog="emoclip completion",
        description="Print the completion script of a shell.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell")
    return parser


def _main(argv: list[str] | None) -> None:
    write_line(completion_script(build_parser().parse_args(argv).shell))


def completion_script(shell: str) -> str:
    """Return the script that completes every command and option in `shell`, one of `SHELLS`."""
    shtab = require("shtab", "completion")
    return shtab.complete(whole_parser(), shell=shell)


def whole_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip` with the arguments of every command in place."""
    shtab = require("shtab", "completion")
    parser = argparse.ArgumentParser(prog="emoclip")
    parser.add_argument("--version", action="version", version=emoclip.__version__, help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, command in COMMANDS.items():
        own = command.load().build_parser()
        # The options of `-h` come with the parent's.
        commands.add_parser(name, help=command.help, parents=[own], add_help=False, conflict_handler="resolve")
    for action in _actions(parser):
        if action.choices is None and action.nargs != 0:
            _complete_names(action, shtab)
    return parser


def _complete_names(action: argparse.Action, shtab: object) -> None:
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    if metavar in FOLDERS:
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    elif metavar in FILES or action.type is Path:
        action.complete = shtab.FILE  # type: ignore[attr-defined]


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every argument of a parser and of the parsers below it."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)


if __name__ == "__main__":
    raise SystemExit(main())
