# SPDX-License-Identifier: Apache-2.0
"""The `emoclip` command: a list of commands, each in a file of its own, imported when it is called.

emoclip analyze interview.mp4 --emotions "happiness,quiet relief,doubt"
emoclip analyze --help
"""

from __future__ import annotations

import argparse
import sys

from emoclip import __version__
from emoclip.commands import COMMANDS
from emoclip.console import run_command


DESCRIPTION = "Zero-shot recognition of apparent facial expression in video, with any words you type."
EPILOG = """examples:
  emoclip analyze clip.mp4 --emotions "happiness,quiet relief,doubt"
  emoclip analyze clip.mp4 --emotions "calm,tense" --output clip.json --plot clip.png
  emoclip doctor
  emoclip COMMAND --help

exit codes:
  0    done
  1    done, but something failed on the way; the output says what (some files of a folder, a check)
  2    bad input: one sentence says the rule, the value and the remedy
  130  stopped by Ctrl-C; what was finished is kept

The environment variable EMOCLIP_TRACEBACK=1 keeps the traceback of an error."""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 1 done in part, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def _main(argv: list[str] | None) -> int | None:
    argv = sys.argv[1:] if argv is None else argv
    # A command parses its own arguments, so that its help is its own and no other command is imported.
    if argv and argv[0] in COMMANDS:
        return COMMANDS[argv[0]].load().main(argv[1:])
    build_parser().parse_args(argv)
    return None


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip` itself; of the commands it knows only the names."""
    parser = argparse.ArgumentParser(
        prog="emoclip",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"emoclip {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.help, add_help=False)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
