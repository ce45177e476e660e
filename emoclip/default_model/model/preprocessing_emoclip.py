# SPDX-License-Identifier: Apache-2.0
"""How each method prepared the frames its released weights were trained on: arguments of `EmoCLIPVideoProcessor`."""

from copy import deepcopy
from typing import Any


OPENAI_CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
OPENAI_CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
IMAGENET_MEAN = [0.485, 0.456, 0.406]
IMAGENET_STD = [0.229, 0.224, 0.225]

# Pillow's numbers of the filters.
BILINEAR, BICUBIC = 2, 3

# For frames of 224 pixels. Sources: EmoCLIP `DataLoaders/get_loader.py`; EmotionCLIP `src/datasets`; Exp-CLIP
# `dataloader/video_dataloader.py`.
PREPROCESSING_PRESETS: dict[str, dict[str, Any]] = {
    # Resizes a float tensor without averaging over source pixels, and lets bicubic overshoot the range.
    "emoclip": {
        "num_frames": 32,
        "frame_stride": 4,
        "frame_sampling": "emoclip",
        "size": {"shortest_edge": 224},
        "resample": BICUBIC,
        "antialias": False,
        "resize_dtype": "float32",
        "crop_size": {"height": 224, "width": 224},
        "image_mean": OPENAI_CLIP_MEAN,
        "image_std": OPENAI_CLIP_STD,
    },
    # Resizes by Pillow; ImageNet's colours although CLIP was trained on others.
    "emotionclip": {
        "num_frames": 8,
        "frame_sampling": "emotionclip",
        "size": {"shortest_edge": 256},
        "resample": BICUBIC,
        "antialias": True,
        "resize_dtype": "uint8",
        "crop_size": {"height": 224, "width": 224},
        "image_mean": IMAGENET_MEAN,
        "image_std": IMAGENET_STD,
    },
    # Squashes whatever the sides are, by Pillow; grey levels in [0, 1] are the input, without mean and deviation.
    "expclip": {
        "num_frames": 16,
        "frame_sampling": "uniform",
        "size": {"height": 224, "width": 224},
        "resample": BILINEAR,
        "antialias": True,
        "resize_dtype": "uint8",
        "do_center_crop": False,
        "do_normalize": False,
    },
}


def preprocessing_preset(method: str, image_size: int = 224) -> dict[str, Any]:
    """Arguments of `EmoCLIPVideoProcessor` for the weights of a method.

    Args:
        method: `"emoclip"`, `"emotionclip"` or `"expclip"`.
        image_size: side of the frames that the image tower takes, in pixels; sizes scale with it.

    Raises:
        ValueError: the method is not known, or the size is no whole number of at least 1.
    """
    if method not in PREPROCESSING_PRESETS:
        raise ValueError(f"`method` must be one of {', '.join(PREPROCESSING_PRESETS)}, got {method!r}.")
    if isinstance(image_size, bool) or not isinstance(image_size, int) or image_size < 1:
        raise ValueError(f"`image_size` must be a whole number of at least 1, got {image_size!r}.")
    fields = deepcopy(PREPROCESSING_PRESETS[method])
    for name in ("size", "crop_size"):
        if name in fields:
            fields[name] = {key: value * image_size // 224 for key, value in fields[name].items()}
    return fields


__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "OPENAI_CLIP_MEAN",
    "OPENAI_CLIP_STD",
    "PREPROCESSING_PRESETS",
    "preprocessing_preset",
]
