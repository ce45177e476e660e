# SPDX-License-Identifier: Apache-2.0
"""A square that moves over a grey picture, as folders of frames, and a detector that finds it by its colour."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emoclip.data.faces.face import Face
from emoclip.data.manifest import write_manifest


HEIGHT, WIDTH, SIDE = 40, 56, 12
COLOURS = ((250, 20, 20), (20, 250, 20))


def draw(corners: Sequence[tuple[int, int]]) -> np.ndarray:
    """A grey frame with a square of another colour at each corner (x, y)."""
    frame = np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)
    for (x, y), colour in zip(corners, COLOURS, strict=False):
        frame[y : y + SIDE, x : x + SIDE] = colour
    return frame


class SquareDetector:
    """Finds the red and the green square. Picklable, so that worker processes can have it."""

    name = "squares"

    def detect(self, frame: np.ndarray) -> list[Face]:
        """Return a box for each colour that is there."""
        faces = []
        for strong in (0, 1):
            ys, xs = np.nonzero((frame[..., strong] > 200) & (frame[..., 1 - strong] < 90))
            if len(xs) > 20:
                faces.append(Face((float(xs.min()), float(ys.min()), float(xs.max()) + 1, float(ys.max()) + 1)))
        return faces


@pytest.fixture
def detector() -> SquareDetector:
    return SquareDetector()


@pytest.fixture
def make_frames(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that writes a folder of frames: `make_frames(name, corners of each frame)`."""

    def write(name: str, frames: Sequence[Sequence[tuple[int, int]]]) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for number, corners in enumerate(frames):
            Image.fromarray(draw(corners)).save(folder / f"{number:03}.png")
        return folder

    return write


@pytest.fixture
def make_manifest(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that writes a manifest of frame folders: `make_manifest(rows)`."""

    def write(rows: list[dict], **metadata: object) -> Path:
        base = {"media": "frames", "split": "train", "label": 1}
        names = {
            "class_names": ["calm", "tense"],
            "dataset": "demo/two",
            "licence": "l",
            "source": "s",
            "notes": ["n"],
        }
        write_manifest(tmp_path / "source.parquet", [base | row for row in rows], **(names | metadata))
        return tmp_path / "source.parquet"

    return write
