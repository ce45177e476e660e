# SPDX-License-Identifier: Apache-2.0
"""How a face that was found is cut out for the model: framed as in the pictures that the model was trained on.

A model reads badly what is framed otherwise. The processor's field `face_boxes` says where a detector's box lies in the
training pictures; without it the box with a margin fills the picture, as data sets of faces are usually cropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from emoclip.data.faces.alignment import similarity, warp
from emoclip.data.faces.face import Box
from modeling_emoclip.frame_transform_emoclip import center_crop, draw_boxes, resized_sides


# Share of the box that is added on every side; what `data_scripts/crop_faces.py` cuts by default.
MARGIN = 0.3
ANY_DETECTOR = "any"


def framing(face_boxes: Mapping[str, Any] | None, detector: str) -> Box:
    """Return where the box of a face lies in the model's pictures, x1, y1, x2, y2 in shares of the sides.

    Args:
        face_boxes: The processor's field: name of a detector, or `any`, -> such a box.
        detector: Boxes of one detector are wider than those of another.
    """
    known = face_boxes or {}
    left, top, right, bottom = known.get(detector) or known.get(ANY_DETECTOR) or _with_margin(MARGIN)
    return float(left), float(top), float(right), float(bottom)


def framing_matrix(box: Box, roll: float, frame_box: Box, side: int) -> np.ndarray:
    """Return the (2, 3) matrix from pixels of the frame to those of the picture.

    The middles of the two boxes meet, their longer sides become equal, and the line through the eyes level.

    Args:
        box: Of the face in the frame, in pixels.
        roll: Degrees.
        frame_box: Where it goes, see `framing`.
        side: Of the picture in pixels.
    """
    left, top, right, bottom = box
    share = max(frame_box[2] - frame_box[0], frame_box[3] - frame_box[1])
    matrix = similarity(((left + right) / 2, (top + bottom) / 2), max(right - left, bottom - top) / share, roll, side)
    matrix[0, 2] += ((frame_box[0] + frame_box[2]) / 2 - 0.5) * side
    matrix[1, 2] += ((frame_box[1] + frame_box[3]) / 2 - 0.5) * side
    return matrix


def picture_side(video_processor: Any, image_size: int) -> int:
    """Return the side of a square picture that the processor need not resize.

    Args:
        video_processor: Of the model.
        image_size: Of the model's image tower, for processors that resize nothing.
    """
    if not video_processor.do_resize:
        return image_size
    size = video_processor.size
    return size.get("shortest_edge") or max(size["height"], size["width"])


def cut_picture(cv2: Any, frame: np.ndarray, matrix: np.ndarray, side: int, video_processor: Any) -> torch.Tensor:
    """Return what the model sees of a face before normalisation, (3, height, width).

    Args:
        cv2: The module.
        frame: uint8 RGB (height, width, 3).
        matrix: From the frame to the picture.
        side: Of the picture.
        video_processor: Of the model.
    """
    picture = torch.from_numpy(warp(cv2, frame, matrix, side, replicate=True)).permute(2, 0, 1)
    return video_processor.resize_frames(picture[None])[0]


def subject_picture(frame: torch.Tensor, box: Box, video_processor: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a whole frame as the model sees it and where the person is, for models that prompt by subject.

    Such models were trained on whole frames with the boxes of persons. From a face's box the person's is guessed: three times as
    wide, from half a face above it to six below.

    Args:
        frame: uint8 (3, height, width).
        box: Of the face, in pixels.
        video_processor: Of the model.

    Returns:
        (3, h, w) in grey levels and (h, w) of 0 and 1.
    """
    source = (frame.shape[-2], frame.shape[-1])
    width, height = box[2] - box[0], box[3] - box[1]
    person = (box[0] - width, box[1] - 0.5 * height, box[2] + width, min(source[0], box[3] + 6 * height))
    sides = resized_sides(source, video_processor.size) if video_processor.do_resize else source
    mask = draw_boxes([person], source, sides)
    if video_processor.do_center_crop:
        mask = center_crop(mask, video_processor.crop_size)
    return video_processor.resize_frames(frame[None])[0], mask.contiguous()


def _with_margin(margin: float) -> Box:
    near = margin / (1 + 2 * margin)
    return near, near, 1 - near, 1 - near


__all__ = ["ANY_DETECTOR", "MARGIN", "cut_picture", "framing", "framing_matrix", "picture_side", "subject_picture"]
