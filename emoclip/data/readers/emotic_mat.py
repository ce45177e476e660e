# SPDX-License-Identifier: Apache-2.0
"""EMOTIC's official file, `Annotations.mat`: a struct for each image of `train`, `val` and `test`, in it one for each person.

    image     filename, folder, image_size (columns, rows), origin, persons
    person    train:       box, categories, continuous, gender, age
              val, test:   box, categories of each annotator, all categories, continuous of each, mean continuous, gender, age

Fields are taken by place. Categories are cells of words, continuous labels structs of three numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emoclip.console import require


FILENAME, FOLDER, SIZE, _, PERSONS = range(5)
BOX = 0
# Place of the categories and of the continuous labels in a person.
LABELS = {"train": (1, 2), "val": (2, 4), "test": (2, 4)}


@dataclass(frozen=True)
class Person:
    """What is known of one person, from whichever form of the annotations.

    Args:
        index: Number in the split, as text.
        folder, filename: Of the picture.
        sides: Its width and height in pixels.
        box: x1, y1, x2, y2 in pixels; may leave the picture.
        categories: Words.
        affect: Valence, arousal and dominance, NaN where unknown.
        place: File and row, for messages.
        listed: The same in short.
    """

    index: str
    folder: str
    filename: str
    sides: list[Any]
    box: list[Any]
    categories: list[Any]
    affect: list[Any]
    place: str
    listed: str


def read_mat(path: Path, split: str) -> Iterator[Person]:
    """Yield the persons of a split, image by image.

    Args:
        path: `Annotations.mat`.
        split: `train`, `val` or `test`.

    Raises:
        ValueError: It is no such file, or an image is not as described above; names the file and the image.
    """
    images = _load(path, split)
    categories, affect = LABELS[split]
    index = 0
    for number, image in enumerate(images):
        place = f"{path}, {split}, image {number}"
        try:
            values = image.tolist()
            for person in np.atleast_1d(values[PERSONS]):
                fields = person.tolist()
                yield Person(
                    index=str(index),
                    folder=str(values[FOLDER]),
                    filename=str(values[FILENAME]),
                    sides=_flat(values[SIZE]),
                    box=_flat(fields[BOX]),
                    categories=_flat(fields[categories]),
                    affect=_flat(fields[affect]),
                    place=place,
                    listed=f"{path.name}, {split}, image {number}",
                )
                index += 1
        except (AttributeError, IndexError, TypeError) as error:
            raise ValueError(
                f"{place}: must be a struct with filename, folder, size and persons ({error})."
            ) from error


def _load(path: Path, split: str) -> np.ndarray:
    require("scipy", "data")
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(path, squeeze_me=True, variable_names=[split])
    except (MatReadError, ValueError, NotImplementedError, OSError) as error:
        raise ValueError(f"{path} must be a MATLAB file, it is damaged or something else ({error}).") from error
    if split not in content:
        raise ValueError(f"{path} must hold `{split}`, it does not; was it saved again by another program?")
    return np.atleast_1d(content[split])


def _flat(value: Any) -> list[Any]:
    """The words or numbers in nested cells and structs, in their order."""
    if isinstance(value, np.ndarray | np.void):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [one for part in value for one in _flat(part)]
    return [value]


__all__ = ["Person", "read_mat"]
