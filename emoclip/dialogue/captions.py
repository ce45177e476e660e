# SPDX-License-Identifier: Apache-2.0
"""What captions of the web have besides text: WebVTT's tags and signs, and lines that roll up and stand in several cues."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Cue:
    """Text that stands on the screen from `start` to `end`, in seconds."""

    text: str
    start: float
    end: float


STAMP = r"(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
TIMES = re.compile(rf"^\s*{STAMP}\s*-->\s*{STAMP}")
# Classes, voices, languages and the times of single words; a "<" of the text is written `&lt;`.
TAG = re.compile(r"<[^<>]*>")
# Closed by a semicolon: "R&D" and "rock &notes" are none.
ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|\w+);")
# Signs that are not seen, such as `&lrm;`; joiners, which Persian and Hindi write with, stay.
INVISIBLE = re.compile("[\u200b\u200e\u200f\u2060\ufeff\u00ad]")
# Captions roll where so many of them begin with what the one before ends with; elsewhere a line that is said twice is text.
ROLLING_SHARE, FEWEST_ROLLING = 0.5, 3
# Seconds by which a cue that repeats another may begin after its end.
ROLLING_PAUSE = 0.1


def is_webvtt(text: str) -> bool:
    """Whether a file is WebVTT."""
    return text.lstrip().startswith("WEBVTT")


def webvtt_cues(text: str) -> Iterator[Cue]:
    """Yield the cues of a WebVTT file, several lines each; notes, styles and regions are left out.

    Args:
        text: Of the file. Its blocks are parted by empty lines; a line of one blank, as automatic captions have it, is none. Where
            empty lines are missing, a cue also begins at each line with times.
    """
    for block in re.split(r"\n\n+", text.replace("\r\n", "\n").replace("\r", "\n")):
        yield from _block_cues(block.split("\n"))


def _block_cues(lines: Sequence[str]) -> Iterator[Cue]:
    """Yield the cues of lines without an empty one between them; what stands before the first times is a name, or no cue."""
    places = [(place, found) for place, line in enumerate(lines) if (found := TIMES.match(line))]
    # Where the first cue has no number, a number at the end of another is said, not counted.
    numbered = bool(places) and places[0][0] > 0 and _is_number(lines[places[0][0] - 1])
    for (place, found), following in itertools.zip_longest(places, [after for after, _ in places[1:]]):
        text = list(lines[place + 1 : following])
        if following is not None and numbered and text and _is_number(text[-1]):
            text.pop()
        start, end = _seconds(*found.groups()[:4]), _seconds(*found.groups()[4:])
        yield Cue(spoken_text(TAG.sub("", "\n".join(text))), start, end)


def spoken_text(text: str) -> str:
    """Return text with its entities resolved, such as `&#39;` and `&nbsp;`, without signs that are not seen, its lines kept."""
    resolved = ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    lines = INVISIBLE.sub("", resolved).splitlines()
    return "\n".join(stripped for line in lines if (stripped := " ".join(line.split())))


def without_repeats(cues: Sequence[Cue]) -> list[Cue]:
    """Return the cues without what stood in the one before, where captions roll; other cues as they are.

    Automatic captions keep the last line on the screen while the next one is said, and often show each line once more for a moment.

    Args:
        cues: In the order of time, several lines each.
    """
    shares = [_repeated(before, cue) for before, cue in itertools.pairwise(cues)]
    if len(cues) < FEWEST_ROLLING or sum(map(bool, shares)) < ROLLING_SHARE * len(shares):
        return list(cues)
    return [replace(cue, text=_behind(cue.text, count)) for cue, count in zip(cues, [0, *shares], strict=True)]


def _repeated(before: Cue, cue: Cue) -> int:
    """How many words at the beginning of a cue are the last lines, or all, of the one before."""
    if cue.start > before.end + ROLLING_PAUSE:
        return 0
    words, lines = cue.text.split(), before.text.split("\n")
    tails = ([word for line in lines[first:] for word in line.split()] for first in range(len(lines)))
    return next((len(tail) for tail in tails if tail and words[: len(tail)] == tail), 0)


def _behind(text: str, count: int) -> str:
    """Text without its first words, its lines kept."""
    kept = []
    for line in text.split("\n"):
        words = line.split()
        kept.append(" ".join(words[count:]))
        count = max(0, count - len(words))
    return "\n".join(line for line in kept if line)


def _is_number(line: str) -> bool:
    return line.strip().isdigit()


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str) -> float:
    milliseconds = (int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)) * 1000 + int(fraction.ljust(3, "0"))
    return milliseconds / 1000


__all__ = ["Cue", "is_webvtt", "spoken_text", "webvtt_cues", "without_repeats"]
