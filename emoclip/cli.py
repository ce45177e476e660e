# SPDX-License-Identifier: Apache-2.0
"""The `emoclip` command.

    emoclip analyze interview.mp4 --emotions "happiness,quiet relief,doubt"
    emoclip train --config configs/train/demo_stills.yaml
    emoclip evaluate --config configs/eval/synthetic.yaml
    emoclip report outputs/a outputs/b
    emoclip convert emoclip EmoCLIP.pth my-emoclip
    emoclip demo

Heavy packages are imported by the command that needs them, so that `emoclip --help` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emoclip import __version__
from emoclip.console import require, run_command, write_line


if TYPE_CHECKING:
    from emoclip.analysis import Analysis
    from emoclip.analysis.encoding import Progress

DESCRIPTION = "Zero-shot recognition of apparent facial expression in video, with any words you type."
ANALYZE_EPILOG = """examples:
  emoclip analyze clip.mp4 --emotions "happiness,quiet relief,doubt"
  emoclip analyze a.mp4 b.mp4 --emotions "calm,tense" --output both.json --model path/to/model
  emoclip analyze long.mp4 --emotions "calm,tense" --window 4 --stride 2 --plot timeline.png

Whole frames are scored, not faces. Scores describe apparent expression relative to your words, not what anyone feels.
Without --model the embedded default scores; it was trained on rendered faces and knows nothing of real ones."""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def _main(argv: list[str] | None) -> int | None:
    argv = sys.argv[1:] if argv is None else argv
    # The other commands parse their own arguments, so that their help is theirs.
    if argv and argv[0] in FORWARDED:
        return FORWARDED[argv[0]](argv[1:])
    return _analyze(build_parser().parse_args(argv))


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; of the forwarded commands it knows only the names."""
    parser = argparse.ArgumentParser(prog="emoclip", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"emoclip {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_analyze(
        commands.add_parser(
            "analyze",
            help="score a video with words of your own",
            epilog=ANALYZE_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            description="Score videos with words of your own.",
        )
    )
    commands.add_parser("train", help="train a model; see emoclip train --help", add_help=False)
    commands.add_parser("evaluate", help="judge a model; see emoclip evaluate --help", add_help=False)
    commands.add_parser("report", help="reports and comparisons; see emoclip report --help", add_help=False)
    commands.add_parser("data", help="prepare data sets; see emoclip data --help", add_help=False)
    commands.add_parser("convert", help="convert a released checkpoint; see emoclip convert --help", add_help=False)
    commands.add_parser("demo", help="open the demo in a browser; see emoclip demo --help", add_help=False)
    return parser


def _add_analyze(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("inputs", nargs="+", metavar="INPUT", help="video file, still image or folder of frames")
    add("--emotions", required=True, metavar="WORDS", help="words or phrases with commas between them")
    add("--model", metavar="M", help="model folder or Hub id (the embedded default)")
    add("--output", type=Path, metavar="FILE", help=".csv, .json or .parquet (STEM.emotions.csv in this folder)")
    add("--plot", type=Path, metavar="FILE", help="also draw the timeline as a .png")
    add("--window", type=float, metavar="S", help="seconds of a window (the model's own span)")
    add("--stride", type=float, metavar="S", help="seconds from one window to the next (1)")
    add("--prompt", default="auto", metavar="P", help="auto, template, plain, or a template such as 'a {} face'")
    add(
        "--on-error",
        choices=("raise", "truncate"),
        default="raise",
        help="truncate: score a damaged file up to its damage",
    )
    add("--overwrite", action="store_true", help="replace output files that exist")


def _analyze(args: argparse.Namespace) -> int:
    # Everything that can be refused is refused before the model is loaded and the first frame decoded.
    outputs = _plan_outputs(args)
    from transformers.utils.logging import disable_progress_bar

    from emoclip.analysis import Analysis, analyze, load_model, parse_emotions
    from emoclip.analysis.windows import check_seconds
    from emoclip.analysis.words import check_prompt
    from modeling_emoclip.video_decoding_emoclip import probe_video

    words = parse_emotions(args.emotions)
    check_prompt(args.prompt)
    check_seconds("--window", args.window)
    check_seconds("--stride", args.stride)
    for source in args.inputs:
        probe_video(source)
    # The bar of a model that loads in a second would only stand before the table.
    disable_progress_bar()
    model = load_model(args.model)
    options = {name: getattr(args, name) for name in ("window", "stride", "prompt", "on_error")}
    analyses = []
    for source in args.inputs:
        with _progress_bar(Path(source).name) as progress:
            analyses.append(analyze(source, words, model, progress=progress, **options))
    _deliver(Analysis.combine(analyses), analyses, outputs, args)
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


def _deliver(combined: Analysis, analyses: list[Analysis], outputs: list[Path], args: argparse.Namespace) -> None:
    from emoclip.analysis.text_table import format_analysis

    parts = [combined] if args.output else analyses
    written = [part.save(path, overwrite=args.overwrite) for part, path in zip(parts, outputs, strict=True)]
    if args.plot is not None:
        written.append(combined.plot(args.plot, overwrite=args.overwrite))
    for line in format_analysis(combined, plain=not _prints_blocks()):
        write_line(line)
    for path in written:
        write_line(f"Written: {path}")


def _prints_blocks() -> bool:
    try:
        "\N{FULL BLOCK}".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _progress_bar(name: str) -> Iterator[Progress]:
    """A bar with the rate on stderr; nothing where stderr is no terminal."""
    from tqdm import tqdm

    with tqdm(desc=name, unit="frame", disable=None, leave=False) as bar:

        def show(done: int, expected: int | None) -> None:
            bar.total = expected if expected is None else max(expected, done)
            bar.update(done - bar.n)

        yield show


def _train(argv: list[str]) -> int | None:
    from emoclip.training.cli import main as train

    return train(argv)


def _evaluate(argv: list[str]) -> int | None:
    from emoclip.evaluation.cli import main as evaluate

    return evaluate(argv)


def _report(argv: list[str]) -> int | None:
    from emoclip.evaluation.report_cli import main as report

    return report(argv)


def _data(argv: list[str]) -> int | None:
    from emoclip.data.cli import main as data

    return data(argv)


def _convert(argv: list[str]) -> int | None:
    from emoclip.convert.cli import main as convert

    return convert(argv)


def _demo(argv: list[str]) -> int | None:
    from emoclip.demo.launch import main as demo

    return demo(argv)


FORWARDED: dict[str, Callable[[list[str]], int | None]] = {
    "train": _train,
    "evaluate": _evaluate,
    "report": _report,
    "data": _data,
    "convert": _convert,
    "demo": _demo,
}


if __name__ == "__main__":
    raise SystemExit(main())
