# SPDX-License-Identifier: Apache-2.0
"""The best word over time as subtitles, SubRip (.srt) or WebVTT (.vtt)."""

from __future__ import annotations

import html
from collections.abc import Sequence

from .segments import Segment


def srt(segments: Sequence[Segment]) -> str:
    """Return SubRip text; stretches without scores have no subtitle."""
    cues = [
        f"{number}\n{_clock(one.start, ',')} --> {_clock(one.end, ',')}\n{_caption(one)}\n"
        for number, one in enumerate(_shown(segments), start=1)
    ]
    return "\n".join(cues)


def vtt(segments: Sequence[Segment]) -> str:
    """Return WebVTT text; stretches without scores have no cue."""
    cues = [
        f"{_clock(one.start, '.')} --> {_clock(one.end, '.')}\n{html.escape(_caption(one), quote=False)}\n"
        for one in _shown(segments)
    ]
    return "\n".join(
        ["WEBVTT\n\nNOTE Apparent expression relative to the words asked for, not what anyone feels.\n", *cues]
    )


def _shown(segments: Sequence[Segment]) -> list[Segment]:
    return [one for one in segments if one.word]


def _caption(one: Segment) -> str:
    # A line break or an arrow within a word would end the cue.
    word = " ".join(one.word.split()).replace("-->", "->")
    person = f"Person {one.person}: " if one.person else ""
    doubt = f" ({one.mark})" if one.mark else ""
    return f"{person}{word} {one.match:.0%}{doubt}"


def _clock(seconds: float, point: str) -> str:
    """Hours, minutes, seconds and thousandths; the place of a subtitle cannot lie before the start."""
    thousandths = max(0, round(seconds * 1000))
    minutes, rest = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"


__all__ = ["srt", "vtt"]
