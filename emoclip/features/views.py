# SPDX-License-Identifier: Apache-2.0
"""Views of a clip: the versions of its frames that are embedded, as augmentation would draw them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from emoclip.data.augmentation import crop_frames, draw_angle, draw_corners, rotate_clip
from emoclip.data.clip_transform import RANDOM_CROPS, RandomCrop
from emoclip.data.clips import clip_generator
from modeling_emoclip import EmoCLIPVideoProcessor
from modeling_emoclip.frame_transform_emoclip import center_crop


@dataclass(frozen=True)
class FrameViews:
    """How many views of each clip are kept, and how they differ.

    View 0 is what evaluation sees. With `horizontal_flip` every view of an odd number is mirrored; every view but the first is
    rotated and cropped as drawn from (seed, clip, view). Mirroring alone has two views, and with both of them training sees what it
    would see without a store.

    Args:
        count: Number of views.
        horizontal_flip: Mirror every second view.
        rotation_degrees: Rotate by up to as much either way (EmoCLIP: 6).
        random_crop: Crop the `clip`, or every `frame`, at a random place instead of the middle.
        seed: Of what is drawn.

    Raises:
        ValueError: A value is out of its range, or there are more views than can differ.
    """

    count: int = 1
    horizontal_flip: bool = False
    rotation_degrees: float = 0.0
    random_crop: RandomCrop = "none"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"`count` of the views must be at least 1, got {self.count}.")
        if not 0 <= self.rotation_degrees <= 180:
            raise ValueError(f"`rotation_degrees` must be from 0 to 180, got {self.rotation_degrees}.")
        if self.random_crop not in RANDOM_CROPS:
            raise ValueError(f"`random_crop` must be one of {', '.join(RANDOM_CROPS)}, got {self.random_crop!r}.")
        if not self.is_drawn and self.count > 1 + self.horizontal_flip:
            raise ValueError(
                f"Without rotation and random crop only {1 + self.horizontal_flip} views differ, got count={self.count}; "
                "set rotation_degrees or random_crop, or fewer views."
            )

    @property
    def is_drawn(self) -> bool:
        """Whether views differ by more than mirroring."""
        return self.rotation_degrees > 0 or self.random_crop != "none"

    def draw(self, generator: torch.Generator) -> int:
        """Return the number of a view; mirroring alone draws as `ClipTransform.flips` does."""
        if self.count == 1:
            return 0
        if self.is_drawn:
            return int(torch.randint(self.count, (), generator=generator))
        return int(torch.rand((), generator=generator) < 0.5)


class ClipView:
    """One view of one clip, made of its frames piece by piece.

    Args:
        views: Of which this is one.
        number: Of this view, from 0.
        clip: A number that stands for the clip.
        video_processor: Crops and normalises.
    """

    def __init__(self, views: FrameViews, number: int, clip: int, video_processor: EmoCLIPVideoProcessor):
        self._views = views
        self._is_plain = number == 0
        self._is_mirrored = views.horizontal_flip and number % 2 == 1
        self._processor = video_processor
        self._generator = clip_generator(views.seed, number, clip)
        self._angle = 0.0
        if views.rotation_degrees and not self._is_plain:
            self._angle = draw_angle(views.rotation_degrees, self._generator)
        self._corner: tuple[int, int] | None = None

    def pixels(
        self, frames: torch.Tensor, subject_masks: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Turn the next resized frames (n, 3, h, w) of the clip, with masks (n, h, w), into the input of the image tower.

        With a random crop the frames come uncropped.
        """
        layers = [frames] if subject_masks is None else [frames, subject_masks.unsqueeze(1)]
        layers = self._cropped(layers)
        if self._is_mirrored:
            layers = [layer.flip(-1) for layer in layers]
        layers[0] = self._processor.normalize_frames(layers[0])
        layers = [rotate_clip(layer, self._angle) for layer in layers]
        return layers[0], None if subject_masks is None else layers[1].squeeze(1)

    def _cropped(self, layers: list[torch.Tensor]) -> list[torch.Tensor]:
        kind, size = self._views.random_crop, self._processor.crop_size
        if kind == "none":
            return layers  # the processor has cropped
        if self._is_plain:
            return [center_crop(layer, size) for layer in layers]
        crop, sides = (size["height"], size["width"]), (layers[0].shape[-2], layers[0].shape[-1])
        if kind == "frame":
            corners = draw_corners(len(layers[0]), sides, crop, self._generator, each_frame=True)
        else:
            self._corner = self._corner or draw_corners(1, sides, crop, self._generator, each_frame=False)[0]
            corners = [self._corner] * len(layers[0])
        return [crop_frames(layer, corners, crop) for layer in layers]


__all__ = ["ClipView", "FrameViews"]
