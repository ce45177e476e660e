# SPDX-License-Identifier: Apache-2.0
"""What one clip or one still shows, as pure functions of (seed, split, index); no files, so shards can be made anywhere.

Index to content: clip `index` shows emotion `index % 11` by identity `index // 11`, so classes are balanced and every identity shows
every emotion; still `index` shows identity `index // 4`. Compound clip `index` shows class `index % 43` of MAFW's compound task by
identity `index // 43`: a single emotion, or the movements of two or three at once. Identities are drawn from the split's own stream of random numbers.
"""

from dataclasses import dataclass, replace

import numpy as np

from emoclip.synthetic.action_units import EXPRESSIONS, draw_state
from emoclip.synthetic.captions import write_caption
from emoclip.synthetic.compounds import COMPOUNDS, draw_compound
from emoclip.synthetic.courses import course_values
from emoclip.synthetic.face import FaceRenderer
from emoclip.synthetic.identity import Identity, Pose, draw_identity, draw_pose


NUM_FRAMES = 64
FPS = 25.0
CAPTIONS_PER_CLIP = 3
EMOTIONS = tuple(EXPRESSIONS)
CLIP_SPLITS = ("train", "test", "compound")

# Streams of random numbers; `stills` are training material and have faces of their own.
_STREAMS = {"train": 1, "test": 2, "stills": 3, "compound": 4}
_STILLS_PER_IDENTITY = 4


@dataclass(frozen=True)
class Clip:
    """One rendered clip before it is drawn."""

    clip_id: str
    split: str
    emotion: str
    subject_id: str
    look: Identity
    units: dict[str, float]  # intensities at the apex
    course: str
    phase: float  # where in its period the course starts, [0, 1)
    pose: Pose
    sway: tuple[float, ...]  # phases of the head's slight motion
    blinks: tuple[float, ...]  # positions in [0, 1)
    captions: tuple[str, ...]

    def frames(self) -> np.ndarray:
        """The clip drawn, uint8 RGB (64, 96, 96, 3)."""
        renderer = FaceRenderer(self.look)
        heights = course_values(self.course, self.phase, NUM_FRAMES)
        frames = []
        for index, height in enumerate(heights):
            units = {name: apex * height for name, apex in self.units.items()}
            position = index / NUM_FRAMES
            units["AU43"] = max(units.get("AU43", 0.0), _blink(self.blinks, position))
            frames.append(renderer.draw(units, _swayed(self.pose, self.sway, position)))
        return np.stack(frames)


@dataclass(frozen=True)
class Still:
    """One rendered picture before it is drawn."""

    clip_id: str
    subject_id: str
    look: Identity
    units: dict[str, float]
    pose: Pose
    caption: str

    def image(self) -> np.ndarray:
        """The picture, uint8 RGB (96, 96, 3)."""
        return FaceRenderer(self.look).draw(self.units, self.pose)


def make_clip(seed: int, split: str, index: int) -> Clip:
    """Clip number `index` of `split` (`train`, `test` or `compound`).

    Raises:
        ValueError: if the split is unknown or the index negative.
    """
    if split not in CLIP_SPLITS:
        raise ValueError(f"`split` must be one of {', '.join(CLIP_SPLITS)}, got {split!r}.")
    rng = _generator(seed, split, index)
    names = COMPOUNDS if split == "compound" else EMOTIONS
    emotion, identity = names[index % len(names)], index // len(names)
    units, course = draw_compound(emotion.split("_"), rng)
    return Clip(
        clip_id=f"{split}_{index:06d}",
        split=split,
        emotion=emotion,
        subject_id=f"{split}_{identity:05d}",
        look=_identity(seed, split, identity),
        units=units,
        course=course,
        phase=float(rng.random()),
        pose=draw_pose(rng),
        sway=tuple(float(value) for value in rng.random(4)),
        blinks=tuple(float(value) for value in rng.random(int(rng.integers(0, 3)))),
        captions=tuple(write_caption(units, rng, course) for _ in range(CAPTIONS_PER_CLIP)),
    )


def make_still(seed: int, index: int) -> Still:
    """Still number `index`.

    Raises:
        ValueError: if the index is negative.
    """
    rng = _generator(seed, "stills", index)
    identity = index // _STILLS_PER_IDENTITY
    units = draw_state(rng)
    return Still(
        clip_id=f"still_{index:06d}",
        subject_id=f"stills_{identity:05d}",
        look=_identity(seed, "stills", identity),
        units=units,
        pose=draw_pose(rng),
        caption=write_caption(units, rng),
    )


def _identity(seed: int, split: str, identity: int) -> Identity:
    return draw_identity(np.random.default_rng([seed, _STREAMS[split], 1, identity]))


def _generator(seed: int, split: str, index: int) -> np.random.Generator:
    if index < 0:
        raise ValueError(f"`index` must be at least 0, got {index}.")
    return np.random.default_rng([seed, _STREAMS[split], 0, index])


def _swayed(pose: Pose, sway: tuple[float, ...], position: float) -> Pose:
    """The pose with a slight motion that closes over the clip."""
    x, y, roll, yaw = (np.sin(2 * np.pi * (position + phase)) for phase in sway)
    return replace(
        pose, x=pose.x + 0.8 * x, y=pose.y + 0.6 * y, roll=pose.roll + 1.2 * roll, yaw=pose.yaw + 0.12 * yaw
    )


def _blink(blinks: tuple[float, ...], position: float) -> float:
    """How far a blink closes the eyes at a position in [0, 1); a blink lasts five frames."""
    closed = 0.0
    for center in blinks:
        distance = abs((position - center + 0.5) % 1.0 - 0.5) * NUM_FRAMES
        closed = max(closed, 1.2 - 0.5 * distance)
    return min(max(closed, 0.0), 1.0)
