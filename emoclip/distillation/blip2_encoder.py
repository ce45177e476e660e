# SPDX-License-Identifier: Apache-2.0
"""BLIP-2 Flan-T5 up to the last layer of the LLM's encoder; the decoder, half of the weights, is never loaded.

The original calls its generation with a stubbed decoder and reads the encoder's output by a hook; one call of the encoder is the
same. Source: Exp-CLIP `models/BLIP2_T5.py`.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from transformers import (
    Blip2Config,
    Blip2PreTrainedModel,
    Blip2QFormerConfig,
    Blip2QFormerModel,
    Blip2VisionConfig,
    Blip2VisionModel,
    T5Config,
    T5EncoderModel,
)


class Blip2Encoder(Blip2PreTrainedModel):
    """Pictures and an embedded instruction to the LLM encoder's states; loads the folders of `Blip2ForConditionalGeneration`.

    Args:
        config: Of BLIP-2 with a T5.
    """

    _keys_to_ignore_on_load_unexpected = [r"^language_model\.(decoder|lm_head)\."]  # noqa: RUF012 - the form transformers reads
    _keep_in_fp32_modules = ["query_tokens", "qformer"]  # noqa: RUF012 - as transformers keeps them in BLIP-2

    def __init__(self, config: Blip2Config):
        super().__init__(config)
        self.vision_model = Blip2VisionModel(cast(Blip2VisionConfig, config.vision_config))
        qformer = cast(Blip2QFormerConfig, config.qformer_config)
        self.query_tokens = nn.Parameter(torch.zeros(1, config.num_query_tokens, qformer.hidden_size))
        self.qformer = Blip2QFormerModel(qformer)
        text = cast(T5Config, config.text_config)
        self.language_projection = nn.Linear(qformer.hidden_size, text.d_model)
        self.language_model = T5EncoderModel(text)
        self.post_init()

    def soft_tokens(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """The picture as the LLM reads it: (B, queries, D) from (B, 3, height, width)."""
        pixel_values = pixel_values.to(self.vision_model.embeddings.class_embedding.dtype)
        patches = self.vision_model(pixel_values=pixel_values, return_dict=True).last_hidden_state
        # Without a mask: every patch counts.
        queries = self.qformer(
            query_embeds=self.query_tokens.expand(len(patches), -1, -1),
            encoder_hidden_states=patches,
            return_dict=True,
        ).last_hidden_state
        return self.language_projection(queries.to(self.language_projection.weight.dtype))

    def encode(self, soft_tokens: torch.Tensor, instruction: torch.Tensor) -> torch.Tensor:
        """States behind the encoder's last norm, (B, queries + W, D).

        Args:
            soft_tokens: (B, queries, D), the picture.
            instruction: (W, D), embedded by `word_embedding`.
        """
        words = instruction.to(soft_tokens).expand(len(soft_tokens), -1, -1)
        encoder: Any = self.language_model.encoder
        return encoder(inputs_embeds=torch.cat([soft_tokens, words], dim=1), return_dict=True).last_hidden_state

    @property
    def word_embedding(self) -> nn.Module:
        """The LLM's embedding of tokens."""
        return self.language_model.shared


__all__ = ["Blip2Encoder"]
