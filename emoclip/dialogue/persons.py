# SPDX-License-Identifier: Apache-2.0
"""Persons in frames, by an object detector of transformers; their boxes become masks of the subject."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from transformers import AutoImageProcessor, AutoModelForObjectDetection

from emoclip.dialogue.found_model import loading


# Small, Apache-2.0.
DEFAULT_PERSON_MODEL = "PekingU/rtdetr_v2_r18vd"
PERSON = "person"
# Persons that EmotionCLIP counts in.
MIN_SCORE = 0.5
# The side that the original's detector works at, and the multiple that its pictures are filled up to.
LETTERBOX_SIDE, LETTERBOX_STRIDE = 640, 32
Box = list[float]


class PersonDetector:
    """Finds the persons of frames.

    Args:
        name: Hub id or folder of an object detector that knows the class `person`.
        min_score: Persons below it are left out.
        batch_size: Frames at a time.
        letterbox_slip: Put the boxes where the original puts them, see `letterbox_shift`.
        device: Where it runs.

    Raises:
        ValueError: It knows no persons, or the score is no fraction.
        FileNotFoundError: The model cannot be found.
    """

    def __init__(
        self,
        name: str = DEFAULT_PERSON_MODEL,
        *,
        min_score: float = MIN_SCORE,
        batch_size: int = 16,
        letterbox_slip: bool = False,
        device: str | torch.device = "cpu",
    ):
        if not 0 <= min_score <= 1:
            raise ValueError(f"`--min-person-score` must be from 0 to 1, got {min_score}.")
        with loading("person model", name):
            self.processor = AutoImageProcessor.from_pretrained(name)
            self.model = AutoModelForObjectDetection.from_pretrained(name).to(device).eval()
        classes = {str(label).lower(): int(number) for number, label in self.model.config.id2label.items()}
        if PERSON not in classes:
            raise ValueError(
                f"A detector must know the class `{PERSON}`, {name} knows {', '.join(list(classes)[:10])}; choose another by "
                "--person-model."
            )
        self.person = classes[PERSON]
        self.min_score = min_score
        self.batch_size = batch_size
        self.letterbox_slip = letterbox_slip

    def __call__(self, frames: Sequence[np.ndarray]) -> list[list[Box]]:
        """Return for every frame, uint8 RGB (height, width, 3), its boxes [x1, y1, x2, y2] in whole pixels, none if nobody is seen."""
        boxes: list[list[Box]] = []
        for begin in range(0, len(frames), self.batch_size):
            boxes += self._batch(frames[begin : begin + self.batch_size])
        return boxes

    @torch.inference_mode()
    def _batch(self, frames: Sequence[np.ndarray]) -> list[list[Box]]:
        inputs = self.processor(images=list(frames), return_tensors="pt").to(self.model.device)
        sides = [frame.shape[:2] for frame in frames]
        found = self.processor.post_process_object_detection(
            self.model(**inputs), threshold=self.min_score, target_sizes=torch.tensor(sides)
        )
        return [self._persons(one, side) for one, side in zip(found, sides, strict=True)]

    def _persons(self, found: dict[str, torch.Tensor], sides: tuple[int, int]) -> list[Box]:
        height, width = sides
        across, down = letterbox_shift(width, height) if self.letterbox_slip else (0.0, 0.0)
        shift = torch.tensor([across, down, across, down])
        boxes = found["boxes"][found["labels"] == self.person].float().cpu() + shift
        return [box for corners in boxes.tolist() if (box := whole_pixels(corners, width, height))]


def whole_pixels(corners: Sequence[float], width: int, height: int) -> Box | None:
    """Return a box rounded outwards and cut at the frame; `None` where nothing of it is left."""
    left, top = max(math.floor(corners[0]), 0), max(math.floor(corners[1]), 0)
    right, bottom = min(math.ceil(corners[2]), width), min(math.ceil(corners[3]), height)
    return [float(left), float(top), float(right), float(bottom)] if right > left and bottom > top else None


def letterbox_shift(width: int, height: int) -> tuple[float, float]:
    """Return by how many pixels EmotionCLIP's boxes lie too far right and too low.

    Its detector fills pictures up to a multiple of 32 on both sides; the boxes are scaled back but the filling is not taken
    off. Pictures of 16:9 are off by 12 pixels at the scale of 640, pictures of 4:3 are not. Source: EmotionCLIP
    `preprocessing/` and the readers that use its boxes.
    """
    scale = min(LETTERBOX_SIDE / width, LETTERBOX_SIDE / height)
    filled = [(LETTERBOX_SIDE - round(side * scale)) % LETTERBOX_STRIDE / 2 for side in (width, height)]
    return filled[0] / scale, filled[1] / scale


__all__ = ["DEFAULT_PERSON_MODEL", "MIN_SCORE", "PersonDetector", "letterbox_shift", "whole_pixels"]
