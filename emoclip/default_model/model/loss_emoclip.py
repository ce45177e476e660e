# SPDX-License-Identifier: Apache-2.0
"""Loss functions over embeddings: pure, without state, in float32 whatever the autocast."""

import torch
from torch import nn


def contrastive_loss(
    video_embeds: torch.Tensor, text_embeds: torch.Tensor, logit_scale: torch.Tensor | float
) -> torch.Tensor:
    r"""Symmetric InfoNCE: each clip against all texts and each text against all clips, averaged.

    Source: EmoCLIP `train.py`; EmoCLIP paper, section III-B.

    Args:
        video_embeds (`torch.Tensor` of shape `(batch_size, dim)`):
            Clip embeddings of any norm; row i belongs to row i of `text_embeds`.
        text_embeds (`torch.Tensor` of shape `(batch_size, dim)`):
            Text embeddings of any norm.
        logit_scale (`torch.Tensor` of shape `()` or `float`):
            The multiplier of the cosines, already exponentiated.

    Returns:
        `torch.Tensor` of shape `()`, float32.

    Raises:
        ValueError: the two shapes differ.
    """
    if video_embeds.shape != text_embeds.shape or video_embeds.ndim != 2:
        raise ValueError(
            "The contrastive loss needs one text per clip, both of shape (batch_size, dim); got video_embeds "
            f"{tuple(video_embeds.shape)} and text_embeds {tuple(text_embeds.shape)}."
        )
    with torch.autocast(device_type=video_embeds.device.type, enabled=False):
        video_embeds = nn.functional.normalize(video_embeds.float(), dim=-1)
        text_embeds = nn.functional.normalize(text_embeds.float(), dim=-1)
        logits = logit_scale * video_embeds @ text_embeds.T
        targets = torch.arange(len(logits), device=logits.device)
        return 0.5 * (nn.functional.cross_entropy(logits, targets) + nn.functional.cross_entropy(logits.T, targets))


__all__ = ["contrastive_loss"]
