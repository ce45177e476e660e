# SPDX-License-Identifier: Apache-2.0
"""What is drawn on a frame of an annotated film: boxes, numbers of persons, bars beside the picture, hidden faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from emoclip.console import printable

from .boxes import Box


COLORS = ("#ffb000", "#56b4e9", "#44c79a", "#f06eaa", "#fff200", "#d55e00")
BACK, INK, FAINT, BAR, DOUBT = "#12181c", "#e4eaee", "#9aa8b2", "#56b4e9", "#f0bd76"
# Blocks on the longer side of a hidden face; so few that nobody is known by them.
BLOCKS = 6
# Share of a box that is hidden around it: detectors cut off chins and foreheads.
HIDDEN_MARGIN = 0.25
MAX_BARS = 8
# The longest that fits beside the picture.
WHAT = ("relative match to your words", "relative match")
# Fonts that know many scripts, best first; Pillow's own knows Latin letters.
FONTS = (
    "NotoSansCJK-Regular.ttc",
    "DroidSansFallbackFull.ttf",
    "ArialUnicode.ttf",
    "Arial Unicode.ttf",
    "DejaVuSans.ttf",
    "Arial.ttf",
)


def load_font(size: int, path: str | Path | None = None) -> Any:
    """Return a font.

    Args:
        size: In pixels.
        path: Font file; by default the first of `FONTS` that the system has, else Pillow's own.

    Raises:
        ValueError: The file is no font.
    """
    if path is not None:
        try:
            return ImageFont.truetype(str(path), size)
        except OSError as error:
            raise ValueError(f"`font` must be a TrueType or OpenType file, got {path} ({error}).") from error
    for name in FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def hide_faces(frame: np.ndarray, boxes: Sequence[Box]) -> None:
    """Replace faces by a few blocks of their mean colour, in place.

    Args:
        frame: uint8 RGB (height, width, 3).
        boxes: In pixels.
    """
    height, width = frame.shape[:2]
    for left, top, right, bottom in boxes:
        margin = HIDDEN_MARGIN * max(right - left, bottom - top)
        x1, y1 = max(0, int(left - margin)), max(0, int(top - margin))
        x2, y2 = min(width, int(np.ceil(right + margin))), min(height, int(np.ceil(bottom + margin)))
        if x2 <= x1 or y2 <= y1:
            continue
        side = max(x2 - x1, y2 - y1) / BLOCKS
        blocks = (max(1, round((x2 - x1) / side)), max(1, round((y2 - y1) / side)))
        small = Image.fromarray(frame[y1:y2, x1:x2]).resize(blocks, Image.Resampling.BOX)
        frame[y1:y2, x1:x2] = np.asarray(small.resize((x2 - x1, y2 - y1), Image.Resampling.NEAREST))


def draw_boxes(frame: np.ndarray, boxes: Mapping[int, Box], font: Any) -> np.ndarray:
    """Return the frame with a box and a number for each person."""
    picture = Image.fromarray(frame)
    pen = ImageDraw.Draw(picture)
    width = max(2, frame.shape[0] // 240)
    for person, box in boxes.items():
        color = color_of(person)
        pen.rectangle(box, outline=color, width=width)
        anchor = (box[0] + width, max(0.0, box[1] - font.size - 2 * width))
        pen.text(anchor, str(person), fill=color, font=font, stroke_width=1, stroke_fill="#000000")
    return np.asarray(picture)


def draw_panel(
    size: tuple[int, int], rows: Sequence[tuple[int, Mapping[str, float], str]], clock: str, font: Any
) -> np.ndarray:
    """Return the panel beside the picture, uint8 RGB (height, width, 3).

    Args:
        size: Width and height.
        rows: For each person in sight: number, word -> relative match, and mark. Best words first, as many as there is room.
        clock: The time.
        font: Of all text.
    """
    width, height = size
    panel = Image.new("RGB", size, BACK)
    pen = ImageDraw.Draw(panel)
    line = int(font.size * 1.35)
    foot = height - 3 * line
    # What the numbers are must be read off any single picture of the film.
    what = next((text for text in WHAT if pen.textlength(text, font=font) <= width - line), WHAT[-1])
    _write(pen, (line // 2, height - int(2.4 * line)), what, FAINT, font, width)
    pen.text((line // 2, height - line * 1.4), clock, fill=FAINT, font=font)
    bars = max(1, min(MAX_BARS, (foot // line) // max(1, len(rows)) // 2 - 1))
    top = line // 2
    for person, scores, mark in rows:
        if top + line > foot:
            break
        title = f"person {person}" if person else "whole frame" if scores else "nobody in sight"
        pen.text((line // 2, top), title, fill=color_of(person) if person else INK, font=font)
        top += line
        if mark:
            top = _write(pen, (line // 2, top), printable(mark), DOUBT, font, width)
        for word in sorted(scores, key=lambda one: -scores[one])[:bars]:
            if top + 2 * line > foot:
                break
            top = _draw_bar(pen, word, scores[word], top, width, font)
        top += line // 2
    return np.asarray(panel)


def color_of(person: int) -> str:
    """Return the colour of a person's box."""
    return COLORS[(person - 1) % len(COLORS)]


def _draw_bar(pen: Any, word: str, match: float, top: int, width: int, font: Any) -> int:
    line, left = int(font.size * 1.35), int(font.size * 1.35) // 2
    share = f"{match:.0%}"
    room = width - 2 * left - pen.textlength(f" {share}", font=font)
    pen.text((left, top), _fitting(pen, printable(word), room, font), fill=INK, font=font)
    pen.text((width - left, top), share, fill=INK, font=font, anchor="ra")
    y = top + line
    pen.rectangle((left, y, width - left, y + line // 3), fill="#2a353d")
    pen.rectangle((left, y, left + max(1, round((width - 2 * left) * match)), y + line // 3), fill=BAR)
    return top + 2 * line - line // 4


def _write(pen: Any, place: tuple[int, int], text: str, color: str, font: Any, width: int) -> int:
    pen.text(place, _fitting(pen, text, width - 2 * place[0], font), fill=color, font=font)
    return place[1] + int(font.size * 1.35)


def _fitting(pen: Any, text: str, room: float, font: Any) -> str:
    if pen.textlength(text, font=font) <= room:
        return text
    while text and pen.textlength(f"{text}…", font=font) > room:
        text = text[:-1]
    return f"{text}…"


__all__ = ["color_of", "draw_boxes", "draw_panel", "hide_faces", "load_font"]
