# SPDX-License-Identifier: Apache-2.0
"""Films of drawn faces at known places, and detectors that know those places."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch

from emoclip.analysis.frames import Frame
from emoclip.data.faces.face import Box, Face
from emoclip.synthetic.face import FaceRenderer
from emoclip.synthetic.samples import make_clip


HEIGHT, WIDTH = 180, 320
# Where a head lies in a drawn picture of side 1.
HEAD = (0.18, 0.15, 0.82, 0.94)


@dataclass(frozen=True)
class Actor:
    """Somebody in a scene: a drawn face of an identity at a place."""

    identity: int
    left: int
    top: int
    side: int = 96

    @property
    def box(self) -> Box:
        """Of the head, in pixels of the scene."""
        x1, y1, x2, y2 = (share * self.side for share in HEAD)
        return self.left + x1, self.top + y1, self.left + x2, self.top + y2


def face_of(identity: int, units: dict[str, float] | None = None) -> np.ndarray:
    """A drawn face, (96, 96, 3)."""
    clip = make_clip(0, "test", identity * 11)
    return FaceRenderer(clip.look).draw(units or {})


def scene(actors, background=(90, 110, 130)) -> np.ndarray:
    """A frame with the actors in it, (180, 320, 3)."""
    frame = np.full((HEIGHT, WIDTH, 3), background, np.uint8)
    for actor in actors:
        picture = cv2.resize(face_of(actor.identity), (actor.side, actor.side), interpolation=cv2.INTER_AREA)
        frame[actor.top : actor.top + actor.side, actor.left : actor.left + actor.side] = picture
    return frame


class ScriptDetector:
    """Finds whom the script has in each frame; `script[k]` are the actors of the frame numbered k."""

    def __init__(self, script):
        self.script = script

    def __call__(self, frame, pixels, in_sight):
        return [Face(actor.box) for actor in self.script[frame.number]]


def film(script, backgrounds=None) -> list[Frame]:
    """Frames, eight a second, in which each entry of the script is seen."""
    backgrounds = backgrounds or [(90, 110, 130)] * len(script)
    return [
        Frame(number, number / 8, torch.from_numpy(scene(actors, background)).permute(2, 0, 1))
        for number, (actors, background) in enumerate(zip(script, backgrounds, strict=True))
    ]


@pytest.fixture
def make_film():
    """The functions that make scripts into frames: `(film, ScriptDetector, Actor)`."""
    return film, ScriptDetector, Actor
