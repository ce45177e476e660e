# SPDX-License-Identifier: Apache-2.0
"""Scaled dot-product attention over explicit heads, fused or with its weights returned."""

import torch
from torch import nn


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    allowed: torch.Tensor | None = None,
    *,
    eager: bool = False,
    dropout: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Attend with scores scaled by `head_dim ** -0.5`.

    Args:
        query, key, value: (B, heads, S, head_dim).
        allowed: boolean, broadcast to (B, heads, S, S), True where a query may see a key; a query that may see nothing
            sees everything, so that no NaN arises.
        eager: spell the softmax out, which also returns the weights.
        dropout: probability with which a weight is dropped.

    Returns:
        The attended values (B, heads, S, head_dim) and, if `eager`, the weights (B, heads, S, S), else `None`.
    """
    if allowed is not None:
        allowed = allowed | ~allowed.any(dim=-1, keepdim=True)
    if not eager:
        attended = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed, dropout_p=dropout)
        return attended, None
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    if allowed is not None:
        scores = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)
    weights = nn.functional.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    return nn.functional.dropout(weights, p=dropout) @ value, weights


__all__ = ["attend"]
