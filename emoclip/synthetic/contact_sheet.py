# SPDX-License-Identifier: Apache-2.0
"""One picture to judge the rendered faces by: every emotion over time, and a row of single action units and identities."""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from emoclip.synthetic.action_units import UNITS
from emoclip.synthetic.face import FACE_SIZE, FaceRenderer
from emoclip.synthetic.identity import draw_identity, draw_pose
from emoclip.synthetic.samples import EMOTIONS, NUM_FRAMES, make_clip
from emoclip.synthetic.video_file import write_atomically


COLUMNS = 7

_LABEL_WIDTH = 128
_PALETTE = 256
_TEXT = (30, 30, 30)


def write_contact_sheet(path: str | Path, *, seed: int = 0, overwrite: bool = False) -> None:
    """Write the sheet as PNG.

    Raises:
        FileExistsError: if the file exists and `overwrite` is not given.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already; choose another path or --overwrite.")
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    # A palette with dithering keeps the picture small enough for a repository.
    picture = Image.fromarray(contact_sheet(seed))
    palette = picture.quantize(_PALETTE, method=Image.Quantize.FASTOCTREE)
    picture = picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    picture.save(buffer, format="PNG", optimize=True)
    write_atomically(path, buffer.getvalue())


def contact_sheet(seed: int = 0) -> np.ndarray:
    """The sheet, uint8 RGB: 11 rows of emotions over time, then single units, then identities."""
    return np.concatenate([*_emotion_rows(seed), *_unit_rows(seed), _row(["identities"], _identities(seed, COLUMNS))])


def _emotion_rows(seed: int) -> list[np.ndarray]:
    rows = []
    times = np.linspace(0, NUM_FRAMES, COLUMNS, endpoint=False).astype(int)
    for number, emotion in enumerate(EMOTIONS):
        # One identity a row, so that the sheet shows many.
        clip = make_clip(seed, "train", number * (len(EMOTIONS) + 1))
        frames = clip.frames()
        rows.append(_row([emotion, clip.course if clip.units else ""], [frames[time] for time in times]))
    return rows


def _unit_rows(seed: int) -> list[np.ndarray]:
    renderer = FaceRenderer(draw_identity(np.random.default_rng([seed, 9, 0])))
    shown = [unit for unit in UNITS if not unit.endswith("R")]
    images = [_written(renderer.draw({unit: 1.0}), unit) for unit in shown]
    images += [_written(renderer.draw({}), "rest")] * (-len(images) % COLUMNS)
    return [_row(["single units"], images[start : start + COLUMNS]) for start in range(0, len(images), COLUMNS)]


def _identities(seed: int, count: int) -> list[np.ndarray]:
    generators = [np.random.default_rng([seed, 10, number]) for number in range(count)]
    return [FaceRenderer(draw_identity(rng)).draw({}, draw_pose(rng)) for rng in generators]


def _row(texts: list[str], images: list[np.ndarray]) -> np.ndarray:
    label = np.full((FACE_SIZE, _LABEL_WIDTH, 3), 250, np.uint8)
    for line, text in enumerate(texts):
        _write(label, text, (6, 44 + 18 * line), 0.45)
    return np.concatenate([label, *images], axis=1)


def _written(image: np.ndarray, text: str) -> np.ndarray:
    image = image.copy()
    _write(image, text, (3, 93), 0.36)
    return image


def _write(image: np.ndarray, text: str, origin: tuple[int, int], size: float) -> None:
    cv2.putText(image, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, _TEXT, 1, cv2.LINE_AA)
