# SPDX-License-Identifier: Apache-2.0
"""How commands talk to the terminal: plain lines out, one-sentence errors, exit codes.

Exit codes: 0 done, 1 done in part, 2 bad input (the message says the rule, the value and the remedy), 130 stopped by
Ctrl-C. Anything else is a defect of this software and keeps its traceback.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from types import ModuleType


# What a user can cause and repair. OSError covers missing, existing and unreadable files and unreachable model hubs.
USER_ERRORS = (ValueError, ImportError, OSError)
OUR_PACKAGES = ("emoclip", "modeling_emoclip")
# What a line of ours may be laid out with.
LAYOUT = "\n\t"
DONE_IN_PART = 1
BAD_INPUT = 2
INTERRUPTED = 130


def run_command(main: Callable[[list[str] | None], int | None], argv: list[str] | None = None) -> int:
    """Return the exit code of `main(argv)`, with errors of the user's making told in one line on stderr.

    With the environment variable `EMOCLIP_TRACEBACK=1` the traceback is kept, for those who look for a defect.

    Args:
        main: Takes the arguments after the command's name (`None`: those of the process) and returns an exit code
            or `None` for success.
        argv: Arguments handed to `main`.
    """
    try:
        return main(argv) or 0
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has gone. Without this Python complains again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except USER_ERRORS as error:
        if os.environ.get("EMOCLIP_TRACEBACK"):
            raise
        sys.stderr.write(f"error: {_encodable(printable(describe(error)), sys.stderr)}\n")
        return BAD_INPUT


def program_name(script: str, command: str) -> str:
    """Return how a command was called, for its help: by the script of that name, or as `emoclip COMMAND`."""
    return script if Path(sys.argv[0]).name == script else f"emoclip {command}"


def describe(error: BaseException) -> str:
    """Return the message of an error as one line, without error numbers and line breaks."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.split(".")[0] not in OUR_PACKAGES:
        # Only `require` knows which extra is meant.
        return f"`{error.name}` is not installed; run: pip install 'emoclip[all]'"
    return " ".join(str(error).split()) or type(error).__name__


def write_line(text: str = "") -> None:
    """Write one line of a command's result to stdout at once, also when stdout is a pipe."""
    sys.stdout.write(f"{_encodable(printable(text, keep=LAYOUT), sys.stdout)}\n")
    sys.stdout.flush()


def write_json(content: object) -> None:
    """Write a document for programs to stdout: what a terminal must not get, or the stream cannot write, is escaped as JSON has it."""
    text = json.dumps(content, ensure_ascii=False, indent=2, default=str)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write("".join(char if _is_plain(char, encoding) else json.dumps(char)[1:-1] for char in text) + "\n")
    sys.stdout.flush()


def _is_plain(char: str, encoding: str) -> bool:
    if char.isascii():
        return char != "\x7f"
    return not _is_treacherous(char) and char.encode(encoding, "ignore") != b""


def printable(text: str, *, keep: str = "") -> str:
    """Return `text` with what could move a terminal's cursor or turn its direction written as an escape.

    File names may hold control characters, bytes that are no text, and marks that reverse the order of what follows.

    Args:
        keep: Characters that stay as they are.
    """
    return "".join(
        char if char in keep or not _is_treacherous(char) else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def storable(text: str) -> str:
    """Return `text` with bytes of file names that are no text written as escapes, as UTF-8 and every table need it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _is_treacherous(char: str) -> bool:
    # The joiner holds families of emoji together; of the other format characters none belongs on a terminal.
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in "\u200c\u200d\ufeff"


def _encodable(text: str, stream: object) -> str:
    """`text` with what the stream cannot write as escapes."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def require(package: str, extra: str) -> ModuleType:
    """Return the imported module `package`, an optional dependency.

    Args:
        package: Name as in an import statement, for example `matplotlib` or `sklearn.metrics`.
        extra: The extra of this distribution that brings it, for example `plot`.

    Raises:
        ImportError: `package` is not installed; the message carries the command that installs it.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        # A module that is missing inside an installed package is a broken installation, not a missing extra.
        if error.name is None or error.name.split(".")[0] != package.split(".")[0]:
            raise
        message = f"`{package}` is not installed; run: pip install 'emoclip[{extra}]'"
        raise ImportError(message, name=error.name) from error
