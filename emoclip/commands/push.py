# SPDX-License-Identifier: Apache-2.0
"""`emoclip push`: a model folder, or the browser demo as a Space, on the Hub.

emoclip push outputs/run/model me/my-emoclip --dry-run
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from emoclip.console import run_command

from .reporter import Reporter, add_reporting


EPILOG = """examples:
  emoclip push outputs/run/model me/my-emoclip --dry-run
  emoclip push outputs/run/model me/my-emoclip --licence cc-by-nc-4.0
  emoclip push outputs/run/model me/my-emoclip --public --revision v2
  emoclip push space me/emoclip --space --public            the browser demo, from a clone
  emoclip push space me/emoclip --space --hardware zero-a10g

Log in first: hf auth login. Pickles are refused, and a public model must state its licence. Data sets: emoclip data push.

exit codes: 0 done, 2 refused or the Hub cannot be reached, 130 stopped by Ctrl-C"""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip push`."""
    parser = argparse.ArgumentParser(
        prog="emoclip push",
        description="Put a model folder, or the browser demo, on the Hub: checked, in one commit.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER", help="model folder, as train.py, convert and export leave it")
    add("repo", metavar="USER/NAME", help="model repository on the Hub, made if it is not there")
    visibility = parser.add_mutually_exclusive_group()
    visibility.add_argument("--private", action="store_true", default=True, help="only you can see it (the default)")
    visibility.add_argument("--public", dest="private", action="store_false", help="everybody can see it")
    add("--licence", metavar="ID", help="terms of the weights, as the Hub spells them; written into the card")
    add("--revision", metavar="BRANCH", help="branch to commit to, made if it is not there (the main one)")
    add("--message", metavar="TEXT", help="message of the commit")
    add(
        "--space",
        action="store_true",
        help="FOLDER is `space` of a clone: assemble it with the package's wheel, and push that",
    )
    add("--hardware", metavar="ID", help="hardware of the Space, as the Hub spells it (its own choice, a processor)")
    add("--dry-run", action="store_true", help="check, list what would go, and send nothing")
    add_reporting(parser)
    return parser


def _main(argv: list[str] | None) -> None:
    args = build_parser().parse_args(argv)
    reporter = Reporter(args)
    if args.space:
        _push_space(args, reporter)
        return
    if args.hardware:
        raise ValueError(f"`--hardware` is for Spaces, got {args.hardware!r} without --space; leave it out.")
    from emoclip.export.publishing import plan_push, push

    plan = plan_push(args.folder, args.repo, private=args.private, licence=args.licence)
    for name, size in plan.sizes.items():
        reporter.line(f"{size:>14,}  {name}")
    visibility = "private" if args.private else "public"
    reporter.line(f"{len(plan.sizes)} files, {sum(plan.sizes.values()):,} bytes, {visibility}: {plan.repo}")
    url = None
    if args.dry_run:
        reporter.line("Nothing was sent.")
    else:
        url = push(plan, revision=args.revision, message=args.message)
        reporter.line(f"Published: {url}")
    reporter.document({"repo": plan.repo, "private": args.private, "files": plan.sizes, "url": url})


def _push_space(args: argparse.Namespace, reporter: Reporter) -> None:
    if args.licence or args.revision or args.message:
        raise ValueError(
            "`--licence`, `--revision` and `--message` are for models, got one of them with --space; leave it out."
        )
    from emoclip.demo.space_folder import assemble_space, push_space

    with tempfile.TemporaryDirectory() as name:
        files = assemble_space(args.folder, Path(name) / "space", hardware=args.hardware)
        for path in files:
            reporter.line(f"{path.stat().st_size:>14,}  {path.name}")
        sizes = {path.name: path.stat().st_size for path in files}
        url = None
        if not args.dry_run:
            url = push_space(Path(name) / "space", args.repo, private=args.private, hardware=args.hardware)
    reporter.line("Nothing was sent." if url is None else f"Published: {url}")
    reporter.document({"repo": args.repo, "private": args.private, "files": sizes, "url": url})


if __name__ == "__main__":
    raise SystemExit(main())
