# SPDX-License-Identifier: Apache-2.0
"""`emoclip embed`: videos or texts as vectors, for one's own statistics.

emoclip embed clip.mp4 --output clip.embeds.parquet
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip.console import run_command

from .analysis_options import add_analysis_options, analysis_options
from .reporter import Reporter, add_reporting, silence_libraries


if TYPE_CHECKING:
    import pandas as pd

EPILOG = """examples:
  emoclip embed clip.mp4 --output clip.parquet
  emoclip embed a.mp4 b.mp4 --mode whole --output clips.parquet
  emoclip embed --texts "a broad smile,a frown" --output texts.parquet

One row per window (or text) with its embedding in the column `embed`, float32, not normalised; the cosine of a window and a
text is their similarity. Read it with pandas.read_parquet. Thousands of files: emoclip batch --forms embeds.parquet.

exit codes: 0 done, 2 bad input, 130 stopped by Ctrl-C"""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 2 bad input, 130 stopped by Ctrl-C."""
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
    add("inputs", nargs="*", metavar="INPUT", help="video files, still images, folders of frames")
    add("--texts", metavar="TEXTS", help="texts with commas between them, instead of videos")
    add("--model", metavar="M", help="model folder or Hub id (the embedded default)")
    add("--output", required=True, type=Path, metavar="FILE", help="file to write, .parquet or .json")
    add("--overwrite", action="store_true", help="replace the output file if it exists")
    add_analysis_options(parser)
    add_reporting(parser)
    return parser


def _main(argv: list[str] | None) -> None:
    args = build_parser().parse_args(argv)
    if bool(args.inputs) == bool(args.texts):
        given = "both" if args.inputs else "neither"
        raise ValueError(f"Give either videos or `--texts`, got {given}.")
    reporter = Reporter(args)
    from emoclip.analysis import load_model
    from emoclip.analysis.saving import check_output, write_table
    from modeling_emoclip.video_decoding_emoclip import probe_video

    check_output("--output", args.output, (".parquet", ".json"), overwrite=args.overwrite)
    options = analysis_options(args)
    for source in args.inputs:
        probe_video(source)
    silence_libraries(verbose=args.verbose)
    model = load_model(args.model)
    table = _texts(args.texts, model, args.prompt) if args.texts else _videos(args.inputs, model, options, reporter)
    write_table(table, args.output)
    width = len(table["embed"].iloc[0]) if len(table) else 0
    reporter.line(f"{len(table)} rows of {width} dimensions")
    reporter.line(f"Written: {args.output}")
    reporter.document({"rows": len(table), "dimensions": width, "written": str(args.output)})


def _videos(inputs: list[str], model: Any, options: dict[str, Any], reporter: Reporter) -> pd.DataFrame:
    import pandas as pd

    from emoclip.analysis import analyze
    from emoclip.analysis.outputs.forms import OutputOptions, output_table

    tables = []
    for source in inputs:
        with reporter.bar(Path(source).name, "frame") as progress:
            # A word is asked for and its scores are left out: windows do not depend on words.
            analysis = analyze(source, ["x"], model, progress=progress, **options)
        tables.append(output_table(analysis, "embeds", OutputOptions()))
    return pd.concat(tables, ignore_index=True)


def _texts(texts: str, model: Any, prompt: str) -> pd.DataFrame:
    import pandas as pd

    from emoclip.analysis.prototypes import read_words
    from emoclip.analysis.source_model import scoring
    from emoclip.analysis.words import read_emotions

    with scoring(model.model):
        words = read_words(read_emotions(texts), model, prompt=prompt)
    vectors = words.prototypes.vectors.float().numpy()
    return pd.DataFrame({"text": list(words.texts), "read_as": list(words.texts.values()), "embed": list(vectors)})


if __name__ == "__main__":
    raise SystemExit(main())
