# SPDX-License-Identifier: Apache-2.0
"""Frame embeddings of a frozen image tower for training, from the store on disk."""

from typing import TYPE_CHECKING, Any

import torch

from emoclip.features import FrameFeatureStore, FrameViews, frame_features
from emoclip.training.config import DataConfig


if TYPE_CHECKING:
    import datasets

    from modeling_emoclip import EmoCLIPVideoProcessor

_DTYPES = {"no": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def frozen_features(
    config: DataConfig,
    rows: "datasets.Dataset",
    model: Any,
    video_processor: "EmoCLIPVideoProcessor",
    *,
    precision: str,
    show_progress: bool = True,
) -> FrameFeatureStore:
    """The embeddings of all clips, computed now where they are not there yet; every process calls it and does a share.

    Args:
        config: says where, and which versions of the frames.
        rows: of the run.
        model: on its device, without wrappers.
        video_processor: of the model.
        precision: of training, `no`, `bf16` or `fp16`: the embeddings are those that training would compute.
        show_progress: draw a bar.
    """
    settings = feature_settings(config, precision)
    return frame_features(rows, model, video_processor, config.features_dir, show_progress=show_progress, **settings)


def feature_settings(config: DataConfig, precision: str) -> dict[str, Any]:
    """How frames are embedded and kept, as `frame_features` takes it."""
    return {
        "views": feature_views(config),
        "subject_masks": config.subject_masks,
        "dtype": _DTYPES[precision],
        "storage": config.feature_storage,
        "num_workers": config.num_workers,
    }


def feature_views(config: DataConfig) -> FrameViews:
    """The versions of each frame; drawn without the run's seed, so that all runs share them."""
    return FrameViews(
        config.feature_views or 1 + config.horizontal_flip,
        horizontal_flip=config.horizontal_flip,
        rotation_degrees=config.rotation_degrees,
        random_crop=config.random_crop,
    )


__all__ = ["feature_settings", "feature_views", "frozen_features"]
