# SPDX-License-Identifier: Apache-2.0
"""Contrasts whose targets are not the diagonal: the same text, or a similar one, is no negative.

EmoCLIP's class mode takes the diagonal as target although texts repeat, so that clips of one class push each other away. Here the
target of a row is spread evenly over all columns with its text, as in UniCL (Yang et al., Unified Contrastive Learning in Image-Text-
Label Space, CVPR 2022). With all texts different it is the contrast itself.
"""

import torch
from torch.nn.functional import log_softmax, normalize, softmax


def same_text_contrastive_loss(
    video_embeds: torch.Tensor, text_embeds: torch.Tensor, logit_scale: torch.Tensor, text_groups: torch.Tensor
) -> torch.Tensor:
    """Mean of the cross-entropies of both directions, a scalar of shape ().

    Args:
        video_embeds: (B, D), of any norm.
        text_embeds: (B, D), of any norm.
        logit_scale: the multiplier, already exponentiated.
        text_groups: (B,), the same number where the text is the same.
    """
    same = (text_groups[:, None] == text_groups[None, :]).to(video_embeds.dtype)
    return _symmetric_loss(video_embeds, text_embeds, logit_scale, same / same.sum(dim=-1, keepdim=True))


def similar_text_contrastive_loss(
    video_embeds: torch.Tensor,
    text_embeds: torch.Tensor,
    logit_scale: torch.Tensor,
    share: float,
    temperature: float = 0.1,
) -> torch.Tensor:
    """As `same_text_contrastive_loss`, but a share of every target is spread over all texts by how similar they are.

    Two captions of raised brows are no opposites because they belong to two clips. The similarities are the cosines of the text
    embeddings, through which no gradient flows, so that the texts cannot make their own task easier. Source of the idea: Gao et al.,
    SoftCLIP (AAAI 2024).

    Args:
        video_embeds: (B, D), of any norm.
        text_embeds: (B, D), of any norm.
        logit_scale: the multiplier, already exponentiated.
        share: of each target that is spread, from 0 (the contrast itself) to below 1.
        temperature: of the softmax over similarities; the lower, the more only the most similar texts get.
    """
    with torch.no_grad():
        texts = normalize(text_embeds, dim=-1)
        similar = softmax(texts @ texts.T / temperature, dim=-1)
        target = (1 - share) * torch.eye(len(texts), dtype=texts.dtype, device=texts.device) + share * similar
    return _symmetric_loss(video_embeds, text_embeds, logit_scale, target)


def _symmetric_loss(
    video_embeds: torch.Tensor, text_embeds: torch.Tensor, logit_scale: torch.Tensor, target: torch.Tensor
) -> torch.Tensor:
    """Mean of the cross-entropies of both directions against one target (B, B), whose rows sum to 1."""
    logits = logit_scale * normalize(video_embeds, dim=-1) @ normalize(text_embeds, dim=-1).T
    by_video = -(target * log_softmax(logits, dim=-1)).sum(dim=-1).mean()
    by_text = -(target * log_softmax(logits.T, dim=-1)).sum(dim=-1).mean()
    return 0.5 * (by_video + by_text)


__all__ = ["same_text_contrastive_loss", "similar_text_contrastive_loss"]
