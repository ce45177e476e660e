# SPDX-License-Identifier: Apache-2.0
"""A contrast in which clips with the same text are positives of each other.

EmoCLIP's class mode takes the diagonal as target although texts repeat, so that clips of one class push each other away. Here the
target of a row is spread evenly over all columns with its text, as in UniCL (Yang et al., Unified Contrastive Learning in Image-Text-
Label Space, CVPR 2022). With all texts different it is the contrast itself.
"""

import torch
from torch.nn.functional import log_softmax, normalize


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
    logits = logit_scale * normalize(video_embeds, dim=-1) @ normalize(text_embeds, dim=-1).T
    same = (text_groups[:, None] == text_groups[None, :]).to(logits.dtype)
    target = same / same.sum(dim=-1, keepdim=True)
    by_video = -(target * log_softmax(logits, dim=-1)).sum(dim=-1).mean()
    by_text = -(target * log_softmax(logits.T, dim=-1)).sum(dim=-1).mean()
    return 0.5 * (by_video + by_text)


__all__ = ["same_text_contrastive_loss"]
