# SPDX-License-Identifier: Apache-2.0
"""`emoclip analyze`: videos and words in; tables, and pictures and films of them, out.

emoclip analyze interview.mp4 --emotions "happiness,quiet relief,doubt"
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip.console import BAD_INPUT, DONE_IN_PART, INTERRUPTED, describe, printable, run_command

from .analysis_options import add_analysis_options, add_words, analysis_options, check_boxes_of, words_of
from .film_options import add_film_options, film_options
from .reporter import Reporter, add_reporting, silence_libraries
from .several import analyze_each, readable_inputs


if TYPE_CHECKING:
    import pandas as pd

    from emoclip.analysis import Analysis
    from emoclip.analysis.outputs.forms import OutputOptions

EPILOG = """examples:
  emoclip analyze clip.mp4 --emotions "happiness,quiet relief,doubt"
  emoclip analyze a.mp4 b.mp4 --emotions "calm,tense" --output both.json --model path/to/model
  emoclip analyze clip.mp4 --emotions "calm,tense" --output clip.csv --output clip.html --output annotated.mp4
  emoclip analyze *.mp4 --emotions "calm,tense" --output {stem}.windows.csv --output {stem}.png
  emoclip analyze visit.mp4 --baseline rest.mp4 --emotions "calm,tense" --output visit.change.csv
  emoclip analyze clip.mp4 --emotions "fear + 2*surprise,quiet relief" --mode whole --faces none

The ending of an output chooses its form:
  .csv .json .parquet       the timeline: one row per window and word
  .windows.csv .frames.csv .summary.csv .change.csv .groups.csv .people.csv .weights.csv
                            other tables, as .json and .parquet too
  .png .svg                 the plot
  .html                     a page with a player; a click in the timeline goes there in the film
  .mp4                      the film with boxes and bars
  .srt .vtt                 the best word as subtitles
  .eaf .TextGrid            the best word as tiers of ELAN and Praat

Faces are found, followed and scored, each person by itself; --faces none scores whole frames instead. Scores describe
apparent expression relative to your words, not what anyone feels.
Without --model the embedded default scores; it was trained on rendered faces and knows nothing of real ones.

exit codes: 0 done (also where no face was found), 1 done in part (one of several inputs is damaged, or an output could not be
written), 2 bad input, 130 stopped by Ctrl-C (what was analysed is written)"""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 1 done in part, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip analyze`."""
    parser = argparse.ArgumentParser(
        prog="emoclip analyze",
        description="Score videos with words of your own.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="video file, still image, folder of videos or of frames, or a pattern in quotes",
    )
    add_words(parser)
    add("--model", metavar="M", help="model folder or Hub id (the embedded default)")
    add_outputs(parser.add_argument_group("outputs"))
    add_analysis_options(parser)
    add_reporting(parser)
    return parser


def add_outputs(group: argparse._ArgumentGroup) -> None:
    """Add the files to write and how they look."""
    add = group.add_argument
    add(
        "--output",
        action="append",
        metavar="FILE",
        help="file to write, see below; may be given several times; {stem} stands for the input's name "
        "({stem}.emotions.csv in this folder)",
    )
    add("--plot", metavar="FILE", help="the same as --output with a .png or .svg")
    add("--baseline", metavar="FILE", help="clip of a neutral stretch, for .change tables: what differs from it")
    add("--baseline-boxes", metavar="FILE", help="faces of that clip, as --boxes are those of the inputs")
    add_film_options(group)
    add("--overwrite", action="store_true", help="replace output files that exist")


def _main(argv: list[str] | None) -> int:
    args = build_parser().parse_args(argv)
    from emoclip.analysis import Analysis, load_model
    from emoclip.analysis.analyzer import STOPPED
    from emoclip.analysis.inputs import list_videos
    from emoclip.precision import best_device

    inputs = [str(one) for source in args.inputs for one in list_videos(source)]
    # Everything that can be refused is refused before the model is loaded and the first frame decoded.
    plan = dict(zip(inputs, _plan_outputs(args, inputs), strict=True))
    words = words_of(args)
    options = analysis_options(args)
    check_boxes_of(args, list(plan))
    film_options(args)
    of_baseline = _baseline_options(args, options)
    reporter = Reporter(args)
    readable, failed = readable_inputs(list(plan), allow_urls=args.allow_urls)
    silence_libraries(verbose=args.verbose)
    model = load_model(args.model, device=best_device())
    baseline = _baseline(args, words, model, of_baseline, reporter)
    analyses, damaged, interrupted = analyze_each(
        readable, lambda source: _analyzed(source, words, model, options, reporter), alone=len(plan) == 1
    )
    combined = Analysis.combine(list(analyses.values()))
    if interrupted and not combined.interrupted:
        combined = replace(combined, interrupted=True, warnings=(*combined.warnings, STOPPED))
    return _deliver(combined, analyses, [*failed, *damaged], plan, baseline, args, reporter)


def _baseline_options(args: argparse.Namespace, options: dict[str, Any]) -> dict[str, Any]:
    """How the baseline clip is looked at: as the inputs are, but for the boxes, which are those of another film."""
    from emoclip.analysis.given_faces import check_boxes
    from modeling_emoclip.video_decoding_emoclip import probe_video

    if args.baseline is None:
        if args.baseline_boxes is not None:
            raise ValueError(
                f"`--baseline-boxes` belongs to --baseline, got {args.baseline_boxes} alone; name the clip."
            )
        return options
    if args.baseline_boxes is not None:
        check_boxes(args.baseline_boxes, [args.baseline])
    probe_video(args.baseline, allow_urls=args.allow_urls)
    return {**options, "boxes": args.baseline_boxes}


def _baseline(
    args: argparse.Namespace, words: Any, model: Any, options: dict[str, Any], reporter: Reporter
) -> pd.DataFrame | None:
    """The baseline's timeline; half of one is none, so Ctrl-C ends the command."""
    if args.baseline is None:
        return None
    analysis = _analyzed(args.baseline, words, model, options, reporter)
    if analysis.interrupted:
        raise KeyboardInterrupt
    return analysis.timeline


def _analyzed(source: str, words: Any, model: Any, options: dict[str, Any], reporter: Reporter) -> Analysis:
    from emoclip.analysis import analyze

    with reporter.bar(Path(source).name, "frame") as progress:
        return analyze(source, words, model, progress=progress, keep_partial=True, **options)


def _plan_outputs(args: argparse.Namespace, inputs: list[str]) -> list[list[Path]]:
    """Return the files for each input once it is clear that they can be written; a file for all stands with every input."""
    from emoclip.analysis.outputs.forms import check_form, refuse_source
    from emoclip.batch.sources import is_address

    if args.plot and Path(args.plot).suffix.lower() not in (".png", ".svg"):
        raise ValueError(f"`--plot` must end in .png or .svg, got {args.plot!r}; change the ending.")
    wanted = [*(args.output or []), *([args.plot] if args.plot else [])]
    tables = [one for one in wanted if one != args.plot]
    if not tables:
        wanted.append("{stem}.emotions.csv")
    plan = [[Path(one.replace("{stem}", _stem(source))) for one in wanted] for source in inputs]
    for place, one in enumerate(wanted):
        paths = [paths[place] for paths in plan]
        own = "{stem}" in one
        _check_different(paths, own=own, given=bool(tables))
        name = "--plot" if one == args.plot else "--output"
        for path in dict.fromkeys(paths):
            refuse_source(name, path, [*inputs, args.baseline])
            check_form(
                name,
                path,
                overwrite=args.overwrite,
                num_videos=1 if own else len(inputs),
                baseline=args.baseline is not None,
                film=not any(map(is_address, inputs)),
            )
    _refuse_repeated(plan)
    return plan


def _stem(source: str) -> str:
    """The name of an input without its ending; of `.`, the folder's own, since the output would else be hidden."""
    stem = Path(source).stem
    return stem if stem.strip(".") else Path(source).resolve().name


def _check_different(paths: list[Path], *, own: bool, given: bool) -> None:
    repeated = [str(path) for path, times in Counter(paths).items() if times > 1]
    if own and repeated:
        rule = "Inputs whose name stands in `--output`" if given else "Inputs without `--output`"
        raise ValueError(f"{rule} must have different names, got several for {repeated[0]}; give one `--output`.")


def _refuse_repeated(plan: list[list[Path]]) -> None:
    """Refuse two outputs of one name, of which the second would fail, or replace the first, after the work is done."""
    owners: dict[Path, int] = {}
    for paths in plan:
        for place, path in enumerate(paths):
            if owners.setdefault(path.resolve(), place) != place:
                raise ValueError(f"Every `--output` must name a file of its own, got {path} twice; leave one out.")


def _deliver(
    combined: Analysis,
    analyses: dict[str, Analysis],
    failed: list[str],
    plan: dict[str, list[Path]],
    baseline: pd.DataFrame | None,
    args: argparse.Namespace,
    reporter: Reporter,
) -> int:
    from emoclip.analysis.text_table import format_analysis

    combined = replace(combined, warnings=(*failed, *combined.warnings))
    written, errors = _write_all(combined, analyses, plan, _output_options(args, baseline), args, reporter)
    for line in format_analysis(combined, plain=not _prints_blocks()):
        reporter.line(line)
    for path in written:
        reporter.line(f"Written: {path}")
    reporter.document({**_json_facts(combined), "written": [str(path) for path in written]})
    for line in [*failed, *map(describe, errors)]:
        sys.stderr.write(f"error: {printable(line)}\n")
    if combined.interrupted:
        sys.stderr.write(
            f"interrupted; what was analysed until then is written, {len(analyses)} of the inputs in all\n"
        )
        return INTERRUPTED
    if errors and not written:
        return BAD_INPUT
    return DONE_IN_PART if errors or failed else 0


def _write_all(
    combined: Analysis,
    analyses: dict[str, Analysis],
    plan: dict[str, list[Path]],
    options: OutputOptions,
    args: argparse.Namespace,
    reporter: Reporter,
) -> tuple[list[Path], list[Exception]]:
    """The files that are written, and why others are not: a film that the disk cannot hold must not cost the table."""
    written: list[Path] = []
    errors: list[Exception] = []
    for paths in zip(*plan.values(), strict=True):
        shared = len(set(paths)) == 1
        parts = {next(iter(analyses)): combined} if shared else analyses
        for source, path in zip(plan, paths, strict=True):
            if source not in parts:
                continue
            try:
                written.append(_write(parts[source], path, replace(options, video=source), args, reporter))
            except (OSError, ValueError) as error:
                errors.append(error)
    return written, errors


def _write(part: Analysis, path: Path, options: OutputOptions, args: argparse.Namespace, reporter: Reporter) -> Path:
    from emoclip.analysis.outputs.forms import write_form

    with reporter.bar(path.name, "frame") as progress:
        written, warnings = write_form(part, path, replace(options, progress=progress), overwrite=args.overwrite)
    for warning in warnings:
        sys.stderr.write(f"warning: {warning}\n")
    return written


def _output_options(args: argparse.Namespace, baseline: pd.DataFrame | None) -> OutputOptions:
    from emoclip.analysis.outputs.film import FilmStyle
    from emoclip.analysis.outputs.forms import OutputOptions

    style, html_video = film_options(args)
    return OutputOptions(baseline=baseline, film=FilmStyle(**style), html_video=html_video)


def _json_facts(analysis: Analysis) -> dict[str, Any]:
    from emoclip.analysis.saving import records

    return {**analysis.facts(), "summary": records(analysis.summary), "interrupted": analysis.interrupted}


def _prints_blocks() -> bool:
    try:
        "\N{FULL BLOCK}".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(main())
