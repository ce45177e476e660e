# SPDX-License-Identifier: Apache-2.0
"""Which text belongs to a film: subtitle files beside it and text tracks inside it, by their language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .films import FILM_SUFFIXES


SUBTITLE_SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")
# The code of two letters first, then the codes of three and the English name.
LANGUAGES = (
    "ar ara arabic", "bg bul bulgarian", "cs cze ces czech", "da dan danish", "de ger deu german", "el gre ell greek",
    "en eng english", "es spa spanish", "et est estonian", "fa per fas persian", "fi fin finnish", "fr fre fra french",
    "he heb hebrew", "hi hin hindi", "hr hrv croatian", "hu hun hungarian", "id ind indonesian", "it ita italian",
    "ja jpn japanese", "ko kor korean", "nl dut nld dutch", "no nor norwegian", "nb nob", "pl pol polish",
    "pt por portuguese", "ro rum ron romanian", "ru rus russian", "sk slo slk slovak", "sl slv slovenian",
    "sr srp serbian", "sv swe swedish", "th tha thai", "tr tur turkish", "uk ukr ukrainian", "vi vie vietnamese",
    "zh chi zho chinese",
)  # fmt: skip
CODES = {name: names.split()[0] for names in LANGUAGES for name in names.split()}
# Parts of a file's name that say what kind of subtitles it holds, and those of what only translates signs and foreign lines.
KINDS = {"sdh", "cc", "hi", "default", "full", "dialog", "dialogue", "subs", "subtitles", "auto"}
PARTIAL = {"forced", "foreign", "sign", "signs", "song", "songs", "commentary"}
TAG = re.compile(r"[a-z]{2,3}([-_][a-z0-9]{2,8})*")
PICTURE_TRACKS = ("dvdsub", "dvbsub", "dvd_subtitle", "dvb_subtitle", "pgssub", "hdmv_pgs_subtitle", "xsub")


@dataclass(frozen=True)
class TextSource:
    """Where a film's lines may come from.

    Args:
        path: The subtitle file, or the film itself.
        track: Number among the film's subtitle tracks, `None` for a file.
        language: Code, `None` where it is not told.
    """

    path: Path
    track: int | None = None
    language: str | None = None

    def __str__(self) -> str:
        place = self.path.name if self.track is None else f"track {self.track} of {self.path.name}"
        return f"{place} ({self.language})" if self.language else place


def language_code(name: str) -> str:
    """Return the code of a language of any usual form, such as `en` of `eng`, `English` and `en-GB`.

    Raises:
        ValueError: It is no code and no known name.
    """
    told = name.strip().lower()
    if told in CODES:
        return CODES[told]
    if not TAG.fullmatch(told):
        raise ValueError(f"A language must be a code such as en, de or pt-BR, got {name!r}.")
    first = re.split("[-_]", told)[0]
    return CODES.get(first, first)


def text_sources(film: Path, language: str) -> list[TextSource]:
    """Return what may hold the film's lines, the best first.

    A file or, where there is none, a track in the language or of none that is told goes before those in another; files go before
    tracks, and the alphabet decides the rest. Files of other films and what only translates signs are left out.

    Args:
        film: The film.
        language: Wanted code.

    Raises:
        OSError, ValueError: The folder or the film cannot be read.
    """
    found = [*subtitle_files(film), *_tracks(film)]

    def rank(source: TextSource) -> tuple[bool, bool, bool]:
        other = source.language not in (None, language)
        return other, source.track is not None, source.language != language

    return sorted(found, key=rank)  # stable


def subtitle_files(film: Path) -> list[TextSource]:
    """Return the subtitle files beside a film that are its own, in the order of their names.

    Raises:
        OSError: The folder cannot be read.
    """
    entries = sorted(film.parent.iterdir(), key=lambda path: (len(path.name), path.name))
    others = [path.stem for path in entries if path.suffix.lower() in FILM_SUFFIXES and path.stem != film.stem]
    found = []
    for path in entries:
        tags = _tags(path, film)
        if tags is None or any(_belongs(path, other) and len(other) > len(film.stem) for other in others):
            continue
        language = next((language_code(tag) for tag in tags if tag not in KINDS), None)
        # "hi" alone is Hindi; behind a language it says that the subtitles are for the hard of hearing.
        if language is None and "hi" in tags:
            language = "hi"
        found.append(TextSource(path, language=language))
    return found


def _tags(path: Path, film: Path) -> list[str] | None:
    """What stands between the film's name and the suffix; `None` for what is no subtitle file of its."""
    if path.suffix.lower() not in SUBTITLE_SUFFIXES or not _belongs(path, film.stem) or not path.is_file():
        return None
    middle = path.name[len(film.stem) : -len(path.suffix)].strip(".").lower()
    tags = [tag for tag in middle.split(".") if tag]
    known = all(tag in KINDS or tag in CODES or TAG.fullmatch(tag) or tag.isdigit() for tag in tags)
    if not known or PARTIAL & set(re.split(r"[-_.]", middle)):
        return None
    return [tag for tag in tags if not tag.isdigit()]


def _belongs(path: Path, stem: str) -> bool:
    return path.stem == stem or path.name.startswith(f"{stem}.")


def _tracks(film: Path) -> Iterator[TextSource]:
    import av

    with av.open(str(film)) as container:
        for number, stream in enumerate(container.streams.subtitles):
            # Subtitles of discs are pictures; reading them is not done here.
            if stream.codec_context.name in PICTURE_TRACKS or _is_partial(stream):
                continue
            told = (stream.metadata.get("language") or "und").lower()
            language = None if told in ("und", "mis", "mul", "zxx") or not TAG.fullmatch(told) else language_code(told)
            yield TextSource(film, number, language)


def _is_partial(stream: object) -> bool:
    from av.stream import Disposition

    title = getattr(stream, "metadata", {}).get("title", "").lower()
    forced = bool(getattr(stream, "disposition", Disposition(0)) & Disposition.forced)
    return forced or bool(PARTIAL & set(re.split(r"\W+", title)))


__all__ = ["SUBTITLE_SUFFIXES", "TextSource", "language_code", "subtitle_files", "text_sources"]
