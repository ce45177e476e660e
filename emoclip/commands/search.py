# SPDX-License-Identifier: Apache-2.0
"""`emoclip search`: moments in a folder by words.

emoclip search films/ --query "a broad smile" --query "a frown"
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emoclip.console import DONE_IN_PART, INTERRUPTED, printable, run_command

from .analysis_options import (
    SETTINGS,
    add_analysis_options,
    analysis_options,
    boxes_file,
    check_boxes_of,
    refuse_without_effect,
)
from .batch import check_workers, file_bar, threads_of
from .reporter import Reporter, add_reporting, silence_libraries


if TYPE_CHECKING:
    import pandas as pd

    from emoclip.batch.sources import Source
    from emoclip.batch.status import Row

DEFAULT_INDEX = "emoclip-index"
EPILOG = """examples:
  emoclip search films/ --query "a broad smile"
  emoclip search films/ --query "a broad smile" --query "raised eyebrows" --top 20 --output moments.csv
  emoclip search films/ --query "a frown" --model path/to/model --index index-of-that-model

Videos are read once; what they hold is kept in --index, and every search after that answers in seconds. New and changed
videos are added, one that cannot be read is passed over and told every time.

exit codes: 0 done, 1 done but some videos could not be read, 2 bad input, 130 stopped by Ctrl-C (what was read is kept)"""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 1 done in part, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip search`."""
    parser = argparse.ArgumentParser(
        prog="emoclip search",
        description="Find moments in videos by words.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("inputs", nargs="+", metavar="INPUT", help="files, folders, patterns, @LIST (one a line)")
    add("--query", required=True, action="append", metavar="TEXT", help="what to look for; may be given several times")
    add("--top", type=int, default=10, metavar="N", help="moments for each text (10)")
    add("--model", metavar="M", help="model folder or Hub id (the embedded default)")
    add(
        "--index",
        type=Path,
        default=Path(DEFAULT_INDEX),
        metavar="DIR",
        help=f"what was read is kept here ({DEFAULT_INDEX})",
    )
    add("--workers", type=int, default=0, metavar="N", help="processes that read videos (one for each core)")
    add("--retry-failed", action="store_true", help="read again what could not be read before")
    add("--output", type=Path, metavar="FILE", help="also write the moments as .csv, .json or .parquet")
    add("--overwrite", action="store_true", help="replace the output file if it exists")
    add_analysis_options(parser)
    add_reporting(parser)
    return parser


def _main(argv: list[str] | None) -> int:
    args = build_parser().parse_args(argv)
    reporter = Reporter(args)
    check_workers(args)
    # Moments are ranked by their plain similarity.
    refuse_without_effect(args, "search", "other", "multi_label", "agreement", "calibration")
    from emoclip.analysis import load_model
    from emoclip.analysis.saving import TABLE_ENDINGS, check_output, records, write_table
    from emoclip.search.moments import check_queries, find_moments

    check_queries(args.query, args.top)
    if args.output is not None:
        check_output("--output", args.output, TABLE_ENDINGS, overwrite=args.overwrite)
    silence_libraries(verbose=args.verbose)
    files, failed, interrupted = _indexed(args, reporter)
    if interrupted:
        sys.stderr.write("interrupted; what was read is kept, run the same command again\n")
        return INTERRUPTED
    moments = find_moments(
        files, args.query, load_model(args.model), top=args.top, prompt=args.prompt, min_quality=args.min_quality
    )
    for line in _lines(moments):
        reporter.line(line)
    if args.output is not None:
        reporter.line(f"Written: {write_table(moments, args.output)}")
    unread = [{"name": row.name, "error": row.error} for row in failed]
    reporter.document({"moments": records(moments), "failed": len(failed), "unread": unread})
    return DONE_IN_PART if failed else 0


def _indexed(args: argparse.Namespace, reporter: Reporter) -> tuple[list[Path], list[Row], bool]:
    """Read what is not in the index yet; the index files of the inputs, which failed, and whether it was stopped."""
    from emoclip.batch.running import best_workers, run_batch
    from emoclip.batch.scorer import BatchSettings, outputs_of
    from emoclip.batch.status import OtherBatch
    from emoclip.search.moments import FORM

    options = analysis_options(args)
    sources = _videos(args)
    check_boxes_of(args, [source.place for source in sources])
    # Words and what they are matched by have no part in what is kept.
    kept = {name: str(options[name]) if isinstance(options[name], Path) else options[name] for name in SETTINGS}
    workers = args.workers or best_workers(len(sources))
    settings = BatchSettings(["x"], args.model, str(args.index), (FORM,), kept, threads=threads_of(workers))
    told: set[str] = set()
    with file_bar(len(sources), reporter) as show:

        def tell(row: Row) -> None:
            told.add(printable(row.name))
            show(row)

        try:
            result = run_batch(
                sources, settings, workers=workers, retry_failed=args.retry_failed, may_replace=True, progress=tell
            )
        except OtherBatch as error:
            what = f"of other settings ({', '.join(error.differs)})" if error.differs else "no index"
            raise FileExistsError(
                f"`--index` {args.index} is {what}; name another one, or remove that folder to read the videos anew."
            ) from error
    rows = {row.name: row for row in result.rows}
    # What was read of a file that cannot be read any more is no part of it.
    found = [(source, rows[name]) for source in sources if (name := printable(source.name)) in rows]
    failed = [row for _, row in found if row.status == "failed"]
    _tell(found, told, reporter)
    files = [
        args.index / name for source, row in found if row.status != "failed" for name in outputs_of(source, settings)
    ]
    return files, failed, result.interrupted


def _videos(args: argparse.Namespace) -> list[Source]:
    """The videos that are meant.

    Raises:
        ValueError: A shard is named, or an address that will not be read.
    """
    from emoclip.batch.sources import check_addresses, find_sources

    sources = find_sources(args.inputs, shards=False, left_out=[args.index, *boxes_file(args)])
    shards = [source.place for source in sources if source.is_shard]
    if shards:
        raise ValueError(
            f"`emoclip search` reads videos, got the shard {shards[0]}; unpack it, or write its vectors by emoclip embed."
        )
    check_addresses(sources, allow_urls=args.allow_urls)
    return sources


def _tell(found: Sequence[tuple[Source, Row]], told: Collection[str], reporter: Reporter) -> None:
    """Tell of what earlier runs could not read, and what is to be known of the others."""
    for _, row in found:
        if row.status == "failed" and row.name not in told and not reporter.json:
            sys.stderr.write(f"failed: {row.name}: {row.error}\n")
        if row.status != "failed" and row.notes:
            reporter.line(f"note: {row.name}: {row.notes}")


def _lines(moments: pd.DataFrame) -> list[str]:
    lines: list[str] = []
    for query, part in moments.groupby("query", sort=False):
        lines += [f"{query}:" if len(part) else f"{query}: no window"]
        for row in part.to_dict("records"):
            person = f"person {row['person']}" if row["person"] else "whole frame"
            mark = f"  ({row['mark']})" if row["mark"] else ""
            lines.append(
                f"  {row['rank']:3}  {row['similarity']:6.3f}  {row['start']:8.2f}-{row['end']:.2f} s  {person}  {row['video']}{mark}"
            )
        lines.append("")
    return [*lines, "Similarity to the text, not a probability; apparent expression, not what anyone feels."]


if __name__ == "__main__":
    raise SystemExit(main())
