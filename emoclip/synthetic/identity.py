# SPDX-License-Identifier: Apache-2.0
"""Who is seen, how the head is held and how it is lit: random looks and poses as plain values, nothing is drawn here.

Lengths are in pixels of the 96 x 96 picture, angles in degrees, colours are RGB in [0, 255].
"""

from dataclasses import dataclass

import numpy as np


Color = tuple[float, float, float]

HAIR_STYLES = ("short", "parted", "long", "curly", "fringe", "bald", "bun")

# From light to dark, each jittered per identity.
_SKIN_TONES = (
    (246, 214, 190), (236, 195, 165), (224, 178, 142), (205, 155, 118), (181, 130, 94), (150, 103, 73), (118, 79, 56),
)  # fmt: skip
_HAIR_TONES = (
    (38, 30, 28), (66, 44, 32), (104, 66, 40), (150, 100, 56), (205, 168, 104), (150, 70, 38), (150, 148, 146), (222, 220, 214),
)  # fmt: skip
_IRIS_TONES = ((70, 44, 28), (96, 66, 36), (62, 104, 142), (76, 122, 84), (110, 118, 124))


@dataclass(frozen=True)
class Identity:
    """The lasting look of one person and the picture's surroundings."""

    skin: Color
    hair: Color
    iris: Color
    lips: Color
    shirt: Color
    hair_style: str
    face_width: float  # half the width of the head
    face_length: float  # factor on everything below the eyes
    jaw: float  # 0 pointed .. 1 square
    eye_spacing: float
    eye_size: float
    brow_thickness: float
    nose_width: float
    mouth_width: float
    lip_fullness: float
    glasses: bool
    beard: float  # 0 none .. 1 full
    background: tuple[Color, Color]
    light_angle: float
    light_strength: float


@dataclass(frozen=True)
class Pose:
    """Where the head is and where it faces in one frame; yaw, pitch and gaze are in [-1, 1]."""

    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    gaze: float = 0.0


def draw_identity(rng: np.random.Generator) -> Identity:
    """A random person, each trait independent of the others except that brows and beard take the hair's colour."""
    skin = _jitter(_SKIN_TONES[rng.integers(len(_SKIN_TONES))], rng, 8)
    redness = rng.uniform(0.35, 0.75)
    lips = tuple((1 - redness) * s * 0.82 + redness * r for s, r in zip(skin, (186, 74, 82), strict=True))
    return Identity(
        skin=skin,
        hair=_jitter(_HAIR_TONES[rng.integers(len(_HAIR_TONES))], rng, 10),
        iris=_jitter(_IRIS_TONES[rng.integers(len(_IRIS_TONES))], rng, 8),
        lips=(lips[0], lips[1], lips[2]),
        shirt=_color(rng, 30, 220),
        hair_style=str(rng.choice(HAIR_STYLES)),
        face_width=float(rng.uniform(29, 34)),
        face_length=float(rng.uniform(0.94, 1.05)),
        jaw=float(rng.uniform(0, 1)),
        eye_spacing=float(rng.uniform(13, 15)),
        eye_size=float(rng.uniform(0.93, 1.1)),
        brow_thickness=float(rng.uniform(1.3, 2.3)),
        nose_width=float(rng.uniform(0.85, 1.25)),
        mouth_width=float(rng.uniform(0.92, 1.12)),
        lip_fullness=float(rng.uniform(0.8, 1.2)),
        glasses=bool(rng.random() < 0.15),
        beard=float(rng.uniform(0.3, 0.75)) if rng.random() < 0.15 else 0.0,
        background=(_color(rng, 60, 235), _color(rng, 60, 235)),
        light_angle=float(rng.uniform(0, 360)),
        light_strength=float(rng.uniform(0.05, 0.28)),
    )


def draw_pose(rng: np.random.Generator) -> Pose:
    """A random resting pose, near the centre and nearly frontal."""
    return Pose(
        x=float(rng.uniform(-3, 3)),
        y=float(rng.uniform(-2, 2)),
        scale=float(rng.uniform(0.93, 1.06)),
        roll=float(rng.uniform(-7, 7)),
        yaw=float(rng.uniform(-0.7, 0.7)),
        pitch=float(rng.uniform(-0.2, 0.2)),
        gaze=float(rng.uniform(-0.5, 0.5)),
    )


def _jitter(color: tuple[int, int, int], rng: np.random.Generator, amount: float) -> Color:
    red, green, blue = np.clip(np.array(color) + rng.uniform(-amount, amount, 3), 0, 255)
    return float(red), float(green), float(blue)


def _color(rng: np.random.Generator, low: float, high: float) -> Color:
    red, green, blue = rng.uniform(low, high, 3)
    return float(red), float(green), float(blue)
