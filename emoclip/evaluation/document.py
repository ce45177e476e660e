# SPDX-License-Identifier: Apache-2.0
"""A report's parts as data, which Markdown and HTML render each in its way. Here, and only here, fractions become percent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph; inside it `code` and **bold** have their meaning of Markdown."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list; each item as a paragraph."""

    items: Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table; the first column is left-aligned, the others right-aligned."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    """A picture by its file name beside the report, and what it shows."""

    file: str
    caption: str


@dataclass(frozen=True)
class Code:
    """Text to be shown as it is."""

    text: str
    language: str = ""


@dataclass(frozen=True)
class Folded:
    """Parts that a reader opens when wanted."""

    summary: str
    blocks: Sequence[Block]


Block = Heading | Text | Items | Table | Picture | Code | Folded


def percent(value: float | None, interval: Sequence[float] | None = None, *, signed: bool = False) -> str:
    """`62.1 [57.9, 66.0]` from fractions; a dash for None."""
    return plain_number(
        None if value is None else 100 * value, interval and [100 * end for end in interval], 1, signed
    )


def plain_number(
    value: float | None, interval: Sequence[float] | None = None, decimals: int = 3, signed: bool = False
) -> str:
    """`0.621 [0.579, 0.660]`; a dash for None."""
    if value is None:
        return "-"
    form = f"{{:{'+' if signed else ''}.{decimals}f}}"
    text = form.format(value)
    return f"{text} [{form.format(interval[0])}, {form.format(interval[1])}]" if interval else text


def p_text(value: float) -> str:
    """`0.032`, or `< 0.001`."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


__all__ = [
    "Block",
    "Code",
    "Folded",
    "Heading",
    "Items",
    "Picture",
    "Table",
    "Text",
    "p_text",
    "percent",
    "plain_number",
]
