# SPDX-License-Identifier: Apache-2.0
"""X-CLIP (Ni et al., ECCV 2022), the baseline of Exp-CLIP and EmotionCLIP, through transformers.

Its texts are changed by what is seen in the video, so that a class has no fixed vector. What is kept of a clip is therefore its
embedding and, behind it in one row, the visual tokens that the text prompts look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn.functional import normalize

from modeling_emoclip import EmoCLIPVideoProcessor
from modeling_emoclip.text_classes_emoclip import Compound, Ensemble, Prompt, Tree, texts_of

from .base import Encoder, tensors_key


CLIPS_AT_ONCE = 32


class XCLIPEncoder(Encoder):
    """An X-CLIP model.

    Args:
        model: An `XCLIPModel` in evaluation mode.
        tokenizer: Its own.
        video_processor: Gives it as many frames as it was made for.
        dtype: Number format of its matrix products.
    """

    def __init__(
        self, model: Any, tokenizer: Any, video_processor: EmoCLIPVideoProcessor, dtype: torch.dtype | None = None
    ):
        super().__init__(model, video_processor, dtype)
        self.tokenizer = tokenizer
        self.width: int = model.config.projection_dim
        self.num_frames: int = model.config.vision_config.num_frames
        self.tower_key = tensors_key(model.state_dict().items(), model.config.to_json_string())
        self._texts: dict[str, torch.Tensor] = {}

    def embed_frames(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """The clip's embedding and its visual tokens, one after the other, as a sequence of one: (B, 1, (1 + tokens) * D)."""
        pixels = batch["pixel_values_videos"].to(self.device)
        if pixels.shape[1] < self.num_frames:
            # Stills are shorter than the model wants; the last frame stands.
            last = pixels[:, -1:].expand(-1, self.num_frames - pixels.shape[1], -1, -1, -1)
            pixels = torch.cat([pixels, last], dim=1)
        size = pixels.shape[:2]
        model = self.model
        with torch.inference_mode(), self.autocast():
            vision = model.vision_model(pixel_values=pixels.flatten(0, 1))
            frames = model.visual_projection(vision.pooler_output).view(*size, -1)
            video = model.mit(frames).pooler_output
            tokens = model.prompts_visual_layernorm(vision.last_hidden_state[:, 1:]) @ model.prompts_visual_projection
            tokens = tokens.view(*size, -1, self.width).mean(dim=1)
        return torch.cat([video.unsqueeze(1), tokens], dim=1).flatten(1).unsqueeze(1)

    def pool(self, frame_embeds: torch.Tensor, frame_mask: torch.Tensor) -> torch.Tensor:
        """Features of clips, see `Encoder`."""
        return frame_embeds[:, 0].float().cpu()

    def clip_embeds(self, features: torch.Tensor) -> torch.Tensor:
        """The clips' embeddings without the visual tokens."""
        return features[:, : self.width]

    def class_logits(self, features: torch.Tensor, classes: Sequence[Tree]) -> torch.Tensor:
        """Logits of classes, see `Encoder`."""
        texts = [text for tree in classes for text in texts_of(tree)]
        embeds = dict(zip(texts, self.embed_texts(texts), strict=True))
        leaves, spans = [], []
        for tree in classes:
            vectors = _leaves(tree, embeds)
            spans.append(len(vectors))
            leaves.extend(vectors)
        logits = self._text_logits(features, torch.stack(leaves))
        # An ensemble's logit is the mean of its parts', whichever average is asked for: its texts have no common vector.
        return torch.stack([part.mean(dim=1) for part in logits.split(spans, dim=1)], dim=1)

    def embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Embeddings of texts, see `Encoder`."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._texts]
        if missing:
            limit = self.model.config.text_config.max_position_embeddings
            tokens = self.tokenizer(missing, padding=True, truncation=True, max_length=limit, return_tensors="pt")
            with torch.inference_mode(), self.autocast():
                output = self.model.get_text_features(
                    input_ids=tokens["input_ids"].to(self.device),
                    attention_mask=tokens["attention_mask"].to(self.device),
                )
            self._texts.update(zip(missing, output.pooler_output.float().cpu(), strict=True))
        return torch.stack([self._texts[text] for text in texts])

    def _text_logits(self, features: torch.Tensor, text_embeds: torch.Tensor) -> torch.Tensor:
        """Logits of every clip with every text, the texts seen in the light of the clip: (clips, texts)."""
        parts = []
        scale = self.model.logit_scale.detach().exp().float().cpu()
        for chunk in features.split(CLIPS_AT_ONCE):
            rows = chunk.float().unflatten(1, (-1, self.width)).to(self.device)
            texts = text_embeds.to(self.device).unsqueeze(0).expand(len(rows), -1, -1)
            with torch.inference_mode(), self.autocast():
                texts = texts + self.model.prompts_generator(texts, rows[:, 1:])
            cosines = torch.einsum("bd,bkd->bk", normalize(rows[:, 0], dim=-1), normalize(texts.float(), dim=-1))
            parts.append(scale * cosines.cpu())
        return torch.cat(parts)


def _leaves(tree: Tree, embeds: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
    """The text embeddings whose logits are averaged for a class; a compound is one of them."""
    if isinstance(tree, Prompt):
        return [embeds[tree.text]]
    if isinstance(tree, Ensemble):
        return [leaf for part in tree.parts for leaf in _leaves(part, embeds)]
    return [_mean(tree, embeds)]


def _mean(tree: Compound, embeds: Mapping[str, torch.Tensor]) -> torch.Tensor:
    weights = torch.tensor(tree.weights)
    parts = torch.stack([torch.stack(_leaves(part, embeds)).mean(dim=0) for part in tree.parts])
    return (weights[:, None] * parts).sum(dim=0) / weights.sum()


__all__ = ["XCLIPEncoder"]
