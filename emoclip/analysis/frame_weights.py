# SPDX-License-Identifier: Apache-2.0
"""How much each frame weighed in a window's embedding: attention followed through the layers of the temporal part.

Attention rollout (Abnar and Zuidema, ACL 2020): in each layer the mean over heads, half of it the residual path; layers are
multiplied. It tells where the model looked, not why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def frame_weights(config: Any, attentions: Sequence[torch.Tensor] | None, frame_mask: torch.Tensor) -> torch.Tensor:
    """Return the weight of each frame, (B, T) float32; rows add up to 1, frames that do not count have 0.

    Args:
        config: The temporal part's; its `pooling` decides.
        attentions: Weights of every layer, (B, heads, S, S) with S = T, or T + 1 where a class token comes first.
        frame_mask: (B, T), True where a frame counts.
    """
    counts = frame_mask.float().cpu()
    if config.pooling == "middle_frame":
        rank = frame_mask.long().cumsum(dim=1) - 1
        middle = (frame_mask.long().sum(dim=1, keepdim=True) // 2).clamp(min=0)
        return ((rank == middle) & frame_mask.bool()).float().cpu()
    if config.pooling == "mean" or not attentions:
        return _normalized(counts)
    flow = rollout([layer.float().cpu() for layer in attentions])
    if config.pooling == "cls_transformer":
        return _normalized(flow[:, 0, 1:] * counts)
    # The mean over the frames' outputs: each counts by what flows from it into all of them.
    return _normalized((flow * counts[:, :, None]).sum(dim=1) * counts)


def rollout(attentions: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return how much of each position flows into each, (B, S, S), rows adding up to 1."""
    identity = torch.eye(attentions[0].shape[-1])
    flow = identity.expand(attentions[0].shape[0], -1, -1)
    for layer in attentions:
        flow = (0.5 * layer.mean(dim=1) + 0.5 * identity) @ flow
    return flow


def _normalized(weights: torch.Tensor) -> torch.Tensor:
    return weights / weights.sum(dim=1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)


__all__ = ["frame_weights", "rollout"]
