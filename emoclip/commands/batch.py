# SPDX-License-Identifier: Apache-2.0
"""`emoclip batch`: folders of thousands of videos, resumable, one row of status per file.

emoclip batch films/ --emotions "calm,tense" --output results/
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip.console import DONE_IN_PART, INTERRUPTED, printable, require, run_command

from .analysis_options import add_analysis_options, add_words, analysis_options, boxes_file, check_boxes_of, words_of
from .film_options import add_film_options, film_options
from .reporter import Reporter, add_reporting


if TYPE_CHECKING:
    from emoclip.analysis.words import Emotions
    from emoclip.batch.running import BatchResult
    from emoclip.batch.scorer import BatchSettings
    from emoclip.batch.sources import Source
    from emoclip.batch.status import Row

DEFAULT_STATE = "emoclip-batch-state"
EPILOG = """examples:
  emoclip batch films/ --emotions "calm,tense" --output results/
  emoclip batch "films/**/*.mp4" @more.txt --emotions "calm,tense" --output results/ --forms csv,summary.csv,html
  emoclip batch shards/*.tar --emotions "calm,tense" --output results/ --shard-format webdataset
  emoclip batch s3://bucket/clips-00000.parquet --emotions "calm,tense" --output s3://bucket/results --state state/
  torchrun --nproc_per_node 4 -m emoclip.cli batch films/ --emotions "calm,tense" --output results/
  emoclip batch films/ --emotions "calm,tense" --output results/ --ray --workers 16

Run the same command again to go on where it was stopped. OUTPUT/status.csv has one row per file. A file that cannot be
scored is a row with its error; --retry-failed tries it again.

exit codes: 0 all done, 1 done but some files failed, 2 bad input or a full disk, 130 stopped by Ctrl-C (resume by the same command)"""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 1 some files failed, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip batch`."""
    parser = argparse.ArgumentParser(
        prog="emoclip batch",
        description="Score folders of thousands of videos.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="files, folders, patterns, @LIST (one a line), shards by path or address",
    )
    add_words(parser)
    add("--model", metavar="M", help="model folder or Hub id (the embedded default)")
    add("--output", required=True, metavar="DIR", help="folder or address of the results")
    add(
        "--forms",
        default="csv",
        metavar="F,F",
        help="endings of the files to write for each video, see emoclip analyze (csv)",
    )
    add(
        "--shard-format",
        choices=("parquet", "webdataset"),
        default="parquet",
        help="how results of shards are written",
    )
    add("--images", action="store_true", help="also take stills from folders")
    add("--workers", type=int, default=0, metavar="N", help="processes on this computer (one for each core)")
    add("--ray", action="store_true", help="spread over a Ray cluster, of which --workers says how many scorers")
    add("--state", type=Path, metavar="DIR", help=f"folder of the status where OUTPUT is an address ({DEFAULT_STATE})")
    add("--retry-failed", action="store_true", help="do again what failed")
    add("--overwrite", action="store_true", help="do everything again, also where the settings differ")
    add_film_options(parser.add_argument_group("films and pages"))
    add_analysis_options(parser)
    add_reporting(parser)
    return parser


def _main(argv: list[str] | None) -> int:
    args = build_parser().parse_args(argv)
    reporter = Reporter(args)
    check_workers(args)
    if args.ray:
        require("ray", "ray")
    from emoclip.batch.running import best_workers, run_batch, summary_lines, this_share
    from emoclip.batch.scorer import DiskFull
    from emoclip.batch.sources import check_addresses, find_sources, is_address

    # What an earlier run has written among the inputs is none of them: annotated films, tables.
    written = [] if is_address(args.output) else [args.output]
    sources = find_sources(args.inputs, images=args.images, left_out=[*written, *boxes_file(args)])
    check_addresses(sources, allow_urls=args.allow_urls)
    share = this_share()
    if share.count > 1 and args.overwrite:
        raise ValueError("`--overwrite` needs a single process, got several; remove the output folder instead.")
    workers = args.workers or (1 if share.count > 1 else best_workers(len(sources)))
    settings = _settings(args, sources, workers)
    state = args.state or (Path(DEFAULT_STATE) if is_address(args.output) else Path(args.output))
    with file_bar(len(sources), reporter) as show:
        try:
            result = run_batch(
                sources,
                settings,
                state=state,
                workers=workers,
                share=share,
                retry_failed=args.retry_failed,
                overwrite=args.overwrite,
                spread=_spread(args),
                progress=show,
            )
        except DiskFull as error:
            raise OSError(f"{error.strerror}; what was done is kept, run the same command again to go on") from error
    for line in summary_lines(result):
        reporter.line(line)
    reporter.document({"counts": result.counts, "earlier": result.earlier, "status": str(result.table)})
    return _exit_code(result, sources)


def check_workers(args: argparse.Namespace) -> None:
    """Refuse a number of processes that is none.

    Raises:
        ValueError: It is below 0, which stands for one for each core.
    """
    if args.workers < 0:
        raise ValueError(f"`--workers` must be at least 1, got {args.workers}; leave it out for one for each core.")


def _settings(args: argparse.Namespace, sources: list[Source], workers: int) -> BatchSettings:
    from emoclip.analysis.outputs.forms import check_form
    from emoclip.batch.scorer import BatchSettings
    from emoclip.batch.sources import is_address

    options = analysis_options(args)
    _check_boxes(args, sources)
    style, html_video = film_options(args)
    options = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    prompt, agreement = options.pop("prompt"), options.pop("agreement")
    forms = tuple(form.strip().lstrip(".") for form in args.forms.split(",") if form.strip())
    if not forms:
        raise ValueError("`--forms` must name at least one ending, got none; write for example csv,html.")
    for form in forms:
        by_address = any(is_address(source.place) for source in sources if not source.is_shard)
        check_form("--forms", f"x.{form}", overwrite=True, baseline=False, film=not by_address)
    wanted = words_of(args)
    _check_words(args, wanted, options, prompt)
    # Plain words stay a plain list in the settings, by which a batch knows itself again.
    emotions = list(wanted.names) if args.emotions_file is None else wanted
    return BatchSettings(
        emotions,
        args.model,
        args.output,
        forms,
        options,
        prompt,
        agreement,
        threads_of(workers),
        args.shard_format,
        style,
        html_video,
    )


def _check_boxes(args: argparse.Namespace, sources: list[Source]) -> None:
    if args.boxes is not None and any(source.is_shard for source in sources):
        raise ValueError(
            f"`--boxes` belong to films, the videos of a shard have none, got {args.boxes}; leave it out."
        )
    check_boxes_of(args, [source.place for source in sources])


def _check_words(args: argparse.Namespace, wanted: Emotions, options: dict[str, Any], prompt: str) -> None:
    """Refuse what every file would else fail by."""
    from emoclip.analysis import load_model
    from emoclip.analysis.scoring import ScoringSettings, check_words

    scores = ScoringSettings(other=args.other, multi_label=args.multi_label)
    check_words(wanted.names, scores)
    if "calibration" in options:
        options["calibration"].applied(scores, wanted, load_model(args.model), prompt)


def threads_of(workers: int) -> int:
    """Return the threads of each process, so that all together take every core once."""
    import os

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 0 if workers == 1 else max(1, cores // workers)


def _spread(args: argparse.Namespace) -> Any:
    if not args.ray:
        return None
    from emoclip.batch.ray_pipeline import spread_over_ray

    return spread_over_ray


@contextmanager
def file_bar(total: int, reporter: Reporter) -> Iterator[Callable[[Row], None]]:
    """Give a function that moves a bar by one file and tells of those that failed."""
    from tqdm import tqdm

    failed = 0
    with tqdm(total=total, unit="file", disable=True if reporter.quiet else None, leave=False) as bar:

        def show(row: Row) -> None:
            nonlocal failed
            failed += row.status == "failed"
            if row.status == "failed" and not reporter.json:
                bar.write(f"failed: {printable(row.name)}: {printable(row.error)}", file=sys.stderr)
            bar.set_postfix(failed=failed, refresh=False)
            bar.update()

        yield show


def _exit_code(result: BatchResult, sources: list[Source]) -> int:
    if result.interrupted:
        left = max(0, len(sources) - sum(result.counts.values()))
        sys.stderr.write(f"interrupted; what was done is kept, {left} files are left: run the same command again\n")
        return INTERRUPTED
    return DONE_IN_PART if result.counts["failed"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
