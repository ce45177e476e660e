# SPDX-License-Identifier: Apache-2.0
"""What evaluation asks of a model, whatever its kind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from modeling_emoclip import EmoCLIPVideoProcessor
from modeling_emoclip.text_classes_emoclip import Tree


class Encoder:
    """A model, taken apart where results can be kept: frames, features of a clip, logits.

    Args:
        model: In evaluation mode.
        video_processor: Makes its frames.
        dtype: Number format of its matrix products; None is the weights' own.

    Attributes:
        tower_key: Encoders with equal keys and processors give equal frame embeddings.
        needs_masks: Whether frames come with masks of the subject.
        class_names: Classes that the model is bound to; None where any text can be a class.
    """

    needs_masks = False
    class_names: Sequence[str] | None = None

    def __init__(self, model: Any, video_processor: EmoCLIPVideoProcessor, dtype: torch.dtype | None = None):
        self.model = model
        self.video_processor = video_processor
        self.dtype = dtype
        self.tower_key = ""

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return next(self.model.parameters()).device

    def embed_frames(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Embeddings of the frames of a batch of `collate_clips`: (B, T, W)."""
        raise NotImplementedError

    def pool(self, frame_embeds: torch.Tensor, frame_mask: torch.Tensor) -> torch.Tensor:
        """Features of clips: float32 (B, F) on the CPU, before normalisation."""
        raise NotImplementedError

    def class_logits(self, features: torch.Tensor, classes: Sequence[Tree]) -> torch.Tensor:
        """Logits of classes: float32 (clips, classes) on the CPU.

        Args:
            features: (clips, F), as `pool` gives them.
            classes: One tree of texts per class.
        """
        raise NotImplementedError

    def embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Embeddings of texts: float32 (N, D) on the CPU, before normalisation.

        Raises:
            ValueError: If the model has no text tower.
        """
        raise NotImplementedError

    def clip_embeds(self, features: torch.Tensor) -> torch.Tensor:
        """The part of the features that cosines with texts are taken of: (clips, D)."""
        return features

    def autocast(self) -> AbstractContextManager:
        """Within this block matrix products run in the encoder's number format."""
        return nullcontext() if self.dtype is None else torch.autocast(self.device.type, dtype=self.dtype)


def features_of(encoder: Encoder, batch: Mapping[str, Any]) -> torch.Tensor:
    """Features of a batch of clips: float32 (B, F)."""
    return encoder.pool(encoder.embed_frames(batch), batch["frame_mask"])


def tensors_key(tensors: Iterable[tuple[str, torch.Tensor]], *settings: str) -> str:
    """A checksum of named weights and of the settings that decide what they compute."""
    digest = hashlib.sha256("\n".join(settings).encode())
    for name, tensor in sorted(tensors):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


__all__ = ["Encoder", "features_of", "tensors_key"]
