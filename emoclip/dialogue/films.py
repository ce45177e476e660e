# SPDX-License-Identifier: Apache-2.0
"""Which films are prepared, and the names that their clips get."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from emoclip.data.faces.crop_names import crop_names


FILM_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".flv", ".wmv")


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


def _films_below(folder: Path) -> list[Path]:
    # `rglob` does not follow links to folders, so that a loop of links ends.
    return [path for path in folder.rglob("*") if path.suffix.lower() in FILM_SUFFIXES and path.is_file()]


__all__ = ["FILM_SUFFIXES", "Film", "list_films"]
