# SPDX-License-Identifier: Apache-2.0
"""An auxiliary loss for towers that start from random weights: which words does the caption of this clip hold?

Two small towers from scratch sit for long on a plateau, because the contrast teaches neither before the other has learned. Asking
each embedding by itself for the words of the caption gets both off it. The head is thrown away after training. Source of the idea:
Huang et al., Classification Done Right for Vision-Language Pre-Training (2024), whose target (sub-words of the caption, weighted by
inverse document frequency) is used here for the text embedding as well.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import nn


class WordPrediction(nn.Module):
    """Linear heads from the joint space to the vocabulary, one for clips and one for texts.

    Args:
        dim: width of the embeddings.
        token_weights: (vocabulary,), how much each token counts; 0 leaves it out. See `inverse_document_frequency`.
    """

    def __init__(self, dim: int, token_weights: torch.Tensor):
        super().__init__()
        self.video_head = nn.Linear(dim, len(token_weights))
        self.text_head = nn.Linear(dim, len(token_weights))
        self.token_weights: torch.Tensor
        self.register_buffer("token_weights", token_weights.float(), persistent=False)
        # Normalised embeddings have components of about dim ** -0.5; this brings them to the size a linear layer expects.
        self.scale = dim**0.5

    def forward(self, video_embeds: torch.Tensor, text_embeds: torch.Tensor, input_ids: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of both predictions against the caption's tokens, a scalar of shape ().

        Args:
            video_embeds: (B, D), normalised.
            text_embeds: (B, D), normalised.
            input_ids: (B, L), the captions' tokens.
        """
        target = self.target(input_ids)
        losses = [
            -(target * nn.functional.log_softmax(head(self.scale * embeds).float(), dim=-1)).sum(dim=-1).mean()
            for head, embeds in ((self.video_head, video_embeds), (self.text_head, text_embeds))
        ]
        return 0.5 * (losses[0] + losses[1])

    def target(self, input_ids: torch.Tensor) -> torch.Tensor:
        """(B, vocabulary): the weights of the tokens that occur, each once, scaled to sum 1; a row of zeros if none counts."""
        present = torch.zeros(len(input_ids), len(self.token_weights), device=input_ids.device)
        present.scatter_(1, input_ids, 1.0)
        weighted = present * self.token_weights
        return weighted / weighted.sum(dim=-1, keepdim=True).clamp(min=1e-6)


def inverse_document_frequency(
    token_lists: Iterable[Sequence[int]], vocab_size: int, special_ids: Iterable[int]
) -> torch.Tensor:
    """(vocab_size,): log of the share of texts with a token, negated; 0 for tokens that never occur and for special ones."""
    counts = torch.zeros(vocab_size)
    num_texts = 0
    for tokens in token_lists:
        counts[torch.tensor(sorted(set(tokens)))] += 1
        num_texts += 1
    weights = torch.where(counts > 0, torch.log((num_texts + 1) / counts.clamp(min=1)), 0.0)
    weights[torch.tensor(sorted(set(special_ids)))] = 0.0
    return weights


__all__ = ["WordPrediction", "inverse_document_frequency"]
