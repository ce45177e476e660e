# SPDX-License-Identifier: Apache-2.0
"""Command line of the rendered world: arguments in, `render_world` or a contact sheet out."""

import argparse

from emoclip.console import write_line
from emoclip.synthetic.contact_sheet import write_contact_sheet
from emoclip.synthetic.render import World, render_world


def main(argv: list[str] | None = None) -> None:
    """Render a folder of clips and stills, or one contact sheet."""
    arguments = _parse(argv)
    if arguments.contact_sheet:
        write_contact_sheet(arguments.contact_sheet, seed=arguments.seed, overwrite=arguments.overwrite)
        write_line(f"wrote {arguments.contact_sheet}")
        return
    world = World(
        arguments.seed, arguments.train_clips, arguments.test_clips, arguments.stills, arguments.compound_clips
    )
    missing = render_world(
        arguments.output, world, workers=arguments.workers, shard=arguments.shard, overwrite=arguments.overwrite
    )
    if missing:
        write_line(
            f"shard done; {missing} files of other shards are missing in {arguments.output}, no manifest written yet"
        )
    else:
        write_line(
            f"wrote {world.train_clips} training clips, {world.test_clips} test clips, {world.stills} stills and "
            f"{world.compound_clips} compound clips to {arguments.output}"
        )


def _parse(argv: list[str] | None) -> argparse.Namespace:
    default = World()
    parser = argparse.ArgumentParser(description="Render faces whose action units move over time, with captions.")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--output", metavar="DIR", help="folder to render into; an unfinished one is continued")
    target.add_argument("--contact-sheet", metavar="PNG", help="write a picture with samples instead of a data set")
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--train-clips", type=int, default=default.train_clips)
    parser.add_argument("--test-clips", type=int, default=default.test_clips)
    parser.add_argument("--stills", type=int, default=default.stills)
    parser.add_argument(
        "--compound-clips", type=int, default=default.compound_clips, help="of 43 classes; by default none"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--shard", type=_shard, default=(1, 1), metavar="I/N", help="render only part I of N")
    parser.add_argument("--overwrite", action="store_true", help="delete an earlier rendering in DIR first")
    return parser.parse_args(argv)


def _shard(text: str) -> tuple[int, int]:
    number, _, count = text.partition("/")
    if not (number.isdigit() and count.isdigit()):
        raise argparse.ArgumentTypeError(f"must be I/N such as 1/4, got {text!r}")
    return int(number), int(count)
