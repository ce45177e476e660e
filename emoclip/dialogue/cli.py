# SPDX-License-Identifier: Apache-2.0
"""The command `emoclip dialogue`: arguments in, `prepare_dialogue` and a few lines out."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip.console import require, run_command, write_line


if TYPE_CHECKING:
    from .films import Film, Selection
    from .prepare import Prepared
    from .settings import DialogueSettings


DIALOGUE_EPILOG = """examples:
  films/ --output data/dialogue
  films/ --output data/dialogue --speech-model openai/whisper-small     # films without subtitles
  films/ --output data/dialogue --paper-code                            # as EmotionCLIP's own scripts do

A film's subtitles are <film>.srt, .en.srt, .vtt or .ass beside it, else its text track. The folder gets manifest.parquet, clips/,
sentences.parquet and films.csv. The same command goes on after a stop, and takes up again films that failed."""
SHOWN = 20
# Shards that are being removed. They have another name by then, for half of a set is none that a run goes on with.
SHARDS, STALE_SHARDS = "shards", ".shards.stale.tmp"


def add_dialogue_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `dialogue`."""
    add = parser.add_argument
    add("films", nargs="+", type=Path, metavar="FILM", help="films, or folders with films below")
    add(
        "--output", required=True, type=Path, metavar="DIR", help="folder of the clips; one that was begun is finished"
    )
    add(
        "--punctuation",
        choices=("text", "model", "lines"),
        help="where sentences end: marks of the text, a model's, or lines",
    )
    add("--punctuation-model", metavar="ID", help="for --punctuation model")
    add("--language", metavar="CODE", help="of the subtitles; text in another is taken where there is no other (en)")
    add("--encoding", metavar="NAME", help="of subtitle files that are not Unicode, where the guess is wrong")
    add("--sentiment-model", metavar="ID", help="text classifier with seven or more classes, one of them neutral")
    add("--person-model", metavar="ID", help="object detector; `none` looks for nobody")
    add("--speech-model", metavar="ID", help="speech recogniser, for films without subtitles")
    add("--min-person-score", type=float, metavar="P", help="persons below it do not count (0.5)")
    add("--min-person-share", type=float, metavar="P", help="least share of frames with a person (0)")
    add("--max-neutral", type=float, metavar="P", help="highest probability of the neutral class (0.05)")
    add("--min-seconds", type=float, metavar="S", help="sentences last longer (2)")
    add("--max-seconds", type=float, metavar="S", help="sentences last less long (10)")
    add("--fps", type=float, metavar="F", help="frames a second that are kept (8)")
    add("--short-side", type=int, metavar="N", help="frames are shrunk to it, in pixels (256)")
    add("--resample", choices=("bilinear", "bicubic"), help="how frames are shrunk (bilinear)")
    add("--letterbox-slip", action="store_true", help="boxes a little too low, where EmotionCLIP's scripts put them")
    add(
        "--paper-code",
        action="store_true",
        help="--punctuation model, --letterbox-slip and --resample bicubic, as EmotionCLIP's scripts do",
    )
    add("--test-films", nargs="*", default=[], metavar="NAME", help="films whose clips get the split `test`")
    add("--exclude", type=Path, metavar="FILE", help="films to leave out, a name on each line")
    add("--licence", default="unknown", help="of the films, for the manifest")
    add("--workers", type=int, default=1, metavar="N", help="processes, a film each (1)")
    add("--device", default="cpu", help="where the models run (cpu)")
    add("--shards", action="store_true", help="also write DIR/shards, for training from network storage")


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(dialogue_main, argv)


def dialogue_main(argv: list[str] | None = None) -> None:
    """Parse the arguments of `dialogue` and run it."""
    run_dialogue(build_parser().parse_args(argv))


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip dialogue`."""
    parser = argparse.ArgumentParser(
        prog="emoclip dialogue",
        description="Make captioned clips with persons and sentiment of films with subtitles.",
        epilog=DIALOGUE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_dialogue_arguments(parser)
    return parser


def run_dialogue(args: argparse.Namespace) -> None:
    """Prepare the films, and say what was written and what was left out."""
    require("pysubs2", "dialogue")
    require("datasets", "dialogue")
    from .prepare import finished_manifest, prepare_dialogue
    from .settings import DialogueSettings

    settings = DialogueSettings(**_settings(args))
    manifest = finished_manifest(args.output, settings) if args.shards else None
    if manifest is None:
        made = prepare_dialogue(
            args.films,
            args.output,
            settings,
            workers=args.workers,
            device=args.device,
            test_films=args.test_films,
            licence=args.licence,
            progress=_bars(),
        )
        _tell(made, settings)
        manifest = made.manifest
    else:
        write_line(f"{manifest} is finished; what its shards lack follows")
    _remove_stale_shards(args.output)
    if args.shards:
        _write_shards(manifest, args.output / SHARDS, args.workers)


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """What was said on the command line; the rest keeps its default."""
    from .films import read_names
    from .settings import DialogueSettings

    names = [field.name for field in fields(DialogueSettings) if hasattr(args, field.name)]
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if args.person_model is not None:
        given["person_model"] = None if args.person_model == "none" else args.person_model
    if args.paper_code and args.punctuation not in (None, "model"):
        raise ValueError(f"`--paper-code` sets --punctuation model, got {args.punctuation}; leave one of them out.")
    if args.paper_code and args.resample not in (None, "bicubic"):
        raise ValueError(f"`--paper-code` sets --resample bicubic, got {args.resample}; leave one of them out.")
    if args.paper_code:
        given |= {"punctuation": "model", "resample": "bicubic"}
    if args.exclude is not None:
        given["exclude"] = read_names(args.exclude)
    return given | {"letterbox_slip": args.letterbox_slip or args.paper_code}


def _tell(made: Prepared, settings: DialogueSettings) -> None:
    from .text_sources import language_code

    if settings.exclude:
        _tell_excluded(made.selection)
    others = [film for film in made.films if film.language not in ("", language_code(settings.language))]
    for film in others[:SHOWN]:
        write_line(f"{film.film_id}: no text in {settings.language}, taken {film.source}")
    for film in [film for film in made.films if film.unread][:SHOWN]:
        write_line(f"{film.film_id}: {film.unread}; taken {film.source}")
    failed = [film for film in made.films if film.error]
    for film in failed[:SHOWN]:
        write_line(f"{film.film_id}: {film.error}")
    sentences = sum(film.num_sentences for film in made.films)
    write_line(f"{len(made.films)} films, {len(failed)} with errors; {sentences} sentences, {made.num_clips} clips")
    for reason, count in sorted(made.left_out.items(), key=lambda item: -item[1]):
        write_line(f"  left out, {reason}: {count}")
    write_line(f"Written: {made.manifest}")
    if failed:
        write_line("The same command takes up the films with errors again; those without are kept as they are.")


def _tell_excluded(selection: Selection) -> None:
    names = f", such as {selection.unmatched[0]}" if selection.unmatched else ""
    write_line(
        f"{len(selection.excluded)} films left out by --exclude; {len(selection.unmatched)} of its names are no film here{names}"
    )


def _write_shards(manifest: Path, output: Path, workers: int) -> None:
    from tqdm import tqdm

    from emoclip.data.sharding import holds_other_data, write_shards

    def with_bar(results: Iterable, total: int) -> Iterable:
        return tqdm(results, desc="shards", unit="shard", disable=None)

    if holds_other_data(output, manifest):
        # Films that failed before have clips now.
        write_line(f"{output} is of the clips before, and is written anew")
        output.rename(output.with_name(STALE_SHARDS))
        _remove_stale_shards(output.parent)
    _, failures = write_shards(manifest, output, workers=workers, progress=with_bar)
    for clip_id, error in list(failures.items())[:SHOWN]:
        write_line(f"{clip_id}: {error}")
    write_line(f"Written: {output}")


def _remove_stale_shards(folder: Path) -> None:
    """Remove shards of the clips before, also those that a run was stopped at removing."""
    if (folder / STALE_SHARDS).exists():
        shutil.rmtree(folder / STALE_SHARDS)


def _bars() -> Any:
    from tqdm import tqdm

    from .prepare import Progress

    class Bars(Progress):
        """A bar for the films whose text is read, and one for the clips that are cut."""

        def films(self, films: Iterable[Film], total: int) -> Iterable[Film]:
            return tqdm(films, total=total, desc="text", unit="film", disable=None)

        def read_anew(self, film: Film) -> None:
            with tqdm.external_write_mode():
                write_line(f"{film.film_id}: it or its subtitles have changed, and it is read anew")

        def start_clips(self, total: int) -> None:
            self.bar = tqdm(total=total, desc="clips", unit="clip", disable=None)

        def clips(self, count: int) -> None:
            self.bar.update(count)
            if self.bar.n >= (self.bar.total or 0):
                self.bar.close()

    return Bars()


__all__ = ["add_dialogue_arguments", "build_parser", "dialogue_main", "main", "run_dialogue"]
