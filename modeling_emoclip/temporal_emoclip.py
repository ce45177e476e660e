# SPDX-License-Identifier: Apache-2.0
"""Pooling of frame embeddings over time. Knows nothing of CLIP.

Every pooling takes `frame_embeds` (B, T, D), an optional boolean `frame_mask` (B, T), True where a frame counts, and
`eager`, which spells attention out and collects its weights. It returns a [`TemporalOutput`].
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from .attention_emoclip import attend


class TemporalOutput(NamedTuple):
    """What a pooling returns.

    Args:
        last_hidden_state: (B, T or T + 1, D).
        pooled: one embedding per clip (B, D), not normalised.
        hidden_states: the input of every layer and the last one's output, each of the shape of `last_hidden_state`.
        attentions: the weights of every layer (B, heads, S, S), only with `eager=True`.
    """

    last_hidden_state: torch.Tensor
    pooled: torch.Tensor
    hidden_states: tuple[torch.Tensor, ...] = ()
    attentions: tuple[torch.Tensor, ...] = ()


class EmoCLIPTemporalAttention(nn.Module):
    """Self-attention over time whose head width is free of the model's width.

    Source: EmoCLIP `architecture/transformer.py`: a fused projection without bias, rows ordered query, key, value, each
    laid out (head, dim).
    """

    def __init__(self, hidden_size: int, num_heads: int, head_dim: int):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(hidden_size, 3 * num_heads * head_dim, bias=False)
        self.out = nn.Linear(num_heads * head_dim, hidden_size)

    def forward(
        self, hidden_states: torch.Tensor, allowed: torch.Tensor | None = None, eager: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, S, D) in and out, with the weights; `allowed` (B, 1, 1, S) is True where a position may be seen."""
        query, key, value = _split_heads(self.qkv(hidden_states), self.num_heads)
        attended, weights = attend(query, key, value, allowed, eager=eager)
        return self.out(_merge_heads(attended)), weights


class EmoCLIPTemporalMLP(nn.Module):
    """Two linear layers with the tanh approximation of GELU between them."""

    def __init__(self, hidden_size: int, intermediate_size: int, dropout: float = 0.0):
        super().__init__()
        self.fc1 = nn.Linear(hidden_size, intermediate_size)
        self.fc2 = nn.Linear(intermediate_size, hidden_size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(B, S, D) in and out."""
        hidden_states = nn.functional.gelu(self.fc1(hidden_states), approximate="tanh")
        return self.dropout(self.fc2(self.dropout(hidden_states)))


class EmoCLIPTemporalLayer(GradientCheckpointingLayer):
    """One pre-norm transformer layer."""

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        head_dim: int,
        intermediate_size: int,
        eps: float,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.norm1 = nn.LayerNorm(hidden_size, eps=eps)
        self.attn = EmoCLIPTemporalAttention(hidden_size, num_heads, head_dim)
        self.norm2 = nn.LayerNorm(hidden_size, eps=eps)
        self.mlp = EmoCLIPTemporalMLP(hidden_size, intermediate_size, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, hidden_states: torch.Tensor, allowed: torch.Tensor | None = None, eager: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, S, D) in and out, with the attention weights."""
        attended, weights = self.attn(self.norm1(hidden_states), allowed, eager)
        hidden_states = hidden_states + self.dropout(attended)
        return hidden_states + self.mlp(self.norm2(hidden_states)), weights


class EmoCLIPTemporalTransformer(nn.Module):
    """EmoCLIP's temporal transformer: a CLS token before the frames, learned positions, the CLS output pooled.

    There is no norm after the last layer (EmoCLIP `architecture/transformer.py`).

    Args:
        hidden_size: width D of the frame embeddings.
        num_layers, num_heads, head_dim, intermediate_size: sizes of the layers.
        max_positions: length of the position table; CLS takes position 0, frame t position t + 1.
        eps: epsilon of the layer norms.
        dropout: probability in training; the original has none.
    """

    def __init__(
        self,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        head_dim: int,
        intermediate_size: int,
        max_positions: int,
        eps: float = 1e-5,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, hidden_size))
        self.pos_embedding = nn.Parameter(torch.empty(1, max_positions, hidden_size))
        self.layers = nn.ModuleList(
            EmoCLIPTemporalLayer(hidden_size, num_heads, head_dim, intermediate_size, eps, dropout)
            for _ in range(num_layers)
        )

    @property
    def max_frames(self) -> int:
        """Longest clip that the position table covers, in frames."""
        return self.pos_embedding.shape[1] - 1

    def forward(
        self, frame_embeds: torch.Tensor, frame_mask: torch.Tensor | None = None, eager: bool = False
    ) -> TemporalOutput:
        """Hidden states with CLS first, and the CLS output; at most `max_frames` frames."""
        batch_size, num_frames, _ = frame_embeds.shape
        cls_tokens = self.cls_token.expand(batch_size, -1, -1).to(frame_embeds.dtype)
        hidden_states = torch.cat([cls_tokens, frame_embeds], dim=1)
        hidden_states = hidden_states + self.pos_embedding[:, : num_frames + 1].to(frame_embeds.dtype)
        allowed = None
        if frame_mask is not None:
            allowed = nn.functional.pad(frame_mask.bool(), (1, 0), value=True)[:, None, None, :]
        return _run_layers(self.layers, hidden_states, allowed, eager)


class EmoCLIPResidualAttention(nn.Module):
    """Self-attention with biases, laid out as PyTorch's own multi-head attention lays its fused projection out."""

    def __init__(self, hidden_size: int, num_heads: int, head_dim: int, dropout: float):
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.in_proj = nn.Linear(hidden_size, 3 * num_heads * head_dim)
        self.out_proj = nn.Linear(num_heads * head_dim, hidden_size)

    def forward(
        self, hidden_states: torch.Tensor, allowed: torch.Tensor | None = None, eager: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, S, D) in and out, with the weights; `allowed` (B, 1, 1, S) is True where a position may be seen."""
        query, key, value = _split_heads(self.in_proj(hidden_states), self.num_heads)
        dropout = self.dropout if self.training else 0.0
        attended, weights = attend(query, key, value, allowed, eager=eager, dropout=dropout)
        return self.out_proj(_merge_heads(attended)), weights


class EmoCLIPResidualLayer(GradientCheckpointingLayer):
    """One post-norm transformer layer with the exact GELU."""

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        head_dim: int,
        intermediate_size: int,
        eps: float,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.attn = EmoCLIPResidualAttention(hidden_size, num_heads, head_dim, dropout)
        self.norm1 = nn.LayerNorm(hidden_size, eps=eps)
        self.fc1 = nn.Linear(hidden_size, intermediate_size)
        self.fc2 = nn.Linear(intermediate_size, hidden_size)
        self.norm2 = nn.LayerNorm(hidden_size, eps=eps)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, hidden_states: torch.Tensor, allowed: torch.Tensor | None = None, eager: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, S, D) in and out, with the attention weights."""
        attended, weights = self.attn(hidden_states, allowed, eager)
        hidden_states = self.norm1(hidden_states + self.dropout(attended))
        expanded = self.dropout(nn.functional.gelu(self.fc1(hidden_states)))
        return self.norm2(hidden_states + self.dropout(self.fc2(expanded))), weights


class EmoCLIPResidualTransformer(nn.Module):
    """EmotionCLIP's temporal head: a post-norm encoder beside a residual, then the mean over the frames that count.

    The residual is the input without its positions: `encoder(frames + positions) + frames` (EmotionCLIP
    `src/models/base.py`). The original fixes the number of frames to the length of its table and starts from layers that
    are copies of each other; here a clip may be shorter, and each layer starts from weights of its own unless training asks for
    copies.

    Args:
        hidden_size: width D of the frame embeddings.
        num_layers, num_heads, head_dim, intermediate_size: sizes of the layers.
        max_positions: length of the position table, the longest clip in frames.
        eps: epsilon of the layer norms.
        dropout: probability in training; 0.1 in the original.
    """

    def __init__(
        self,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        head_dim: int,
        intermediate_size: int,
        max_positions: int,
        eps: float = 1e-5,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.position_embedding = nn.Embedding(max_positions, hidden_size)
        self.layers = nn.ModuleList(
            EmoCLIPResidualLayer(hidden_size, num_heads, head_dim, intermediate_size, eps, dropout)
            for _ in range(num_layers)
        )
        self.final_norm = nn.LayerNorm(hidden_size, eps=eps)

    @property
    def max_frames(self) -> int:
        """Longest clip that the position table covers, in frames."""
        return self.position_embedding.num_embeddings

    def forward(
        self, frame_embeds: torch.Tensor, frame_mask: torch.Tensor | None = None, eager: bool = False
    ) -> TemporalOutput:
        """Hidden states (the residual included) and their mean over the frames that count; at most `max_frames`."""
        num_frames = frame_embeds.shape[1]
        # By a call, not by its weight: offloaded weights are there only while their module runs.
        positions = self.position_embedding(torch.arange(num_frames, device=frame_embeds.device)).to(
            frame_embeds.dtype
        )
        allowed = None if frame_mask is None else frame_mask.bool()[:, None, None, :]
        output = _run_layers(self.layers, frame_embeds + positions, allowed, eager)
        last = self.final_norm(output.last_hidden_state) + frame_embeds
        return output._replace(last_hidden_state=last, pooled=masked_mean(last, frame_mask))


class EmoCLIPMeanPooling(nn.Module):
    """The mean of the frames that count; a clip without any gives zeros."""

    def forward(
        self, frame_embeds: torch.Tensor, frame_mask: torch.Tensor | None = None, eager: bool = False
    ) -> TemporalOutput:
        """The frames as they are and their mean."""
        return TemporalOutput(frame_embeds, masked_mean(frame_embeds, frame_mask))


class EmoCLIPMiddleFramePooling(nn.Module):
    """The frame at position n // 2 of the n frames that count."""

    def forward(
        self, frame_embeds: torch.Tensor, frame_mask: torch.Tensor | None = None, eager: bool = False
    ) -> TemporalOutput:
        """The frames as they are and the middle one."""
        batch_size, num_frames, _ = frame_embeds.shape
        if frame_mask is None:
            return TemporalOutput(frame_embeds, frame_embeds[:, num_frames // 2])
        rank = frame_mask.long().cumsum(dim=1) - 1
        middle = (frame_mask.long().sum(dim=1, keepdim=True) // 2).long()
        index = ((rank == middle) & frame_mask.bool()).int().argmax(dim=1)
        return TemporalOutput(frame_embeds, frame_embeds[torch.arange(batch_size, device=frame_embeds.device), index])


def masked_mean(frame_embeds: torch.Tensor, frame_mask: torch.Tensor | None = None) -> torch.Tensor:
    """Mean of (B, T, D) over the frames where `frame_mask` (B, T) is True; zeros where none is."""
    if frame_mask is None:
        return frame_embeds.mean(dim=1)
    weights = frame_mask.to(frame_embeds.dtype).unsqueeze(-1)
    return (frame_embeds * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def _run_layers(
    layers: Iterable[nn.Module], hidden_states: torch.Tensor, allowed: torch.Tensor | None, eager: bool
) -> TemporalOutput:
    """Run the layers one after the other and keep what passes between them; the first position is pooled."""
    states, attentions = [hidden_states], []
    for layer in layers:
        hidden_states, weights = layer(hidden_states, allowed, eager)
        states.append(hidden_states)
        attentions.append(weights)
    return TemporalOutput(hidden_states, hidden_states[:, 0], tuple(states), tuple(attentions) if eager else ())


def _split_heads(fused: torch.Tensor, num_heads: int) -> tuple[torch.Tensor, ...]:
    """(B, S, 3 * heads * dim), ordered query, key, value, as three of (B, heads, S, dim)."""
    batch_size, length, _ = fused.shape
    return fused.view(batch_size, length, 3, num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)


def _merge_heads(attended: torch.Tensor) -> torch.Tensor:
    """(B, heads, S, dim) as (B, S, heads * dim)."""
    return attended.transpose(1, 2).flatten(2)


__all__ = [
    "EmoCLIPMeanPooling",
    "EmoCLIPMiddleFramePooling",
    "EmoCLIPResidualTransformer",
    "EmoCLIPTemporalTransformer",
    "TemporalOutput",
]
