# SPDX-License-Identifier: Apache-2.0
"""Models of transformers that are no EmoCLIP: plain CLIP and X-CLIP, with the frames that they take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoTokenizer, CLIPModel, XCLIPModel

from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor, EmoCLIPVideoProcessor
from modeling_emoclip.preprocessing_emoclip import IMAGENET_MEAN, IMAGENET_STD


# Fields of an image processor's file that mean the same in ours.
_IMAGE_FIELDS = (
    "size",
    "crop_size",
    "resample",
    "do_resize",
    "do_center_crop",
    "do_normalize",
    "image_mean",
    "image_std",
)


def model_kind(name: str | Path) -> tuple[str, list[str]]:
    """The `model_type` of a folder or Hub id and the classes it was saved by; empty where no configuration can be read."""
    from transformers import PreTrainedConfig

    try:
        fields, _ = PreTrainedConfig.get_config_dict(name)
    except OSError:
        return "", []
    return str(fields.get("model_type") or ""), list(fields.get("architectures") or [])


def load_plain_clip(name: str | Path) -> tuple[EmoCLIPModel, EmoCLIPProcessor]:
    """CLIP as the baseline of the papers: every frame embedded by itself, then the mean (or, by `pooling`, the middle frame).

    Raises:
        ValueError: If the folder has no tokenizer.
    """
    model = EmoCLIPModel.from_clip(CLIPModel.from_pretrained(name), temporal_config={"pooling": "mean"})
    video_processor = EmoCLIPVideoProcessor.from_config(model.config)
    return model.eval(), EmoCLIPProcessor(_with_image_fields(video_processor, name), _tokenizer(name))


def load_xclip(name: str | Path) -> tuple[XCLIPModel, Any, EmoCLIPVideoProcessor]:
    """X-CLIP with its tokenizer, and a video processor that gives it its number of frames, evenly spread.

    Raises:
        ValueError: If the folder has no tokenizer.
    """
    config: Any = AutoConfig.from_pretrained(name)
    side = config.vision_config.image_size
    video_processor = EmoCLIPVideoProcessor(
        num_frames=config.vision_config.num_frames,
        frame_sampling="uniform",
        size={"shortest_edge": side},
        crop_size={"height": side, "width": side},
        image_mean=IMAGENET_MEAN,
        image_std=IMAGENET_STD,
    )
    model = XCLIPModel.from_pretrained(name).eval()
    return model, _tokenizer(name), _with_image_fields(video_processor, name)


def _tokenizer(name: str | Path) -> Any:
    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ValueError(f"A model must come with its tokenizer, got none in {name}; copy its files there.") from error


def _with_image_fields(video_processor: EmoCLIPVideoProcessor, name: str | Path) -> EmoCLIPVideoProcessor:
    """The processor with what the model's own image processor says, where there is one."""
    from transformers.image_processing_base import ImageProcessingMixin

    try:
        fields, _ = ImageProcessingMixin.get_image_processor_dict(name)
    except OSError:
        return video_processor
    ours = {key: getattr(video_processor, key) for key in type(video_processor).valid_kwargs.__annotations__}
    for key in _IMAGE_FIELDS:
        if fields.get(key) is not None:
            ours[key] = fields[key]
    # Older files give a single number where a mapping is meant.
    if isinstance(ours["size"], int):
        ours["size"] = {"shortest_edge": ours["size"]}
    if isinstance(ours["crop_size"], int):
        ours["crop_size"] = {"height": ours["crop_size"], "width": ours["crop_size"]}
    return EmoCLIPVideoProcessor(**ours)


__all__ = ["load_plain_clip", "load_xclip", "model_kind"]
