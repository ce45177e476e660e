# SPDX-License-Identifier: Apache-2.0
"""`emoclip webcam`: a camera, scored as it films.

emoclip webcam --emotions "happiness,doubt" --output session.csv
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emoclip.console import BAD_INPUT, DONE_IN_PART, INTERRUPTED, describe, printable, run_command

from .analysis_options import add_analysis_options, add_words, analysis_options, check_boxes_of, words_of
from .reporter import Reporter, add_reporting, silence_libraries


if TYPE_CHECKING:
    import pandas as pd

    from emoclip.analysis import Analysis

FPS = 8.0
SHOWN = 3
EPILOG = """examples:
  emoclip webcam --emotions "happiness,quiet relief,doubt"
  emoclip webcam --source /dev/video2 --emotions "calm,tense" --seconds 60 --output session.csv --output session.html
  emoclip webcam --source rtsp://camera/stream --emotions "calm,tense"
  emoclip webcam --source film.mp4 --every-frame --emotions "calm,tense"      (a film in place of a camera)

Nothing is recorded: no picture is kept, only the scores that --output names. Tell people before you film them. Ctrl-C ends
it; what was scored until then is written, also when the stream breaks off.

exit codes: 0 done, 1 done in part (the stream broke off, or an output could not be written), 2 no such camera or bad input,
130 stopped by Ctrl-C"""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 1 done in part, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip webcam`."""
    parser = argparse.ArgumentParser(
        prog="emoclip webcam",
        description="Score a camera as it films.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--source", default="0", metavar="S", help="number of a camera, device, path or address (0)")
    add_words(parser)
    add("--model", metavar="M", help="model folder or Hub id (the embedded default)")
    add("--seconds", type=float, metavar="S", help="stop after so many seconds (Ctrl-C)")
    add("--every-frame", action="store_true", help="drop no frame that comes too fast; for films in place of a camera")
    add(
        "--output",
        action="append",
        metavar="FILE",
        help="file to write at the end, as of emoclip analyze but no .mp4; may be repeated",
    )
    add("--overwrite", action="store_true", help="replace output files that exist")
    add_analysis_options(parser)
    add_reporting(parser)
    return parser


def _main(argv: list[str] | None) -> int:
    args = build_parser().parse_args(argv)
    from emoclip.analysis import load_model
    from emoclip.analysis.outputs.forms import check_form
    from emoclip.analysis.windows import check_seconds
    from emoclip.live.camera import Camera
    from emoclip.live.watching import check_mode, watch
    from emoclip.precision import best_device

    words = words_of(args)
    options = analysis_options(args)
    check_mode(args.mode)
    check_boxes_of(args, [args.source])
    check_seconds("--seconds", args.seconds)
    for path in args.output or []:
        check_form("--output", path, overwrite=args.overwrite, baseline=False, film=False)
    reporter = Reporter(args)
    silence_libraries(verbose=args.verbose)
    model = load_model(args.model, device=best_device())
    # The camera last: its light goes on when there is something to see it.
    camera = Camera(args.source, options.pop("fps") or FPS, realtime=not args.every_frame)
    reporter.line(f"{args.source}: {camera.size[0]} x {camera.size[1]}; Ctrl-C ends it")
    analysis = watch(camera, words, model, seconds=args.seconds, show=_printer(reporter), **options)
    written, errors = _write_each(analysis, args)
    for path in written:
        reporter.line(f"Written: {path}")
    if camera.dropped:
        reporter.line(f"{camera.dropped} frames came faster than they could be scored and were left out.")
    for note in analysis.notes:
        reporter.line(note)
    facts = {**analysis.facts(), "windows": len(analysis.per_window), "interrupted": analysis.interrupted}
    reporter.document({**facts, "written": written})
    for error in [*([camera.failure] if camera.failure else []), *errors]:
        sys.stderr.write(f"error: {printable(describe(error))}\n")
    if analysis.interrupted:
        return INTERRUPTED
    if errors and not written:
        return BAD_INPUT
    return DONE_IN_PART if errors or camera.failure else 0


def _write_each(analysis: Analysis, args: argparse.Namespace) -> tuple[list[str], list[Exception]]:
    """The files that are written, and why others are not: a session cannot be had again."""
    from emoclip.analysis.outputs.forms import OutputOptions, write_form

    written: list[str] = []
    errors: list[Exception] = []
    for path in args.output or []:
        try:
            # No film was kept that a page could show.
            write_form(analysis, path, OutputOptions(html_video="none"), overwrite=args.overwrite)
            written.append(path)
        except (OSError, ValueError) as error:
            errors.append(error)
    return written, errors


def _printer(reporter: Reporter) -> Callable[[pd.DataFrame], None]:
    """What prints a line for each new window: time, person, the best words, mark."""

    def show(rows: Any) -> None:
        for key, window in rows.groupby(["person", "start", "end"], sort=False):
            person, start, end = key
            best = window.dropna(subset=["match"]).nlargest(SHOWN, "match")
            words = "  ".join(
                f"{word} {match:.0%}" for word, match in zip(best["emotion"], best["match"], strict=True)
            )
            who = f"person {int(person)}" if person else "whole frame"
            mark = window["mark"].iloc[0]
            reporter.line(f"{start:7.1f}-{end:.1f} s  {who}  {words or 'not scored'}{f'  ({mark})' if mark else ''}")

    return show


if __name__ == "__main__":
    raise SystemExit(main())
