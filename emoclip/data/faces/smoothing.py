# SPDX-License-Identifier: Apache-2.0
"""From a face found in some frames to a steady box and angle in every frame. Pure functions of numbers."""

from __future__ import annotations

import numpy as np

from .tracking import Track


# Angles count where the eyes were found in at least this share of the findings; fewer are chance.
MIN_EYES = 0.2
# Frames before the first and behind the last pair of eyes for which its angle is held. Later a head may lean the other way.
ROLL_REACH = 12


def interpolate(frames: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return values for the wanted frames: linear between the known ones, the nearest known one outside of them.

    Args:
        frames: (known,), rising.
        values: (known, ...).
        wanted: (wanted,).

    Raises:
        ValueError: Nothing is known.
    """
    if not len(frames):
        raise ValueError("At least 1 known frame is needed to interpolate, got 0.")
    columns = values.reshape(len(frames), -1)
    filled = np.stack([np.interp(wanted, frames, column) for column in columns.T], axis=-1)
    return filled.reshape(len(wanted), *values.shape[1:])


def moving_average(values: np.ndarray, window: int) -> np.ndarray:
    """Return the mean over `window` neighbours, (time, ...); towards the ends over fewer, as many on either side.

    The window is centred, so that a crop neither lags nor runs ahead. An even one counts one more.

    Raises:
        ValueError: The window is not positive.
    """
    if window < 1:
        raise ValueError(f"`--smooth` must be at least 1 frame, got {window}.")
    total = len(values)
    positions = np.arange(total)
    reach = np.minimum(np.minimum(positions, total - 1 - positions), window // 2)
    sums = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0, dtype=np.float64)])
    counts = (2 * reach + 1).reshape(-1, *[1] * (values.ndim - 1))
    return (sums[positions + reach + 1] - sums[positions - reach]) / counts


def steady_boxes(track: Track, first: int, last: int, window: int) -> np.ndarray:
    """Return the box of every frame from `first` to `last`, both included: (frames, 4)."""
    known = np.array([face.box for face in track.faces], dtype=np.float64)
    return moving_average(interpolate(np.array(track.frames), known, np.arange(first, last + 1)), window)


def steady_rolls(track: Track, first: int, last: int, window: int) -> np.ndarray:
    """Return the angle of the head in every frame in degrees, (frames,); 0 where the eyes were hardly ever found."""
    known = [(frame, face.roll) for frame, face in zip(track.frames, track.faces, strict=True)]
    seen = [(frame, roll) for frame, roll in known if roll is not None]
    if not seen or len(seen) < MIN_EYES * len(known):
        return np.zeros(last - first + 1)
    frames, rolls = np.array([frame for frame, _ in seen]), np.array([roll for _, roll in seen])
    wanted = np.arange(first, last + 1)
    near = (wanted >= frames[0] - ROLL_REACH) & (wanted <= frames[-1] + ROLL_REACH)
    return moving_average(np.where(near, interpolate(frames, rolls, wanted), 0.0), window)


__all__ = ["interpolate", "moving_average", "steady_boxes", "steady_rolls"]
