# SPDX-License-Identifier: Apache-2.0
"""`emoclip analyze`: videos and words in; a table, and pictures and films of it, out.

emoclip analyze interview.mp4 --emotions "happiness,quiet relief,doubt"
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from emoclip.console import require, run_command

from .analysis_options import add_analysis_options, analysis_options
from .reporter import Reporter, add_reporting, silence_libraries


if TYPE_CHECKING:
    from emoclip.analysis import Analysis

EPILOG = """examples:
  emoclip analyze clip.mp4 --emotions "happiness,quiet relief,doubt"
  emoclip analyze a.mp4 b.mp4 --emotions "calm,tense" --output both.json --model path/to/model
  emoclip analyze long.mp4 --emotions "calm,tense" --window 4 --stride 2 --plot timeline.png
  emoclip analyze clip.mp4 --emotions "fear + 2*surprise,quiet relief" --mode whole --faces none

Faces are found, followed and scored, each person by itself; --faces none scores whole frames instead. Scores describe
apparent expression relative to your words, not what anyone feels.
Without --model the embedded default scores; it was trained on rendered faces and knows nothing of real ones."""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip analyze`."""
    parser = argparse.ArgumentParser(
        prog="emoclip analyze",
        description="Score videos with words of your own.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_arguments(parser)
    add_reporting(parser)
    return parser


def _main(argv: list[str] | None) -> int:
    return _analyze(build_parser().parse_args(argv))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("inputs", nargs="+", metavar="INPUT", help="video file, still image or folder of frames")
    add("--emotions", required=True, metavar="WORDS", help="words or phrases with commas between them")
    add("--model", metavar="M", help="model folder or Hub id (the embedded default)")
    add("--output", type=Path, metavar="FILE", help=".csv, .json or .parquet (STEM.emotions.csv in this folder)")
    add("--plot", type=Path, metavar="FILE", help="also draw the timeline as a .png")
    add("--overwrite", action="store_true", help="replace output files that exist")
    add_analysis_options(parser)


def _analyze(args: argparse.Namespace) -> int:
    # Everything that can be refused is refused before the model is loaded and the first frame decoded.
    outputs = _plan_outputs(args)
    from emoclip.analysis import Analysis, analyze, load_model, parse_emotions
    from modeling_emoclip.video_decoding_emoclip import probe_video

    words = parse_emotions(args.emotions)
    options = analysis_options(args)
    for source in args.inputs:
        probe_video(source)
    reporter = Reporter(args)
    silence_libraries(verbose=args.verbose)
    model = load_model(args.model)
    analyses = []
    for source in args.inputs:
        with reporter.bar(Path(source).name, "frame") as progress:
            analyses.append(analyze(source, words, model, progress=progress, **options))
    _deliver(Analysis.combine(analyses), analyses, outputs, args, reporter)
    return 0


def _plan_outputs(args: argparse.Namespace) -> list[Path]:
    """Return the table's path for every input, or the one path for all, once it is clear that they can be written."""
    from emoclip.analysis.saving import TABLE_ENDINGS, check_output

    if args.plot is not None and len(args.inputs) > 1:
        raise ValueError(f"`--plot` draws one video, got {len(args.inputs)} inputs; run the command once for each.")
    if args.plot is not None:
        require("matplotlib", "plot")
        check_output("--plot", args.plot, (".png",), overwrite=args.overwrite)
    outputs = [args.output] if args.output else [Path(f"{Path(source).stem}.emotions.csv") for source in args.inputs]
    repeated = [str(path) for path, times in Counter(outputs).items() if times > 1]
    if repeated:
        raise ValueError(
            f"Inputs without `--output` must have different names, got several for {repeated[0]}; give one `--output`."
        )
    return [check_output("--output", path, TABLE_ENDINGS, overwrite=args.overwrite) for path in outputs]


def _deliver(
    combined: Analysis,
    analyses: list[Analysis],
    outputs: list[Path],
    args: argparse.Namespace,
    reporter: Reporter,
) -> None:
    from emoclip.analysis.text_table import format_analysis

    parts = [combined] if args.output else analyses
    written = [part.save(path, overwrite=args.overwrite) for part, path in zip(parts, outputs, strict=True)]
    if args.plot is not None:
        written.append(combined.plot(args.plot, overwrite=args.overwrite))
    for line in format_analysis(combined, plain=not _prints_blocks()):
        reporter.line(line)
    for path in written:
        reporter.line(f"Written: {path}")


def _prints_blocks() -> bool:
    try:
        "\N{FULL BLOCK}".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(main())
