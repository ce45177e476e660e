# SPDX-License-Identifier: Apache-2.0
"""From a row of a table to what the model takes: decoding, sampling, augmentation and normalising of one clip."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch

from modeling_emoclip import EmoCLIPVideoProcessor

from .augmentation import crop_frames, draw_angle, draw_corners, rotate_clip
from .media import clip_source


RandomCrop = Literal["none", "clip", "frame"]
RANDOM_CROPS: tuple[RandomCrop, ...] = ("none", "clip", "frame")


class ClipTransform:
    """Makes `pixel_values_videos` (T, 3, H, W) float32, `frame_mask` (T,) bool and, on request, `subject_masks` (T, H, W).

    What is drawn at random depends on the generator alone, in this order: frames, crop, angle, mirror. The angle is turned after
    normalising and before mirroring, as EmoCLIP does (`DataLoaders/get_loader.py`); crops are EmotionCLIP's
    (`src/datasets/youtube.py`). Masks of the subject go through the same crop, angle and mirror as the pixels.

    Args:
        video_processor: samples, resizes and normalises the frames.
        training: draw the frame window and the augmentations at random; otherwise all is deterministic.
        horizontal_flip: in training, mirror half of the clips, each as a whole.
        rotation_degrees: in training, rotate each clip as a whole by up to as much either way (EmoCLIP: 6).
        random_crop: in training, crop `clip`s or every `frame` (EmotionCLIP) at a random place instead of the middle.
        subject_masks: also give the masks of the subject, from the boxes of the row.

    Raises:
        ValueError: `random_crop` is none of its values, or the processor does not crop.
    """

    def __init__(
        self,
        video_processor: EmoCLIPVideoProcessor,
        *,
        training: bool = False,
        horizontal_flip: bool = False,
        rotation_degrees: float = 0.0,
        random_crop: RandomCrop = "none",
        subject_masks: bool = False,
    ):
        if random_crop not in RANDOM_CROPS:
            raise ValueError(f"`random_crop` must be one of {', '.join(RANDOM_CROPS)}, got {random_crop!r}.")
        if random_crop != "none" and not video_processor.do_center_crop:
            raise ValueError("`random_crop` needs a processor that crops, got do_center_crop=False; turn it on.")
        self.video_processor = video_processor
        self.training = training
        self.horizontal_flip = horizontal_flip and training
        self.rotation_degrees = rotation_degrees if training else 0.0
        self.random_crop: RandomCrop = random_crop if training else "none"
        self.subject_masks = subject_masks
        self._loader = video_processor
        if self.random_crop != "none":
            self._loader = copy.copy(video_processor)
            self._loader.do_center_crop = False

    def __call__(self, row: Mapping[str, Any], generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Make the input of one clip.

        Args:
            row: columns of a table, see `emoclip.data.media`; `boxes` where masks are wanted.
            generator: source of the randomness.

        Raises:
            FileNotFoundError: the file is not there.
            VideoDecodeError: the clip cannot be decoded.
            ValueError: the clip does not fit the processor, such as one smaller than the crop.
        """
        source, stretch = clip_source(row)
        loaded = self._loader.load_clip(
            source, training=self.training, generator=generator, stretch=stretch, subject_boxes=self._boxes(row)
        )
        return self.finish(loaded.frames, loaded.frame_mask, generator, loaded.subject_masks)

    def finish(
        self,
        frames: torch.Tensor,
        frame_mask: torch.Tensor,
        generator: torch.Generator,
        subject_masks: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Augment and normalise sampled frames (T, 3, h, w) and the masks (T, h, w) that lie on them."""
        layers = [frames] if subject_masks is None else [frames, subject_masks.unsqueeze(1)]
        layers = self._cropped(layers, generator)
        layers[0] = self.video_processor.normalize_frames(layers[0])
        if self.rotation_degrees:
            angle = draw_angle(self.rotation_degrees, generator)
            layers = [rotate_clip(layer, angle) for layer in layers]
        if self.flips(generator):
            layers = [layer.flip(-1) for layer in layers]
        item = {"pixel_values_videos": layers[0], "frame_mask": frame_mask}
        if subject_masks is not None:
            item["subject_masks"] = layers[1].squeeze(1)
        return item

    def flips(self, generator: torch.Generator) -> bool:
        """Draw whether a clip is mirrored."""
        return self.horizontal_flip and bool(torch.rand((), generator=generator) < 0.5)

    def _boxes(self, row: Mapping[str, Any]) -> list[Any] | None:
        """Of each frame the list of its boxes, or one empty list where nobody is marked; `None` where no mask is wanted."""
        if not self.subject_masks:
            return None
        boxes = row.get("boxes")
        return [_split_boxes(frame) for frame in boxes] if boxes else [[]]

    def _cropped(self, layers: list[torch.Tensor], generator: torch.Generator) -> list[torch.Tensor]:
        if self.random_crop == "none":
            return layers
        crop = (self.video_processor.crop_size["height"], self.video_processor.crop_size["width"])
        height, width = layers[0].shape[-2:]
        each_frame = self.random_crop == "frame"
        corners = draw_corners(len(layers[0]), (height, width), crop, generator, each_frame=each_frame)
        return [crop_frames(layer, corners, crop) for layer in layers]


def _split_boxes(numbers: Sequence[float]) -> list[Sequence[float]]:
    """The boxes of a frame, four numbers each: of one person, or of all that are seen."""
    return [numbers[first : first + 4] for first in range(0, len(numbers), 4)]


__all__ = ["RANDOM_CROPS", "ClipTransform", "RandomCrop"]
