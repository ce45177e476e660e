# SPDX-License-Identifier: Apache-2.0
"""The stills of FER2013 out of Kaggle's `fer2013.csv`, under the names that FERPlus gives them.

    fer2013.csv         emotion,pixels,Usage: 48 x 48 grey levels, row by row
    fer2013new.csv      Usage,Image name,...: row by row the same stills; removed ones have no name

The two are joined by row: the number in a name is not the number of its row. Four names occur twice; as in the official script the
later still is the one that stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emoclip.data.output import replacing

from .lists import read_table


SIDE = 48
FOLDERS = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}


class Stills:
    """Writes the stills of a table as PNG files; those of an earlier run are kept.

    Args:
        pixels: `fer2013.csv`.
        names: `fer2013new.csv`.
        folder: Where to, `<folder>/FER2013Train/fer0000000.png`.
    """

    def __init__(self, pixels: Path, names: Path, folder: Path):
        self._pixels, self._names, self.folder = pixels, names, folder

    def write(self, split: str) -> Iterator[Path]:
        """Write the stills of one split, such as `FER2013Train`, and yield the path of each.

        Raises:
            ValueError: The tables are not of the same stills, or a row has not 48 x 48 grey levels; names file and row.
        """
        # The place of the row that stays, by name.
        last = {name: number for number, usage, name in self._named() if name and FOLDERS.get(usage) == split}
        rows = {number: name for name, number in last.items()}
        usages = {number: usage for number, usage, _ in self._named()}
        for number, line in read_table(self._pixels, ("pixels", "Usage")):
            place = f"{self._pixels}:{number}"
            if line["Usage"] != usages.get(number):
                raise ValueError(
                    f"{place}: `Usage` must be as in {self._names}:{number}, {usages.get(number)!r}, got {line['Usage']!r}."
                )
            if number in rows:
                yield _write(self.folder / split / rows[number], line["pixels"], place)

    def _named(self) -> Iterator[tuple[int, str, str]]:
        for number, line in read_table(self._names, ("Usage", "Image name")):
            yield number, line["Usage"], line["Image name"].strip()


def _write(path: Path, text: str, place: str) -> Path:
    if path.is_file():
        return path
    try:
        levels = np.array(text.split(), dtype=np.uint8)
    except (ValueError, OverflowError):
        raise ValueError(f"{place}: `pixels` must be numbers from 0 to 255.") from None
    if levels.size != SIDE * SIDE:
        raise ValueError(f"{place}: `pixels` must be {SIDE * SIDE} numbers, got {levels.size}.")
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, alone=True) as temporary:
        Image.fromarray(levels.reshape(SIDE, SIDE)).save(temporary, "PNG")
    return path


__all__ = ["FOLDERS", "Stills"]
