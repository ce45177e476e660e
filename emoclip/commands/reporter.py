# SPDX-License-Identifier: Apache-2.0
"""How the commands speak: lines for people, one JSON document for programs, bars on stderr.

With `--json` stdout holds one JSON document and nothing else; with `--quiet` nothing but errors (and the document).
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from emoclip.console import printable, write_json, write_line


def add_reporting(parser: argparse.ArgumentParser) -> None:
    """Add `--json`, `--quiet` and `--verbose`."""
    group = parser.add_argument_group("what is printed")
    group.add_argument("--json", action="store_true", help="print the result as one JSON document")
    loudness = group.add_mutually_exclusive_group()
    loudness.add_argument("--quiet", action="store_true", help="print errors only, and no progress bar")
    loudness.add_argument("--verbose", action="store_true", help="also print what is done and the libraries' notes")


class Reporter:
    """Prints what the options of `add_reporting` ask for.

    Args:
        args: With `json`, `quiet` and `verbose`.
    """

    def __init__(self, args: argparse.Namespace):
        self.json, self.quiet, self.verbose = args.json, args.quiet, args.verbose
        if self.verbose:
            logging.basicConfig(format="%(name)s: %(message)s")
            logging.getLogger("emoclip").setLevel(logging.INFO)

    def line(self, text: str = "") -> None:
        """Write a line for people."""
        if not (self.json or self.quiet):
            write_line(text)

    def document(self, content: Any) -> None:
        """Write the result for programs, where it was asked for."""
        if self.json:
            write_json(content)

    @contextmanager
    def bar(self, name: str, unit: str) -> Iterator[Callable[[int, int | None], None]]:
        """Give a function `show(done, expected)` that moves a bar with a rate; nothing where stderr is no terminal."""
        from tqdm import tqdm

        with tqdm(desc=printable(name), unit=unit, disable=True if self.quiet else None, leave=False) as bar:

            def show(done: int, expected: int | None) -> None:
                bar.total = expected if expected is None else max(expected, done)
                bar.update(done - bar.n)

            yield show


def silence_libraries(*, verbose: bool) -> None:
    """Turn off the bars of a model that loads in a second; they would only stand before the result."""
    from transformers.utils import logging as transformers_logging

    if verbose:
        transformers_logging.set_verbosity_info()
    else:
        transformers_logging.disable_progress_bar()


__all__ = ["Reporter", "add_reporting", "silence_libraries"]
