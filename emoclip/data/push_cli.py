# SPDX-License-Identifier: Apache-2.0
"""The command `emoclip data push`: as much of a data set as its licence allows, on the Hub."""

from __future__ import annotations

import argparse
from pathlib import Path

from emoclip.console import write_line


PUSH_EPILOG = """examples:
  --manifest data/ravdess.parquet --repo me/ravdess --dry-run
  --manifest data/ravdess.parquet --repo me/ravdess --shards data/ravdess_shards --public
  --manifest my_clips/manifest.parquet --repo me/clips --own-media --licence cc-by-4.0
  --manifest data/mafw.parquet --card-only data/mafw_card

Gated data sets are refused, their annotations too. Which sets may go: docs/data.md."""


def add_push_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `push`."""
    add = parser.add_argument
    add("--manifest", required=True, type=Path, metavar="FILE", help="the manifest; which data set it is decides")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--repo", metavar="USER/NAME", help="data set repository on the Hub, made if it is not there")
    where.add_argument("--card-only", type=Path, metavar="DIR", help="write the card to this folder, publish nothing")
    add("--shards", type=Path, metavar="DIR", help="publish these shards instead of single files")
    add("--own-media", action="store_true", help="the clips are mine, or I have the right to publish them")
    add("--licence", metavar="ID", help="of clips of your own, as the Hub spells it: cc-by-4.0, other, ...")
    visibility = parser.add_mutually_exclusive_group()
    visibility.add_argument("--private", action="store_true", default=True, help="only you can see it (the default)")
    visibility.add_argument("--public", dest="private", action="store_false", help="everybody can see it")
    add("--revision", metavar="BRANCH", help="branch to commit to, made if it is not there (the main one)")
    add("--dry-run", action="store_true", help="list what would go and why, and send nothing")


def push_main(argv: list[str] | None = None) -> None:
    """Parse the arguments of `push` and run it."""
    parser = argparse.ArgumentParser(
        description="Publish what a data set's licence allows, with a card.",
        epilog=PUSH_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_push_arguments(parser)
    run_push(parser.parse_args(argv))


def run_push(args: argparse.Namespace) -> None:
    """Publish, list what would be published, or write the card."""
    from emoclip.data.publishing import plan_push, push, write_card

    if args.card_only is not None:
        write_line(f"Written: {write_card(args.manifest, args.card_only)}")
        return
    plan = plan_push(args.manifest, args.repo, shards=args.shards, own_media=args.own_media, licence=args.licence)
    publication = plan.origin.publication
    write_line(f"{plan.origin.title}, {publication.what} under {publication.licence}: {publication.reason}")
    if args.dry_run:
        for upload in plan.uploads:
            write_line(f"{upload.size:>14,}  {upload.name}")
    visibility = "private" if args.private else "public"
    write_line(f"{len(plan.uploads):,} files, {plan.size:,} bytes, {visibility}: {plan.repo}")
    if args.dry_run:
        write_line("Nothing was sent.")
        return
    write_line(f"Published: {push(plan, private=args.private, revision=args.revision)}")


__all__ = ["add_push_arguments", "push_main", "run_push"]
