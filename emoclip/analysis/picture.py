# SPDX-License-Identifier: Apache-2.0
"""What passes from decoding to the model: single pictures of a person, or whole frames, each with its time."""

from __future__ import annotations

from dataclasses import dataclass

import torch


# Stands for the whole frame, and for stretches in which nobody is seen.
NOBODY = 0


@dataclass(frozen=True)
class FaceLook:
    """How well a face can be read in a frame.

    Args:
        quality: The parts below taken together, 0 to 1.
        size: Longer side of the face's box in pixels of the video.
        sharpness: 0 blurred to 1 sharp.
        frontality: 0 profile to 1 facing the camera.
        found: Found by the detector in this very frame, not between two frames where it was.
        by_colour: The person is the same as before a cut or a long absence by colours alone.
    """

    quality: float
    size: float
    sharpness: float
    frontality: float
    found: bool = True
    by_colour: bool = False


@dataclass(frozen=True)
class Picture:
    """One person in one frame.

    Args:
        person: From 1 in the order of appearance, or `NOBODY` for the whole frame.
        seconds: Presentation time.
        frame: Number of the frame in its video.
        pixels: What the model sees before normalisation, (3, height, width) in grey levels.
        look: Of the face; `None` for a whole frame.
        subject: Where the person is, (height, width) of 0 and 1, for models that prompt by subject.
    """

    person: int
    seconds: float
    frame: int
    pixels: torch.Tensor
    look: FaceLook | None = None
    subject: torch.Tensor | None = None


@dataclass(frozen=True)
class Embedded:
    """A picture after the image tower.

    Args:
        embed: (dim,), CLIP's space, not normalised.
        frame: Number of the frame in its video.
        look: Of the face.
    """

    embed: torch.Tensor
    frame: int = 0
    look: FaceLook | None = None


__all__ = ["NOBODY", "Embedded", "FaceLook", "Picture"]
