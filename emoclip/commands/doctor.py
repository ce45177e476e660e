# SPDX-License-Identifier: Apache-2.0
"""`emoclip doctor`: what is installed, what this computer can do, and whether the whole path works on it.

emoclip doctor --json
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from emoclip.console import DONE_IN_PART, run_command

from .reporter import Reporter, add_reporting


if TYPE_CHECKING:
    from emoclip.diagnosis import Finding

EPILOG = """examples:
  emoclip doctor
  emoclip doctor --json > doctor.json     for a bug report; it names versions, no files of yours
  emoclip doctor --no-self-test           the lists alone

exit codes: 0 all well, 1 a check failed, 130 stopped by Ctrl-C"""
MARKS = {"ok": "ok  ", "note": "note", "fail": "FAIL"}


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 all well, 1 a check failed, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip doctor`."""
    parser = argparse.ArgumentParser(
        prog="emoclip doctor",
        description="List versions, decoders and what this computer can do, and try the whole path once.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--no-self-test", dest="self_test", action="store_false", help="list only, score nothing")
    add_reporting(parser)
    return parser


def _main(argv: list[str] | None) -> int:
    args = build_parser().parse_args(argv)
    reporter = Reporter(args)
    from emoclip.diagnosis import PARTS, SELF_TEST

    findings: dict[str, list[Finding]] = {}
    for title, examine in [*PARTS.items(), *(SELF_TEST.items() if args.self_test else ())]:
        findings[title] = examine()
        _print_part(title, findings[title], reporter)
    failed = [found for part in findings.values() for found in part if found.status == "fail"]
    reporter.line("All is well." if not failed else f"{len(failed)} checks failed.")
    parts = {title: [asdict(found) for found in part] for title, part in findings.items()}
    reporter.document({"ok": not failed, "parts": parts})
    return DONE_IN_PART if failed else 0


def _print_part(title: str, found: list[Finding], reporter: Reporter) -> None:
    reporter.line(title)
    width = max(len(one.name) for one in found)
    for one in found:
        reporter.line(f"  {MARKS[one.status]}  {one.name:<{width}}  {one.detail}")
        if one.remedy:
            reporter.line(f"        {'':{width}}{one.remedy}")
    reporter.line()


if __name__ == "__main__":
    raise SystemExit(main())
