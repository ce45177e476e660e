# SPDX-License-Identifier: Apache-2.0
"""The command `emoclip data shard`: a manifest and its media as a few large files."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from emoclip.console import require, write_line

from .output import replacing
from .shards import SHARD_FORMATS


MEBIBYTE = 2**20
SHOWN = 20


def add_shard_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `shard`."""
    add = parser.add_argument
    add("--manifest", required=True, type=Path, metavar="FILE", help="the manifest")
    add("--output", required=True, type=Path, metavar="DIR", help="folder of the set; one that was begun is finished")
    add("--format", default="parquet", choices=list(SHARD_FORMATS), help="form of the shards (parquet)")
    add("--shard-size", type=int, default=256, metavar="MB", help="about how large a shard becomes (256)")
    add("--seed", type=int, default=0, metavar="N", help="of the order of clips (0)")
    add("--workers", type=int, default=1, metavar="N", help="processes that write (1)")


def shard_main(argv: list[str] | None = None) -> None:
    """Parse the arguments of `shard` and run it."""
    parser = argparse.ArgumentParser(description="Write a manifest and its media as a few large files.")
    add_shard_arguments(parser)
    run_shard(parser.parse_args(argv))


def run_shard(args: argparse.Namespace) -> None:
    """Write the shards, and say which clips are in none."""
    require("datasets", "data")
    from .sharding import write_shards

    index, failures = write_shards(
        args.manifest,
        args.output,
        format=args.format,
        shard_bytes=args.shard_size * MEBIBYTE,
        seed=args.seed,
        workers=args.workers,
        progress=_with_bar,
        sizing=_sizes_with_bar,
    )
    for clip_id, error in list(failures.items())[:SHOWN]:
        write_line(f"{clip_id}: {error}")
    if failures:
        _write_failures(args.output / "failures.csv", failures)
        write_line(f"{len(failures)} clips could not be read: {args.output / 'failures.csv'}")
    for split, count in index.clips.items():
        write_line(f"{split:12} {count:>8} clips")
    if index.missing:
        write_line(f"{'missing':12} {index.missing:>8} clips, when the manifest was written")
    write_line(f"Written: {args.output}")


def _write_failures(path: Path, failures: dict[str, str]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("clip_id", "error"), *failures.items()])


def _sizes_with_bar(sizes: Iterable[int], total: int) -> Iterable[int]:
    from tqdm import tqdm

    return tqdm(sizes, total=total, desc="sizes", unit="clip", disable=None)


def _with_bar(results: Iterable, total: int) -> Iterator:
    from tqdm import tqdm

    with tqdm(total=total, desc="clips", unit="clip", disable=None) as bar:
        for written in results:
            bar.update(len(written.shard.rows))
            yield written


__all__ = ["add_shard_arguments", "run_shard", "shard_main"]
