# SPDX-License-Identifier: Apache-2.0
"""The best word over time as tiers of a Praat TextGrid (long text form): one interval tier per person, without gaps."""

from __future__ import annotations

from collections.abc import Sequence

from .segments import Segment


def textgrid(segments: Sequence[Segment], *, duration: float | None = None) -> str:
    """Return a TextGrid; stretches without scores are intervals without text, as Praat asks.

    Args:
        segments: Of one video.
        duration: Seconds of the video; by default the end of the last stretch.
    """
    end = max([duration or 0.0, *(one.end for one in segments)])
    # Stretches without a face are of nobody, who has no tier where somebody has one.
    persons = sorted({one.person for one in segments if one.word}) or [0]
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {end:.6f}",
        "tiers? <exists>",
        f"size = {len(persons)}",
        "item []:",
    ]
    for place, person in enumerate(persons, start=1):
        own = [one for one in segments if one.person == person]
        name = f"person {person}" if person else "whole frame" if any(one.word for one in own) else "nobody in sight"
        lines += _tier(place, name, own, end)
    return "\n".join(lines) + "\n"


def _tier(place: int, name: str, segments: Sequence[Segment], end: float) -> list[str]:
    intervals = _without_gaps(segments, end)
    head = [
        f"    item [{place}]:",
        '        class = "IntervalTier"',
        f'        name = "{_quoted(name)}"',
        "        xmin = 0",
        f"        xmax = {end:.6f}",
        f"        intervals: size = {len(intervals)}",
    ]
    body = [
        line
        for number, (first, last, text) in enumerate(intervals, start=1)
        for line in (
            f"        intervals [{number}]:",
            f"            xmin = {first:.6f}",
            f"            xmax = {last:.6f}",
            f'            text = "{_quoted(text)}"',
        )
    ]
    return head + body


def _without_gaps(segments: Sequence[Segment], end: float) -> list[tuple[float, float, str]]:
    """Intervals from 0 to the end that follow on one another."""
    intervals: list[tuple[float, float, str]] = []
    reached = 0.0
    for one in sorted(segments, key=lambda segment: segment.start):
        first = max(one.start, reached)
        if one.end - first < 1e-6:
            continue
        if first - reached >= 1e-6:
            intervals.append((reached, first, ""))
        intervals.append((reached if first - reached < 1e-6 else first, one.end, one.word))
        reached = one.end
    if end - reached >= 1e-6 or not intervals:
        intervals.append((reached, end, ""))
    return intervals


def _quoted(text: str) -> str:
    """Praat doubles quotation marks within a text; a line break would end it."""
    return " ".join(text.split()).replace('"', '""')


__all__ = ["textgrid"]
