# SPDX-License-Identifier: Apache-2.0
"""Fields of the video processor: their names, and what they may hold."""

import math
from typing import Any, TypedDict

from .frame_transform_emoclip import RESAMPLE_MODES


FRAME_SAMPLING_RULES = ("emoclip", "emotionclip", "expclip_paper_code", "uniform")
RESIZE_DTYPES = ("uint8", "float32")
SIZE_FORMS = (("shortest_edge",), ("height", "width"))


class EmoCLIPVideoProcessorKwargs(TypedDict, total=False):
    """Fields of `EmoCLIPVideoProcessor`, see there."""

    num_frames: int
    frame_stride: int
    frame_sampling: str
    random_start: bool
    do_resize: bool
    size: dict[str, int] | int
    resample: int
    antialias: bool
    resize_dtype: str
    do_center_crop: bool
    crop_size: dict[str, int] | int
    do_rescale: bool
    rescale_factor: float
    do_normalize: bool
    image_mean: list[float]
    image_std: list[float]
    face_boxes: dict[str, list[float]]


def check_fields(values: dict[str, Any]) -> None:
    """Check the processor's fields and bring sizes and colours into one form, in place.

    Raises:
        ValueError: If a value is out of its range.
    """
    for name in ("num_frames", "frame_stride"):
        _check_positive_integer(values[name], name)
    for name, accepted in (
        ("frame_sampling", FRAME_SAMPLING_RULES),
        ("resize_dtype", RESIZE_DTYPES),
        ("resample", tuple(RESAMPLE_MODES)),
    ):
        if isinstance(values[name], bool) or values[name] not in accepted:
            raise ValueError(f"`{name}` must be one of {', '.join(map(str, accepted))}, got {values[name]!r}.")
    for name in ("random_start", "do_resize", "antialias", "do_center_crop", "do_rescale", "do_normalize"):
        if not isinstance(values[name], bool):
            raise ValueError(f"`{name}` must be True or False, got {values[name]!r}.")
    factor = values["rescale_factor"]
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor < math.inf:
        raise ValueError(f"`rescale_factor` must be a number greater than 0, got {factor!r}.")
    values["resample"] = int(values["resample"])  # Pillow's enumeration does not travel through JSON by every writer
    values["size"] = _as_size(values["size"], "size", SIZE_FORMS)
    values["crop_size"] = _as_size(values["crop_size"], "crop_size", SIZE_FORMS[1:])
    values["image_mean"] = _as_colour(values["image_mean"], "image_mean", minimum=-math.inf)
    values["image_std"] = _as_colour(values["image_std"], "image_std", minimum=0.0)
    values["face_boxes"] = _as_face_boxes(values["face_boxes"])
    _check_crop(values)


def _as_face_boxes(value: Any) -> dict[str, list[float]]:
    """Where the boxes of detectors lie in a picture, each as four shares of its sides."""
    if not isinstance(value, dict):
        raise ValueError(f"`face_boxes` must be a mapping detector -> [x1, y1, x2, y2], got {value!r}.")
    boxes = {}
    for name, box in value.items():
        entries = list(box) if isinstance(box, list | tuple) else []
        numbers = all(isinstance(entry, int | float) and not isinstance(entry, bool) for entry in entries)
        # A face may reach beyond its picture, but not be much larger.
        inside = numbers and len(entries) == 4 and all(-1 <= entry <= 2 for entry in entries)
        if not inside or entries[0] >= entries[2] or entries[1] >= entries[3]:
            raise ValueError(
                "`face_boxes` must hold x1 < x2 and y1 < y2 in shares of the picture's sides, got "
                f"{box!r} for {name!r}."
            )
        boxes[str(name)] = [float(entry) for entry in entries]
    return boxes


def _check_crop(values: dict[str, Any]) -> None:
    """Refuse a crop that no resized frame can hold."""
    size, crop = values["size"], values["crop_size"]
    short = size.get("shortest_edge")
    sides = (size.get("height", short), size.get("width", short))
    fits = max(crop.values()) <= sides[0] if short else crop["height"] <= sides[0] and crop["width"] <= sides[1]
    if values["do_resize"] and values["do_center_crop"] and not fits:
        what = f"the short side of {short}" if short else f"the size of {sides[0]}x{sides[1]}"
        got = max(crop.values()) if short else f"{crop['height']}x{crop['width']}"
        raise ValueError(f"`crop_size` must be at most {what}, got {got}; raise `size` as well.")


def _check_positive_integer(value: Any, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"`{name}` must be a whole number of at least 1, got {value!r}.")


def _as_size(value: Any, name: str, forms: tuple[tuple[str, ...], ...]) -> dict[str, int]:
    if isinstance(value, int) and not isinstance(value, bool):
        value = dict.fromkeys(forms[0], value)
    try:
        size = dict(value)
    except (TypeError, ValueError):
        size = {}
    keys = next((form for form in forms if set(form) == set(size)), None)
    if keys is None:
        accepted = " or ".join(", ".join(form) for form in forms)
        raise ValueError(f"`{name}` must be a whole number or have the keys {accepted}, got {value!r}.")
    for key in keys:
        _check_positive_integer(size[key], f"{name}[{key!r}]")
    return {key: size[key] for key in keys}


def _as_colour(value: Any, name: str, *, minimum: float) -> list[float]:
    entries = list(value) if isinstance(value, list | tuple) else []
    numbers = all(isinstance(entry, int | float) and not isinstance(entry, bool) for entry in entries)
    if len(entries) != 3 or not numbers or not all(minimum < entry < math.inf for entry in entries):
        rule = "3 numbers" if minimum == -math.inf else f"3 numbers greater than {minimum:g}"
        raise ValueError(f"`{name}` must be {rule}, got {value!r}.")
    return [float(entry) for entry in entries]


__all__ = ["FRAME_SAMPLING_RULES", "RESIZE_DTYPES", "EmoCLIPVideoProcessorKwargs", "check_fields"]
