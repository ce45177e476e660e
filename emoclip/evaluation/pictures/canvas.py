# SPDX-License-Identifier: Apache-2.0
"""What all pictures share: figures without a display, colours that are told apart, and saving."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emoclip.console import require


if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which people with colour blindness tell apart; classes beyond them get the same again with another mark.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#B8A800", "#555555")
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, laid out by itself.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    require("matplotlib", "plot")
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=120, layout="constrained")


def save(figure: Figure, path: str | Path) -> Path:
    """Writes the picture; the file's ending names the format."""
    figure.savefig(path)
    return Path(path)


def styles(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Name -> colour and mark, different for up to 64 names."""
    count = len(_COLOURS)
    return {name: (_COLOURS[i % count], _MARKS[(i // count) % len(_MARKS)]) for i, name in enumerate(names)}


__all__ = ["new_figure", "save", "styles"]
