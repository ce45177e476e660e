# SPDX-License-Identifier: Apache-2.0
"""What a batch works through: files, folders, globs, lists, and shards at any address that fsspec opens."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from emoclip.analysis.inputs import different_names


VIDEO_ENDINGS = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".avi",
        ".mkv",
        ".webm",
        ".mpg",
        ".mpeg",
        ".wmv",
        ".flv",
        ".3gp",
        ".ts",
        ".mts",
        ".m2ts",
        ".ogv",
        ".gif",
        ".mxf",
        ".vob",
    ]
)
IMAGE_ENDINGS = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"])
SHARD_ENDINGS = frozenset((".tar", ".parquet"))
ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


@dataclass(frozen=True)
class Source:
    """One thing to do.

    Args:
        place: Path or address.
        name: Where its results go below the output folder, and what it is called in the status; no two are equal.
        is_shard: Whether it holds many videos.
    """

    place: str
    name: str
    is_shard: bool = False

    @property
    def whole_place(self) -> str:
        """The place as it is from every folder."""
        return self.place if is_address(self.place) else str(Path(self.place).absolute())


@dataclass(frozen=True)
class _Selection:
    """What is taken of folders and patterns: by the ending, and what is passed over wherever it is met."""

    endings: frozenset[str]
    left_out: frozenset[Path]

    def takes(self, path: Path, base: Path) -> bool:
        """Whether a file below a folder is meant; that folder itself was named, whatever it is."""
        if path.suffix.lower() in SHARD_ENDINGS - self.endings:
            return False
        if not self.left_out:
            return True
        found, top = path.resolve(), base.resolve()
        return self.left_out.isdisjoint({found, *found.parents} - {top, *top.parents})


def find_sources(
    inputs: Sequence[str], *, images: bool = False, shards: bool = True, left_out: Iterable[str | Path] = ()
) -> list[Source]:
    """Return everything to do, each once, in a fixed order.

    Args:
        inputs: Files, folders (searched through and through), patterns such as `films/**/*.mp4`, addresses of videos and of
            shards, and `@LIST`, a text file with one of these a line.
        images: Also take stills from folders.
        shards: Also take shards from folders and patterns; those that are named are taken in any case.
        left_out: Files and folders that lie among the inputs without being one. A folder of these that is named is
            searched all the same: videos may lie beside what is kept there.

    Raises:
        FileNotFoundError: An input does not exist, a folder holds no video, or a pattern matches nothing.
    """
    endings = VIDEO_ENDINGS | (SHARD_ENDINGS if shards else frozenset()) | (IMAGE_ENDINGS if images else frozenset())
    selection = _Selection(endings, frozenset(Path(one).resolve() for one in left_out))
    found: dict[str, Source] = {}
    for one in _with_lists(inputs):
        for source in _expand(one, selection):
            found.setdefault(_identity(source.place), source)
    if not found:
        raise FileNotFoundError(f"The inputs must hold at least one video, got {', '.join(inputs)}; check the paths.")
    return _with_own_names(list(found.values()))


def check_addresses(sources: Iterable[Source], *, allow_urls: bool) -> None:
    """Refuse videos at addresses that will not be read.

    Raises:
        ValueError: URLs are not allowed, or an address is none of http(s).
    """
    for source in sources:
        if source.is_shard or not is_address(source.place):
            continue
        if not re.match(r"https?://", source.place):
            raise ValueError(
                f"A video is read from http(s) addresses, got {source.place}; download it or make a shard."
            )
        if not allow_urls:
            raise ValueError(f"URLs are read only on request, got {source.place}; pass --allow-urls or download it.")


def part_of(sources: Sequence[Source], index: int, count: int) -> list[Source]:
    """Return the share of one of `count` processes: every `count`-th, so that long and short folders mix."""
    return list(sources[index::count])


def is_address(text: str) -> bool:
    """Whether a text is an address for fsspec rather than a path."""
    return ADDRESS.match(text) is not None


def _with_lists(inputs: Iterable[str]) -> Iterator[str]:
    for one in inputs:
        if one.startswith("@") and not Path(one).exists():
            path = Path(one[1:])
            if not path.is_file():
                raise FileNotFoundError(f"The list {path} does not exist; write one path a line into it.")
            lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
            yield from (line for line in lines if line.strip())
        else:
            yield one


def _expand(one: str, selection: _Selection) -> list[Source]:
    if is_address(one):
        # An address of a film, such as a camera's archive gives, is one video; whatever else an address holds is many.
        ending = PurePosixPath(one.split("?")[0]).suffix.lower()
        return [Source(one, _address_name(one), is_shard=ending not in VIDEO_ENDINGS | IMAGE_ENDINGS)]
    path = Path(one)
    if path.is_dir():
        files = sorted(file for file in _media_below(path, selection.endings) if selection.takes(file, path))
        if not files and path.resolve() not in selection.left_out:
            raise FileNotFoundError(f"The folder {one} holds no video; stills are taken with --images.")
        return [_source(file, str(file.relative_to(path))) for file in files]
    if path.exists():
        return [] if path.resolve() in selection.left_out else [_source(path, path.name)]
    matches = sorted(Path(match) for match in glob.glob(one, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not matches:
        raise FileNotFoundError(f"The input must exist or be a pattern that matches something, got {one}.")
    base = _fixed_part(one)
    files = [match for match in matches if match.is_file() and selection.takes(match, base)]
    return [_source(file, str(file.relative_to(base))) for file in files]


def _source(path: Path, name: str) -> Source:
    return Source(str(path), name, is_shard=path.suffix.lower() in SHARD_ENDINGS)


def _media_below(folder: Path, endings: frozenset[str]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in endings:
                yield Path(parent, name)


def _fixed_part(pattern: str) -> Path:
    """The folders of a pattern before the first one that holds a wildcard."""
    fixed = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)


def _address_name(address: str) -> str:
    return PurePosixPath(address.split("://", 1)[1].split("?")[0]).name or "shard"


def _identity(place: str) -> str:
    return place if is_address(place) else str(Path(place).resolve())


def _with_own_names(sources: list[Source]) -> list[Source]:
    """Sources of equal names, from two folders, get a number that makes a name which nothing else has."""
    # A path that leads upwards would leave the output folder.
    safe = [
        "/".join(part for part in Path(source.name).parts if part not in ("..", "/", Path(source.name).anchor))
        for source in sources
    ]
    names = different_names(safe, _numbered)
    return [Source(source.place, name, source.is_shard) for source, name in zip(sources, names, strict=True)]


def _numbered(name: str, number: int) -> str:
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}~{number}{path.suffix}"))


__all__ = ["Source", "check_addresses", "find_sources", "is_address", "part_of"]
