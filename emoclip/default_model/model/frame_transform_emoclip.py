# SPDX-License-Identifier: Apache-2.0
"""Resizing and cropping of frames and of the masks that belong to them. Built on torch alone."""

from collections.abc import Sequence

import torch
from torch.nn.functional import interpolate


# Pillow's numbers, which processor files have always carried.
RESAMPLE_MODES = {0: "nearest-exact", 2: "bilinear", 3: "bicubic"}


def resized_sides(sides: tuple[int, int], size: dict[str, int]) -> tuple[int, int]:
    """Return height and width after resizing to `{"shortest_edge": n}` or `{"height": n, "width": m}`."""
    if "height" in size:
        return size["height"], size["width"]
    height, width = sides
    short, target = min(sides), size["shortest_edge"]
    # Rounded down, as torchvision and CLIP do.
    return target * height // short, target * width // short


def resize(frames: torch.Tensor, size: dict[str, int], resample: int, antialias: bool) -> torch.Tensor:
    """Resize frames (T, C, height, width); see `resized_sides`."""
    sides = resized_sides((frames.shape[-2], frames.shape[-1]), size)
    if tuple(frames.shape[-2:]) == sides:
        return frames
    # Channels last in memory is twice as fast for uint8; decoded frames come that way.
    return interpolate(frames, size=sides, mode=RESAMPLE_MODES[resample], antialias=antialias and resample != 0)


def center_crop(frames: torch.Tensor, crop_size: dict[str, int]) -> torch.Tensor:
    """Cut the middle out of frames (..., height, width).

    Raises:
        ValueError: If the frames are smaller than the crop.
    """
    height, width = frames.shape[-2:]
    crop_height, crop_width = crop_size["height"], crop_size["width"]
    if crop_height > height or crop_width > width:
        raise ValueError(
            f"`crop_size` must fit into the frames, got {crop_height}x{crop_width} for frames of {height}x{width}; "
            "set do_resize=True or a smaller crop."
        )
    top, left = round((height - crop_height) / 2), round((width - crop_width) / 2)
    return frames[..., top : top + crop_height, left : left + crop_width]


def draw_boxes(boxes: Sequence[Sequence[float]], source: tuple[int, int], sides: tuple[int, int]) -> torch.Tensor:
    """Return a mask of 0 and 1 of `sides` that is 1 inside any of the boxes.

    Boxes are `[x1, y1, x2, y2]` (further numbers, such as a score, are ignored) in pixels of the source frame; scaled to
    `sides`, the near corner is rounded down and the far one up, and they are cut at the border (EmotionCLIP
    `src/datasets`).

    Raises:
        ValueError: If a box has fewer than 4 numbers, is not finite or has its corners the wrong way round.
    """
    mask = torch.zeros(sides)
    scale = torch.tensor([sides[1] / source[1], sides[0] / source[0]] * 2, dtype=torch.float64)
    for box in boxes:
        corners = torch.as_tensor(box, dtype=torch.float64)
        whole = corners.ndim == 1 and len(corners) >= 4 and bool(corners[:4].isfinite().all())
        if not whole or corners[2] < corners[0] or corners[3] < corners[1]:
            raise ValueError(f"A box must be [x1, y1, x2, y2] with x1 <= x2 and y1 <= y2, got {box!r}.")
        # Rounded to a millionth of a pixel first: 3 * (1 / 3) must not become a pixel more.
        scaled = (corners[:4] * scale).round(decimals=6)
        left, top = (int(value) for value in scaled[:2].floor().clamp(min=0))
        right, bottom = (int(value) for value in scaled[2:].ceil().clamp(min=0))
        mask[top:bottom, left:right] = 1
    return mask


def check_boxes_inside(frames: Sequence[Sequence[Sequence[float]]], source: tuple[int, int]) -> None:
    """Check that the boxes of a clip belong to its frames: at least one of them must touch a frame of `source` (height, width).

    A subject may leave the picture for a while. Boxes that all lie outside are those of another picture, such as the one that was
    cropped, and would mark nobody.

    Raises:
        ValueError: If there are boxes, and all lie outside.
    """
    boxes = [box for frame in frames for box in frame if len(box) >= 4]
    height, width = source
    if boxes and not any(box[0] < width and box[1] < height and box[2] > 0 and box[3] > 0 for box in boxes):
        raise ValueError(
            f"Boxes must lie within their frames of {width} x {height} pixels, got {[float(x) for x in boxes[0][:4]]} and "
            "others that lie outside; they belong to another picture."
        )


def resize_masks(masks: torch.Tensor, sides: tuple[int, int]) -> torch.Tensor:
    """Resize masks (T, height, width) bilinearly and cut them at one half, to float 0 and 1."""
    if tuple(masks.shape[-2:]) == sides:
        return (masks.float() > 0.5).float()
    resized = interpolate(masks.float().unsqueeze(1), size=sides, mode="bilinear", antialias=True).squeeze(1)
    return (resized > 0.5).float()


__all__ = [
    "RESAMPLE_MODES",
    "center_crop",
    "check_boxes_inside",
    "draw_boxes",
    "resize",
    "resize_masks",
    "resized_sides",
]
