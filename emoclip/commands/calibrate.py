# SPDX-License-Identifier: Apache-2.0
"""`emoclip calibrate`: clips without labels and words in; temperature and prior correction for these words out.

emoclip calibrate clips/*.mp4 --emotions "happiness,quiet relief,doubt" --output calibration.json
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from emoclip.console import DONE_IN_PART, printable, run_command

from .analysis_options import add_analysis_options, add_words, analysis_options, refuse_without_effect, words_of
from .reporter import Reporter, add_reporting, silence_libraries


EPILOG = """examples:
  emoclip calibrate clips/*.mp4 --emotions "calm,tense,amused" --output calibration.json
  emoclip analyze new.mp4 --emotions "calm,tense,amused" --calibration calibration.json

The clips need no labels, but should be as mixed as those to come: it is assumed that every word fits equally often. The
temperature makes matches as sure as different prompts for the same words agree with one another.

exit codes: 0 done, 1 done but some clips could not be read, 2 bad input, 130 stopped by Ctrl-C"""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 1 done in part, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip calibrate`."""
    parser = argparse.ArgumentParser(
        prog="emoclip calibrate",
        description="Fit temperature and prior correction of words from clips without labels.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("inputs", nargs="+", metavar="INPUT", help="videos, folders of videos, or patterns in quotes")
    add_words(parser)
    add("--model", metavar="M", help="model folder or Hub id (the embedded default)")
    add("--output", type=Path, default=Path("calibration.json"), metavar="FILE", help=".json (calibration.json)")
    add("--overwrite", action="store_true", help="replace an output that exists")
    add_analysis_options(parser)
    add_reporting(parser)
    return parser


def _main(argv: list[str] | None) -> int:
    args = build_parser().parse_args(argv)
    if args.calibration is not None:
        raise ValueError("`--calibration` is what this command makes; leave it out.")
    # It is fitted from the plain similarities, and always reads the other prompts.
    refuse_without_effect(args, "calibrate", "other", "multi_label", "agreement")
    from emoclip.analysis import analyze, load_model
    from emoclip.analysis.analyzer import NOT_ANALYSED
    from emoclip.analysis.calibration import fit_calibration
    from emoclip.analysis.inputs import list_videos
    from emoclip.analysis.saving import check_output
    from emoclip.precision import best_device

    check_output("--output", args.output, (".json",), overwrite=args.overwrite)
    words, options = words_of(args), analysis_options(args)
    videos = [video for source in args.inputs for video in list_videos(source)]
    reporter = Reporter(args)
    silence_libraries(verbose=args.verbose)
    model = load_model(args.model, device=best_device())
    with reporter.bar("clips", "frame") as progress:
        found = analyze(videos, words, model, progress=progress, **options)
    fitted = fit_calibration(found)
    path = fitted.save(args.output, overwrite=args.overwrite)
    failed = [warning for warning in found.warnings if warning.startswith(NOT_ANALYSED)]
    for warning in found.warnings:
        if warning not in failed:
            reporter.line(warning)
    reporter.line(f"From {fitted.num_windows} windows: temperature {fitted.temperature:.3g}; the prompts agree on")
    reporter.line(f"{fitted.agreement:.0%} of them. Added to each word's scaled similarity:")
    for word, bias in sorted(fitted.bias.items(), key=lambda one: -one[1]):
        reporter.line(f"  {bias:+.3f}  {word}")
    reporter.line(f"Written: {path}")
    facts = {"written": str(path), "temperature": fitted.temperature, "bias": fitted.bias}
    reporter.document({**facts, "windows": fitted.num_windows, "failed": failed})
    for line in failed:
        sys.stderr.write(f"error: {printable(line)}\n")
    return DONE_IN_PART if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
