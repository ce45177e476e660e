# SPDX-License-Identifier: Apache-2.0
"""Cues of a film out of subtitle files in any usual form and encoding, and out of text tracks inside the film."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from emoclip.console import require
from modeling_emoclip.video_container_emoclip import clock_start

from .captions import Cue, is_webvtt, spoken_text, webvtt_cues, without_repeats


ASS_TRACKS = ("ass", "ssa")


def read_subtitles(path: Path, encoding: str | None = None) -> list[Cue]:
    """Return the cues of an SRT, VTT, ASS or SSA file in the order of time.

    Args:
        path: The file.
        encoding: Of files that are not Unicode; found out by `decode_text` if absent.

    Raises:
        ValueError: The file is none of these, or has no cue.
    """
    pysubs2 = require("pysubs2", "dialogue")
    text = decode_text(path.read_bytes(), str(path), encoding)
    try:
        found = list(webvtt_cues(text)) if is_webvtt(text) else _event_cues(pysubs2.SSAFile.from_string(text))
    except (pysubs2.exceptions.Pysubs2Error, ValueError) as error:
        raise ValueError(f"Subtitles must be SRT, VTT, ASS or SSA, {path} is none of them ({error}).") from error
    cues = _finished(found)
    if not cues:
        raise ValueError(f"Subtitles must hold at least 1 line of text with a time, {path} has none.")
    return cues


def decode_text(data: bytes, name: str, encoding: str | None = None) -> str:
    """Return text of unknown encoding: Unicode where it is, else what `encoding` says, else what fits best.

    Cyrillic, Greek, Chinese and other scripts tell their encoding. The code pages of Latin letters do not, short of knowing the
    language; of them the western one, which is the most frequent, is taken.

    Raises:
        ValueError: It is no text, or not of `encoding`.
    """
    for mark, unicode in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(unicode, errors="replace")
    for known in ("utf-8", encoding):
        try:
            return data.decode(known) if known else _guessed(data, name)
        except UnicodeDecodeError:
            continue
        except LookupError as error:
            raise ValueError(f"`--encoding` must be an encoding that Python knows, got {encoding!r}.") from error
    raise ValueError(f"Subtitles must be text in the `--encoding`, {name} is neither {encoding} nor UTF-8.")


def _guessed(data: bytes, name: str) -> str:
    best = require("charset_normalizer", "dialogue").from_bytes(data).best()
    if best is None:
        raise ValueError(f"Subtitles must be text, no encoding fits {name}; save it as UTF-8 or pass --encoding.")
    text = str(best)
    if all("LATIN" in unicodedata.name(letter, "") for letter in set(text) if letter.isalpha()):
        with suppress(UnicodeDecodeError):
            return data.decode("cp1252")
    return text


def embedded_cues(film: Path, track: int = 0) -> list[Cue]:
    """Return the cues of a text track inside a film.

    Args:
        film: The film.
        track: Number among its subtitle tracks, see `text_sources.text_sources`.
    """
    import av

    with av.open(str(film)) as container:
        return _finished(_packet_cues(container, container.streams.subtitles[track]))


def _packet_cues(container: Any, track: Any) -> Iterable[Cue]:
    begin = clock_start(container)
    for packet in container.demux(track):
        if packet.pts is None or not packet.size:
            continue
        start = float(packet.pts * packet.time_base - begin)
        end = start + float((packet.duration or 0) * packet.time_base)
        lines = [_ass_text(part.ass) for part in track.codec_context.decode2(packet) or () if hasattr(part, "ass")]
        if text := "\n".join(line for line in lines if line):
            yield Cue(text if track.codec_context.name in ASS_TRACKS else spoken_text(text), start, end)


def _ass_text(line: bytes | str) -> str:
    """The text behind the eight fields that FFmpeg puts before it, without its styles."""
    pysubs2 = require("pysubs2", "dialogue")
    content = line.decode("utf-8", errors="replace") if isinstance(line, bytes) else line
    return _plain(pysubs2.SSAEvent(text=content.split(",", 8)[-1]))


def _event_cues(file: Any) -> list[Cue]:
    # ASS has no entities: there `&amp;` is what is seen.
    clean = str if file.format in ("ass", "ssa") else spoken_text
    return [Cue(clean(_plain(event)), event.start / 1000, event.end / 1000) for event in file.events]


def _plain(event: Any) -> str:
    """Text without styles, its lines kept; none for comments of the editor and for pictures drawn by lines."""
    return str(event.plaintext) if event.is_text else ""


def _finished(cues: Iterable[Cue]) -> list[Cue]:
    """Cues with text that last, by their time, for files are found in which they are not; without what rolling captions repeat."""
    lasting = sorted(
        (cue for cue in cues if cue.text.strip() and cue.end > cue.start), key=lambda cue: (cue.start, cue.end)
    )
    told = (replace(cue, text=" ".join(cue.text.split())) for cue in without_repeats(lasting))
    return [cue for cue in told if cue.text]


__all__ = ["Cue", "decode_text", "embedded_cues", "read_subtitles"]
