# SPDX-License-Identifier: Apache-2.0
"""Draws one person's face as a 96 x 96 picture: head, hair, neck, background and light; the inner face comes from `features`.

A renderer keeps what does not change between the frames of a clip (background, shoulders, light).
"""

import cv2
import numpy as np

from emoclip.synthetic.features import Units, add_features
from emoclip.synthetic.identity import Identity, Pose
from emoclip.synthetic.sketch import SUPERSAMPLING, Sketch, ellipse, mix, shade


FACE_SIZE = 96

_CENTER = (48.0, 51.0)
_CROWN = 39.0
_CHIN = 39.0
_ARC = np.linspace(0, np.pi, 15)
_ANGLES_UP = np.stack([np.cos(_ARC), -np.sin(_ARC)], axis=1)


class FaceRenderer:
    """Draws frames of one identity.

    Example:
        >>> frame = FaceRenderer(draw_identity(rng)).draw({"AU12L": 1.0, "AU12R": 1.0})
    """

    def __init__(self, look: Identity) -> None:
        self.look = look
        self._backdrop = _backdrop(look)
        self._light = _light(look)

    def draw(self, units: Units, pose: Pose | None = None) -> np.ndarray:
        """One picture, uint8 RGB (96, 96, 3), of the face with these unit intensities in this pose."""
        pose = _nod(pose or Pose(), units.get("AU54", 0.0))
        canvas = self._backdrop.copy()
        sketch = Sketch()
        add_back_hair(sketch, self.look)
        add_head(sketch, self.look, units)
        add_features(sketch, self.look, units, pose)
        add_front_hair(sketch, self.look)
        sketch.paint(canvas, pose, _CENTER)
        small = cv2.resize(canvas, (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_AREA)
        return cv2.multiply(small, self._light, scale=1 / 128)


def add_head(sketch: Sketch, look: Identity, units: Units) -> None:
    """Ears, the outline of the head with its jaw (AU26 lengthens it), soft shading at the rim and a beard if any."""
    for side in (-1, 1):
        sketch.fill(ellipse(side * (look.face_width + 0.8), -1.0, 3.6, 6.6), shade(look.skin, 0.9))
        sketch.fill(ellipse(side * (look.face_width + 1.2), -1.0, 1.9, 4.2), shade(look.skin, 0.74))
    outline = _head_outline(look, units.get("AU26", 0.0))
    sketch.fill(outline, shade(look.skin, 0.86))
    sketch.fill(outline * (0.95, 0.97), shade(look.skin, 0.95))
    sketch.fill(outline * (0.89, 0.93), look.skin)
    if look.beard:
        sketch.fill(_beard(outline), mix(look.skin, shade(look.hair, 0.8), look.beard))
        sketch.fill(ellipse(0.0, 21.0, 12.0, 6.0), look.skin)


def _head_outline(look: Identity, jaw_drop: float) -> np.ndarray:
    """Closed outline, (30, 2): half an ellipse above, a jaw between pointed and square below."""
    above = _ANGLES_UP * (look.face_width, _CROWN)
    cos, sin = np.cos(_ARC), np.sin(_ARC)
    width = np.sign(cos) * np.abs(cos) ** (0.95 - 0.3 * look.jaw) * (1 - (0.16 - 0.1 * look.jaw) * sin)
    below = np.stack([-look.face_width * width, (_CHIN * look.face_length + 6.5 * jaw_drop) * sin], axis=1)
    return np.concatenate([above, below])


def _beard(outline: np.ndarray) -> np.ndarray:
    """The lower part of the head, (n, 2), closed across the face under the nose."""
    below = outline[15:][1:-1]
    cut = below[below[:, 1] > 10.0]
    return np.concatenate([cut, [(20.0, 21.0), (12.0, 15.5), (0.0, 13.5), (-12.0, 15.5), (-20.0, 21.0)]])


def add_back_hair(sketch: Sketch, look: Identity) -> None:
    """Hair behind the head."""
    style, width = look.hair_style, look.face_width
    dark = shade(look.hair, 0.85)
    if style == "long":
        side = np.array([(width + 6.0, -8.0), (width + 8.0, 20.0), (width + 5.0, 48.0)])
        top = ellipse(0.0, -8.0, width + 6.0, 37.0)[10:]
        sketch.fill(np.concatenate([top, side, (side * (-1.0, 1.0))[::-1]]), dark)
    elif style == "curly":
        for angle in np.linspace(-0.25, np.pi + 0.25, 9):
            sketch.fill(ellipse(np.cos(angle) * (width + 1), -9 - np.sin(angle) * 29, 9.0, 9.0), dark)
    elif style == "bun":
        sketch.fill(ellipse(0.0, -43.0, 10.0, 8.0), dark)
    if style not in ("bald", "curly"):
        sketch.fill(ellipse(0.0, -7.0, width + 2.4, 36.5)[10:], look.hair)


def add_front_hair(sketch: Sketch, look: Identity) -> None:
    """Hair over the forehead, ending above the highest brows and their wrinkles."""
    if look.hair_style == "bald":
        return
    width = look.face_width
    outer = np.stack([np.cos(_ARC) * (width + 2.2), -6.0 - np.sin(_ARC) * 37.0], axis=1)
    lines = {
        "parted": [(-26.5, -14.0), (-23.0, -26.0), (-10.0, -35.5), (6.0, -31.0), (20.0, -27.0), (27.0, -14.0)],
        "fringe": [
            (-27.0, -12.0),
            (-24.0, -29.5),
            (-10.0, -30.5),
            (0.0, -29.8),
            (12.0, -30.5),
            (24.0, -29.5),
            (27.0, -12.0),
        ],
        "curly": [
            (-27.0, -13.0),
            (-22.0, -27.0),
            (-12.0, -31.0),
            (0.0, -33.5),
            (12.0, -31.0),
            (22.0, -27.0),
            (27.0, -13.0),
        ],
    }
    plain = [(-27.5, -13.0), (-23.0, -26.0), (-10.0, -33.5), (10.0, -33.5), (23.0, -26.0), (27.5, -13.0)]
    hairline = np.array(lines.get(look.hair_style, plain)) * (width / 30.5, 1.0)
    sketch.fill(np.concatenate([outer, hairline]), look.hair)
    shine = np.stack([np.cos(_ARC[4:8]) * width * 0.8, -8.0 - np.sin(_ARC[4:8]) * 31.0], axis=1)
    sketch.line(shine, shade(look.hair, 1.22), 3)


def _nod(pose: Pose, down: float) -> Pose:
    """The pose with the head bowed by `down` in [0, 1] (AU54)."""
    if not down:
        return pose
    return Pose(pose.x, pose.y + 4.0 * down, pose.scale, pose.roll, pose.yaw, pose.pitch + 1.3 * down, pose.gaze)


def _backdrop(look: Identity) -> np.ndarray:
    """Background gradient, shoulders and neck, uint8 (192, 192, 3)."""
    size = FACE_SIZE * SUPERSAMPLING
    ramp = np.linspace(0, 1, size)
    angle = np.deg2rad(look.light_angle)
    blend = 0.5 + 0.5 * (np.cos(angle) * (ramp[None] - 0.5) + np.sin(angle) * (ramp[:, None] - 0.5))
    first, second = np.array(look.background[0]), np.array(look.background[1])
    canvas = np.ascontiguousarray((first + (second - first) * blend[..., None]).astype(np.uint8))
    sketch = Sketch()
    sketch.fill(ellipse(0.0, 62.0, 52.0, 24.0), look.shirt)
    neck = np.array([(-15.0, 20.0), (15.0, 20.0), (16.0, 44.0), (-16.0, 44.0)])
    sketch.fill(neck, shade(look.skin, 0.72))
    sketch.fill(ellipse(0.0, 43.0, 16.0, 5.0), shade(look.skin, 0.72))
    sketch.paint(canvas, Pose(), _CENTER)
    return canvas


def _light(look: Identity) -> np.ndarray:
    """Light from one side falling off towards the rim, uint8 (96, 96, 3); 128 leaves a pixel as it is."""
    ramp = np.linspace(-1, 1, FACE_SIZE)
    angle = np.deg2rad(look.light_angle)
    slope = np.cos(angle) * ramp[None] + np.sin(angle) * ramp[:, None]
    rim = ramp[None] ** 2 + ramp[:, None] ** 2
    field = 128 * (1.04 + look.light_strength * slope - 0.10 * rim)
    return np.repeat(np.clip(field, 60, 190).astype(np.uint8)[..., None], 3, axis=2)
