# SPDX-License-Identifier: Apache-2.0
"""Pooling of frame embeddings over time. Knows nothing of CLIP.

Every pooling takes `frame_embeds` (B, T, D) and an optional boolean `frame_mask` (B, T), True where a frame counts,
and returns `(tokens, pooled)`: the hidden states (B, T or T + 1, D) and one embedding per clip (B, D), not normalised.
"""

import torch
from torch import nn


class EmoCLIPTemporalAttention(nn.Module):
    """Self-attention over time whose head width is free of the model's width.

    Source: EmoCLIP `architecture/transformer.py`: a fused projection without bias, rows ordered query, key, value, each
    laid out (head, dim); scores scaled by `head_dim ** -0.5`, which is the default of fused attention.
    """

    def __init__(self, hidden_size: int, num_heads: int, head_dim: int):
        super().__init__()
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.qkv = nn.Linear(hidden_size, 3 * num_heads * head_dim, bias=False)
        self.out = nn.Linear(num_heads * head_dim, hidden_size)

    def forward(self, hidden_states: torch.Tensor, key_mask: torch.Tensor | None = None) -> torch.Tensor:
        """(B, S, D) in and out; `key_mask` (B, S) is True where a position may be attended to."""
        batch_size, length, _ = hidden_states.shape
        qkv = self.qkv(hidden_states).view(batch_size, length, 3, self.num_heads, self.head_dim)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mask = None if key_mask is None else key_mask[:, None, None, :]
        attended = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(attended.transpose(1, 2).reshape(batch_size, length, self.num_heads * self.head_dim))


class EmoCLIPTemporalMLP(nn.Module):
    """Two linear layers with the tanh approximation of GELU between them."""

    def __init__(self, hidden_size: int, intermediate_size: int):
        super().__init__()
        self.fc1 = nn.Linear(hidden_size, intermediate_size)
        self.fc2 = nn.Linear(intermediate_size, hidden_size)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(B, S, D) in and out."""
        return self.fc2(nn.functional.gelu(self.fc1(hidden_states), approximate="tanh"))


class EmoCLIPTemporalLayer(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self, hidden_size: int, num_heads: int, head_dim: int, intermediate_size: int, eps: float):
        super().__init__()
        self.norm1 = nn.LayerNorm(hidden_size, eps=eps)
        self.attn = EmoCLIPTemporalAttention(hidden_size, num_heads, head_dim)
        self.norm2 = nn.LayerNorm(hidden_size, eps=eps)
        self.mlp = EmoCLIPTemporalMLP(hidden_size, intermediate_size)

    def forward(self, hidden_states: torch.Tensor, key_mask: torch.Tensor | None = None) -> torch.Tensor:
        """(B, S, D) in and out."""
        hidden_states = hidden_states + self.attn(self.norm1(hidden_states), key_mask)
        return hidden_states + self.mlp(self.norm2(hidden_states))


class EmoCLIPTemporalTransformer(nn.Module):
    """EmoCLIP's temporal transformer: a CLS token before the frames, learned positions, the CLS output pooled.

    There is no norm after the last layer (EmoCLIP `architecture/transformer.py`).

    Args:
        hidden_size: width D of the frame embeddings.
        num_layers, num_heads, head_dim, intermediate_size: sizes of the layers.
        max_positions: length of the position table; CLS takes position 0, frame t position t + 1.
        eps: epsilon of the layer norms.
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
    ):
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, hidden_size))
        self.pos_embedding = nn.Parameter(torch.empty(1, max_positions, hidden_size))
        self.layers = nn.ModuleList(
            EmoCLIPTemporalLayer(hidden_size, num_heads, head_dim, intermediate_size, eps) for _ in range(num_layers)
        )

    @property
    def max_frames(self) -> int:
        """Longest clip that the position table covers, in frames."""
        return self.pos_embedding.shape[1] - 1

    def forward(
        self, frame_embeds: torch.Tensor, frame_mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Hidden states (B, T + 1, D), CLS first, and the CLS output (B, D).

        Raises:
            ValueError: the clip is longer than the position table.
        """
        batch_size, num_frames, _ = frame_embeds.shape
        if num_frames > self.max_frames:
            raise ValueError(
                f"A clip may have at most {self.max_frames} frames (the temporal position table's length less one), "
                f"got {num_frames}. Sample fewer frames or cut the clip into windows."
            )
        cls_tokens = self.cls_token.expand(batch_size, -1, -1).to(frame_embeds.dtype)
        hidden_states = torch.cat([cls_tokens, frame_embeds], dim=1)
        hidden_states = hidden_states + self.pos_embedding[:, : num_frames + 1].to(frame_embeds.dtype)
        key_mask = None
        if frame_mask is not None:
            key_mask = nn.functional.pad(frame_mask.bool(), (1, 0), value=True)
        for layer in self.layers:
            hidden_states = layer(hidden_states, key_mask)
        return hidden_states, hidden_states[:, 0]


class EmoCLIPMeanPooling(nn.Module):
    """The mean of the frames that count; a clip without any gives zeros."""

    def forward(
        self, frame_embeds: torch.Tensor, frame_mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The frames as they are (B, T, D) and their mean (B, D)."""
        if frame_mask is None:
            return frame_embeds, frame_embeds.mean(dim=1)
        weights = frame_mask.to(frame_embeds.dtype).unsqueeze(-1)
        return frame_embeds, (frame_embeds * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


class EmoCLIPMiddleFramePooling(nn.Module):
    """The frame at position n // 2 of the n frames that count."""

    def forward(
        self, frame_embeds: torch.Tensor, frame_mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The frames as they are (B, T, D) and the middle one (B, D)."""
        batch_size, num_frames, _ = frame_embeds.shape
        if frame_mask is None:
            return frame_embeds, frame_embeds[:, num_frames // 2]
        rank = frame_mask.long().cumsum(dim=1) - 1
        middle = (frame_mask.sum(dim=1, keepdim=True) // 2).long()
        index = ((rank == middle) & frame_mask.bool()).int().argmax(dim=1)
        return frame_embeds, frame_embeds[torch.arange(batch_size, device=frame_embeds.device), index]


__all__ = ["EmoCLIPMeanPooling", "EmoCLIPMiddleFramePooling", "EmoCLIPTemporalTransformer"]
