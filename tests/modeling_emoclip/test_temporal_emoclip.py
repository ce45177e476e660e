# SPDX-License-Identifier: Apache-2.0
"""The temporal transformer against a slow plain formulation."""

import math

import pytest
import torch

from modeling_emoclip.temporal_emoclip import EmoCLIPTemporalAttention, EmoCLIPTemporalTransformer


def plain_attention(layer: EmoCLIPTemporalAttention, hidden: torch.Tensor) -> torch.Tensor:
    """The formula written out: one head after another."""
    heads, dim = layer.num_heads, layer.head_dim
    rows = layer.qkv.weight.view(3, heads, dim, -1)
    outputs = []
    for head in range(heads):
        query, key, value = (hidden @ rows[part, head].T for part in range(3))
        weights = torch.softmax(query @ key.transpose(1, 2) / math.sqrt(dim), dim=-1)
        outputs.append(weights @ value)
    return torch.cat(outputs, dim=-1) @ layer.out.weight.T + layer.out.bias


def test_attention_equals_the_written_out_formula() -> None:
    """Rows of the fused projection in another order would still train, but no released weight would fit."""
    torch.manual_seed(0)
    layer = EmoCLIPTemporalAttention(hidden_size=6, num_heads=2, head_dim=5)
    hidden = torch.randn(3, 4, 6)
    torch.testing.assert_close(layer(hidden), plain_attention(layer, hidden))


def test_frames_are_limited_by_the_position_table() -> None:
    """CLS takes one of the positions."""
    transformer = EmoCLIPTemporalTransformer(6, 1, 2, 5, 7, max_positions=9)
    assert transformer.max_frames == 8
    with pytest.raises(ValueError, match=r"at most 8 frames .* got 9"):
        transformer(torch.zeros(1, 9, 6))
