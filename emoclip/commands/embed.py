# SPDX-License-Identifier: Apache-2.0
"""`emoclip embed`: videos or texts as vectors, for one's own statistics.

emoclip embed clip.mp4 --output clip.embeds.parquet
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emoclip.console import DONE_IN_PART, INTERRUPTED, printable, run_command

from .analysis_options import add_analysis_options, analysis_options, check_boxes_of, refuse_without_effect
from .reporter import Reporter, add_reporting, silence_libraries
from .several import analyze_each, readable_inputs


EPILOG = """examples:
  emoclip embed clip.mp4 --output clip.parquet
  emoclip embed a.mp4 b.mp4 --mode whole --output clips.parquet
  emoclip embed --texts "a broad smile,a frown" --output texts.parquet

One row per window (or text) with its embedding in the column `embed`, float32, not normalised; the cosine of a window and a
text is their similarity. Read it with pandas.read_parquet. Thousands of files: emoclip batch --forms embeds.parquet.

exit codes: 0 done, 1 done in part (one of several inputs is damaged), 2 bad input, 130 stopped by Ctrl-C (what was
embedded is written)"""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 1 done in part, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip embed`."""
    parser = argparse.ArgumentParser(
        prog="emoclip embed",
        description="Write videos or texts as vectors.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="video files, still images, folders of videos or of frames, patterns",
    )
    add("--texts", metavar="TEXTS", help="texts with commas between them, instead of videos")
    add("--model", metavar="M", help="model folder or Hub id (the embedded default)")
    add("--output", required=True, type=Path, metavar="FILE", help="file to write, .parquet or .json")
    add("--overwrite", action="store_true", help="replace the output file if it exists")
    add_analysis_options(parser)
    add_reporting(parser)
    return parser


def _main(argv: list[str] | None) -> int:
    args = build_parser().parse_args(argv)
    if bool(args.inputs) == bool(args.texts):
        given = "both" if args.inputs else "neither"
        raise ValueError(f"Give either videos or `--texts`, got {given}.")
    # No word is scored; those of a text are read by a prompt.
    unused = ("other", "multi_label", "agreement", "calibration", "min_quality")
    refuse_without_effect(args, "embed", *unused, *(["prompt"] if args.inputs else []))
    reporter = Reporter(args)
    from emoclip.analysis.saving import check_output

    check_output("--output", args.output, (".parquet", ".json"), overwrite=args.overwrite)
    options = analysis_options(args)
    if args.texts:
        return _embed_texts(args, reporter)
    return _embed_videos(args, options, reporter)


def _embed_videos(args: argparse.Namespace, options: dict[str, Any], reporter: Reporter) -> int:
    import pandas as pd

    from emoclip.analysis import Analysis, analyze, load_model
    from emoclip.analysis.inputs import list_videos
    from emoclip.analysis.outputs.forms import OutputOptions, output_table
    from emoclip.precision import best_device

    inputs = list(dict.fromkeys(str(one) for source in args.inputs for one in list_videos(source)))
    check_boxes_of(args, inputs)
    readable, failed = readable_inputs(inputs, allow_urls=args.allow_urls)
    silence_libraries(verbose=args.verbose)
    model = load_model(args.model, device=best_device())

    def analyzed(source: str) -> Analysis:
        with reporter.bar(Path(source).name, "frame") as progress:
            # A word is asked for and its scores are left out: windows do not depend on words.
            return analyze(source, ["x"], model, progress=progress, keep_partial=True, **options)

    analyses, damaged, interrupted = analyze_each(readable, analyzed, alone=len(inputs) == 1)
    tables = [output_table(one, "embeds", OutputOptions()) for one in analyses.values()]
    failed = [*failed, *damaged]
    _deliver(pd.concat(tables, ignore_index=True), args, reporter, failed)
    for line in dict.fromkeys([*failed, *(warning for one in analyses.values() for warning in one.warnings)]):
        sys.stderr.write(f"{'error' if line in failed else 'warning'}: {printable(line)}\n")
    if interrupted:
        sys.stderr.write(f"interrupted; what was embedded is written, {len(analyses)} of {len(inputs)} inputs\n")
        return INTERRUPTED
    return DONE_IN_PART if failed else 0


def _embed_texts(args: argparse.Namespace, reporter: Reporter) -> int:
    import pandas as pd

    from emoclip.analysis import load_model
    from emoclip.analysis.prototypes import read_words
    from emoclip.analysis.source_model import scoring
    from emoclip.analysis.words import read_emotions

    wanted = read_emotions(args.texts)
    silence_libraries(verbose=args.verbose)
    model = load_model(args.model)
    with scoring(model.model):
        words = read_words(wanted, model, prompt=args.prompt)
    embeds = list(words.prototypes.vectors.float().numpy())
    table = pd.DataFrame({"text": list(words.texts), "read_as": list(words.texts.values()), "embed": embeds})
    _deliver(table, args, reporter)
    for warning in words.warnings:
        sys.stderr.write(f"warning: {printable(warning)}\n")
    return 0


def _deliver(table: Any, args: argparse.Namespace, reporter: Reporter, failed: Sequence[str] = ()) -> None:
    from emoclip.analysis.saving import write_table

    write_table(table, args.output)
    width = len(table["embed"].iloc[0]) if len(table) else 0
    reporter.line(f"{len(table)} rows of {width} dimensions")
    reporter.line(f"Written: {args.output}")
    facts = {"rows": len(table), "dimensions": width, "written": str(args.output)}
    reporter.document({**facts, "failed": list(failed)})


if __name__ == "__main__":
    raise SystemExit(main())
