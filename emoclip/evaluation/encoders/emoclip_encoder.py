# SPDX-License-Identifier: Apache-2.0
"""Our own models as encoders: those that match texts, and those with a head for fixed classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from modeling_emoclip import EmoCLIPForVideoClassification, EmoCLIPModel, EmoCLIPProcessor, EmoCLIPVideoProcessor
from modeling_emoclip.prototypes_emoclip import PrototypeEncoder
from modeling_emoclip.text_classes_emoclip import Tree

from .base import Encoder, tensors_key


TEXTS_AT_ONCE = 64
CLIPS_AT_ONCE = 256


class _VideoEncoder(Encoder):
    """The video side, which both kinds of model share."""

    def __init__(self, model: Any, video_processor: EmoCLIPVideoProcessor, dtype: torch.dtype | None = None):
        super().__init__(model, video_processor, dtype)
        config = model.config
        self.needs_masks = config.subject_prompting != "none"
        tower = [
            (n, t) for n, t in model.state_dict().items() if n.startswith(("vision_model.", "visual_projection."))
        ]
        about = (config.vision_config.to_json_string(), config.subject_prompting, str(config.subject_binary))
        self.tower_key = tensors_key(tower, *about)

    def embed_frames(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Embeddings of the frames of a batch, see `Encoder`."""
        masks = batch.get("subject_masks")
        with torch.inference_mode(), self.autocast():
            return self.model.get_frame_features(
                batch["pixel_values_videos"].to(self.device), None if masks is None else masks.to(self.device)
            )

    def pool(self, frame_embeds: torch.Tensor, frame_mask: torch.Tensor) -> torch.Tensor:
        """Features of clips, see `Encoder`."""
        with torch.inference_mode(), self.autocast():
            output = self.model.get_video_features(
                frame_embeds=frame_embeds.to(self.device), frame_mask=frame_mask.to(self.device)
            )
        return output.pooler_output.float().cpu()


class EmoCLIPEncoder(_VideoEncoder):
    """A model that matches clips with any texts.

    Args:
        model: An `EmoCLIPModel` in evaluation mode.
        processor: Its own.
        dtype: Number format of its matrix products.
    """

    def __init__(self, model: EmoCLIPModel, processor: EmoCLIPProcessor, dtype: torch.dtype | None = None):
        super().__init__(model, processor.video_processor, dtype)
        self.processor = processor
        # Keeps the embedding of every text, so that a text in many prompt sets and folds is embedded once.
        self._prototypes = PrototypeEncoder(model, processor)

    def class_logits(self, features: torch.Tensor, classes: Sequence[Tree]) -> torch.Tensor:
        """Logits of classes, see `Encoder`."""
        named = {str(number): tree for number, tree in enumerate(classes)}
        with torch.inference_mode():
            with self.autocast():
                prototypes = self._prototypes.encode(named)
            return self.model.get_prototype_logits(features.to(self.device), prototypes).float().cpu()

    def embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Embeddings of texts, see `Encoder`."""
        parts = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            tokens = self.processor.tokenize(list(texts[start : start + TEXTS_AT_ONCE]))
            with torch.inference_mode(), self.autocast():
                output = self.model.get_text_features(
                    tokens["input_ids"].to(self.device), tokens["attention_mask"].to(self.device)
                )
            parts.append(output.pooler_output.float().cpu())
        return torch.cat(parts)


class HeadEncoder(_VideoEncoder):
    """A model with a head: its classes are those of its configuration, and texts play no part.

    Args:
        model: An `EmoCLIPForVideoClassification` in evaluation mode.
        video_processor: Its own.
        dtype: Number format of its matrix products.
    """

    def __init__(
        self,
        model: EmoCLIPForVideoClassification,
        video_processor: EmoCLIPVideoProcessor,
        dtype: torch.dtype | None = None,
    ):
        super().__init__(model, video_processor, dtype)
        labels: dict[Any, str] = dict(model.config.id2label or {})
        self.class_names = [labels[number] for number in sorted(labels)]

    def class_logits(self, features: torch.Tensor, classes: Sequence[Tree]) -> torch.Tensor:
        """Logits of classes, see `Encoder`."""
        with torch.inference_mode():
            parts = [self.model.classifier(part.to(self.device)) for part in features.split(CLIPS_AT_ONCE)]
        return torch.cat(parts).float().cpu()

    def embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """There is none.

        Raises:
            ValueError: Always.
        """
        raise ValueError("A model with a head for fixed classes has no text tower; choose a model that matches texts.")


__all__ = ["EmoCLIPEncoder", "HeadEncoder"]
