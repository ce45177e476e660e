# SPDX-License-Identifier: Apache-2.0
"""Which films are prepared, and the names that their clips get."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from emoclip.data.faces.crop_names import crop_names


FILM_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".flv", ".wmv")
# Eleven signs on YouTube; other places have others.
VIDEO_ID = re.compile(r"\[([\w-]+)\]$")


@dataclass(frozen=True)
class Film:
    """A film on disk.

    Args:
        path: The file.
        film_id: Its path below the folder that was named, without suffix.
        name: The same, safe as a name on every file system.
    """

    path: Path
    film_id: str
    name: str


def list_films(inputs: Iterable[str | Path]) -> list[Film]:
    """Return the films among files and in folders with what lies below them, in the order of their ids.

    Raises:
        FileNotFoundError: An input is not there.
        ValueError: There is no film, or two have one id.
    """
    paths: dict[str, Path] = {}
    for given in map(Path, inputs):
        if not given.exists():
            raise FileNotFoundError(f"Films must be files or folders that are there, {given} is not.")
        for path in _films_below(given) if given.is_dir() else [given]:
            film_id = (path.relative_to(given) if given.is_dir() else Path(path.name)).with_suffix("").as_posix()
            if film_id in paths:
                raise ValueError(
                    f"Every film must have a name of its own, {paths[film_id]} and {path} are both {film_id!r}; rename one or "
                    "pass their common folder."
                )
            paths[film_id] = path
    if not paths:
        raise ValueError(f"At least 1 film must be given ({', '.join(FILM_SUFFIXES)}), got none.")
    names = crop_names(sorted(paths))
    return [Film(paths[film_id], film_id, names[film_id]) for film_id in sorted(paths)]


@dataclass(frozen=True)
class Selection:
    """What a list of names leaves of films.

    Args:
        films: Those that are left.
        excluded: Those that are not.
        unmatched: Names that mean no film.
    """

    films: list[Film]
    excluded: list[Film]
    unmatched: list[str]


def without_excluded(films: list[Film], names: Iterable[str]) -> Selection:
    """Return the films that no name means, and which it means, see `names_of`.

    Raises:
        ValueError: No film is left.
    """
    wanted = list(dict.fromkeys(names))
    kept = [film for film in films if names_of(film).isdisjoint(wanted)]
    if not kept:
        raise ValueError(f"At least 1 film must be left, `--exclude` names all {len(films)}.")
    known = set().union(*map(names_of, films))
    return Selection(
        kept, [film for film in films if film not in kept], [name for name in wanted if name not in known]
    )


def names_of(film: Film) -> set[str]:
    """Return what a film may be called in a list.

    These are its id, the id's last part up to an `&`, as the original compares ids of videos, and the id of the video that yt-dlp
    writes behind the title, as in `Some show [7YpF6DntOYw]`.
    """
    name = Path(film.film_id).name
    found = {film.film_id, name.partition("&")[0]}
    if video := VIDEO_ID.search(name):
        found.add(video[1])
    return found


def read_names(path: Path) -> list[str]:
    """Return the names in a file, one a line; what follows a `#` at the beginning of a line is a remark.

    Raises:
        FileNotFoundError: The file is not there.
    """
    if not path.is_file():
        raise FileNotFoundError(f"`--exclude` must name a file with a film's name on each line, {path} is none.")
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def reading_errors() -> tuple[type[Exception], ...]:
    """Return what reading one film may raise, files without rights, dangling links and all errors of FFmpeg among it."""
    import av

    return ValueError, OSError, av.error.FFmpegError


def told(error: Exception) -> str:
    """Return an error as one line; some of FFmpeg's say nothing but their name."""
    return " ".join(str(error).split()) or type(error).__name__


def _films_below(folder: Path) -> list[Path]:
    # `rglob` does not follow links to folders, so that a loop of links ends.
    return [path for path in folder.rglob("*") if path.suffix.lower() in FILM_SUFFIXES and path.is_file()]


__all__ = [
    "FILM_SUFFIXES",
    "Film",
    "Selection",
    "list_films",
    "names_of",
    "read_names",
    "reading_errors",
    "told",
    "without_excluded",
]
