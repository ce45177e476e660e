# SPDX-License-Identifier: Apache-2.0
"""What frame embeddings depend on beside the clips: weights, transform, kept frames, views, number format, code."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import torch

from modeling_emoclip import EmoCLIPVideoProcessor
from modeling_emoclip.video_encoder_emoclip import EmoCLIPPreTrainedModel

from .pieces import KeptFrames, grid_step
from .views import FrameViews


# Of the files; another one does not read these.
FORMAT = 1
_TOWER = ("vision_model.", "visual_projection.")
_VISION_FIELDS = ("hidden_act", "image_size", "layer_norm_eps", "num_attention_heads", "patch_size")
_TRANSFORM_FIELDS = (
    *("do_resize", "size", "resample", "antialias", "resize_dtype", "do_center_crop", "crop_size"),
    *("do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std"),
)
# The code between a file and its embeddings.
_MODULES = (
    *(f"modeling_emoclip.video_{name}_emoclip" for name in ("container", "damage", "decoding", "encoder", "sources")),
    *(
        f"modeling_emoclip.{name}_emoclip"
        for name in ("attention", "configuration", "frame_sampling", "frame_transform", "subject")
    ),
    "modeling_emoclip.video_processing_emoclip",
    *("emoclip.data.augmentation", "emoclip.data.media"),
    *(f"emoclip.features.{name}" for name in ("pieces", "tower", "views")),
)
# Libraries that decode files and run the tower.
_PACKAGES = ("av", "pillow", "torch", "transformers")


def store_identity(
    model: EmoCLIPPreTrainedModel,
    video_processor: EmoCLIPVideoProcessor,
    *,
    views: FrameViews,
    kept: KeptFrames,
    subject_masks: bool,
    dtype: torch.dtype | None,
    storage: str,
) -> dict[str, Any]:
    """Return everything that the embeddings of a clip depend on, as JSON takes it."""
    frames: dict[str, Any] = {"kept": kept, "step": grid_step(video_processor)}
    if kept == "window":
        frames |= {"rule": video_processor.frame_sampling, "num_frames": video_processor.num_frames}
    return {
        "format": FORMAT,
        "weights": weights_fingerprint(model),
        "autocast": None if dtype is None else str(dtype).removeprefix("torch."),
        "transform": {name: getattr(video_processor, name) for name in _TRANSFORM_FIELDS},
        "frames": frames,
        "views": asdict(views),
        "subject_masks": subject_masks,
        "storage": storage,
        "code": code_fingerprint(),
    }


def identity_key(identity: dict[str, Any]) -> str:
    """Return the name of the folder of a store, 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def weights_fingerprint(model: EmoCLIPPreTrainedModel) -> str:
    """SHA-256 of the image tower: its weights, bit by bit, and what its configuration adds to them."""
    vision = model.config.vision_config
    digest = hashlib.sha256()
    fields = {name: getattr(vision, name) for name in _VISION_FIELDS}
    fields |= {name: getattr(model.config, name) for name in ("subject_prompting", "subject_binary")}
    digest.update(json.dumps(fields, sort_keys=True).encode())
    for name, tensor in sorted(model.state_dict().items()):
        if name.startswith(_TOWER):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


@cache
def code_fingerprint(*further: str) -> str:
    """SHA-256 of the modules that turn a file into embeddings, and of the versions of the libraries that decode and run the tower.

    Args:
        further: Names of modules that what is kept depends on besides.
    """
    digest = hashlib.sha256()
    for name in (*_MODULES, *further):
        digest.update(Path(str(importlib.import_module(name).__file__)).read_bytes())
    for package in _PACKAGES:
        # Builds of one version for CPUs and for accelerators share a store.
        digest.update(f"{package} {importlib.metadata.version(package).partition('+')[0]}".encode())
    return digest.hexdigest()


__all__ = ["FORMAT", "code_fingerprint", "identity_key", "store_identity", "weights_fingerprint"]
