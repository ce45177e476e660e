# SPDX-License-Identifier: Apache-2.0
"""Zero-shot recognition: the features of clips against the texts of classes. Source of the rule: EmoCLIP's `eval.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from emoclip.evaluation.clip_features import ClipFeatures, PassOptions, encode_features
from emoclip.evaluation.encoders import EmoCLIPEncoder, Encoder
from emoclip.precision import autocast_dtype
from modeling_emoclip.text_classes_emoclip import Prompt, Tree


if TYPE_CHECKING:
    import datasets

    from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor


def predict(
    model: EmoCLIPModel,
    processor: EmoCLIPProcessor,
    rows: datasets.Dataset,
    class_texts: Sequence[str],
    *,
    batch_size: int = 16,
    num_workers: int = 0,
    dtype: torch.dtype | None = None,
) -> tuple[np.ndarray, ClipFeatures]:
    """Scores of each class for each clip: float32 (clips, classes), rows sum to 1; and the clips' features.

    Args:
        model: In evaluation mode.
        processor: The model's own.
        rows: Of a manifest, as `emoclip.data.load` gives them.
        class_texts: One text per class.
        batch_size: Clips at once through the model.
        num_workers: Processes that decode.
        dtype: Number format of the towers; None is float32.

    Raises:
        ValueError: If no clip could be decoded.
    """
    encoder = EmoCLIPEncoder(model, processor, dtype)
    options = PassOptions(batch_size, num_workers)
    clips = encode_features({"model": encoder}, rows, range(len(rows)), options=options)["model"]
    return class_scores(encoder, clips.values, [Prompt(text) for text in class_texts]), clips


def class_scores(encoder: Encoder, features: torch.Tensor, classes: Sequence[Tree]) -> np.ndarray:
    """Softmax over classes of the encoder's logits: float32 (clips, classes).

    Args:
        encoder: The model.
        features: (clips, F), as it gives them.
        classes: One tree of texts per class.
    """
    return torch.softmax(encoder.class_logits(features, classes).float(), dim=-1).numpy()


def choose_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """Number format for `precision`: `auto`, `float32` or `bfloat16`; None means float32 without autocast."""
    return {"auto": autocast_dtype(device), "float32": None, "bfloat16": torch.bfloat16}[precision]


__all__ = ["choose_dtype", "class_scores", "predict"]
