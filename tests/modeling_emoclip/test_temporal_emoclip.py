# SPDX-License-Identifier: Apache-2.0
"""The poolings over time against slow plain formulations."""

import math

import pytest
import torch
from torch import nn

from modeling_emoclip.temporal_emoclip import (
    EmoCLIPMeanPooling,
    EmoCLIPMiddleFramePooling,
    EmoCLIPResidualTransformer,
    EmoCLIPTemporalAttention,
    EmoCLIPTemporalTransformer,
    masked_mean,
)


def plain_attention(layer: EmoCLIPTemporalAttention, hidden: torch.Tensor, head_dim: int) -> torch.Tensor:
    """The formula written out: one head after another."""
    rows = layer.qkv.weight.view(3, layer.num_heads, head_dim, -1)
    outputs = []
    for head in range(layer.num_heads):
        query, key, value = (hidden @ rows[part, head].T for part in range(3))
        weights = torch.softmax(query @ key.transpose(1, 2) / math.sqrt(head_dim), dim=-1)
        outputs.append(weights @ value)
    return torch.cat(outputs, dim=-1) @ layer.out.weight.T + layer.out.bias


def test_attention_equals_the_written_out_formula() -> None:
    """Rows of the fused projection in another order would still train, but no released weight would fit."""
    torch.manual_seed(0)
    layer = EmoCLIPTemporalAttention(hidden_size=6, num_heads=2, head_dim=5)
    hidden = torch.randn(3, 4, 6)
    torch.testing.assert_close(layer(hidden)[0], plain_attention(layer, hidden, head_dim=5))


def test_the_position_table_limits_the_frames() -> None:
    """EmoCLIP's CLS takes one of the positions."""
    assert EmoCLIPTemporalTransformer(6, 1, 2, 5, 7, max_positions=9).max_frames == 8
    assert EmoCLIPResidualTransformer(6, 1, 2, 5, 7, max_positions=9).max_frames == 9


class TestResidualTransformer:
    @pytest.fixture
    def pair(self) -> tuple[EmoCLIPResidualTransformer, nn.TransformerEncoder]:
        """Ours and PyTorch's own post-norm encoder, which the original uses, with the same weights."""
        torch.manual_seed(0)
        ours = EmoCLIPResidualTransformer(6, 3, 2, 3, 11, max_positions=9).eval()
        layer = nn.TransformerEncoderLayer(6, 2, 11, activation="gelu", batch_first=True)
        plain = nn.TransformerEncoder(layer, 3, norm=nn.LayerNorm(6), enable_nested_tensor=False).eval()
        nn.init.normal_(ours.position_embedding.weight)
        for mine, theirs in zip(ours.layers, plain.layers, strict=True):
            theirs.self_attn.in_proj_weight.data = mine.attn.in_proj.weight.data
            theirs.self_attn.in_proj_bias.data = mine.attn.in_proj.bias.data
            theirs.self_attn.out_proj.load_state_dict(mine.attn.out_proj.state_dict())
            theirs.linear1.load_state_dict(mine.fc1.state_dict())
            theirs.linear2.load_state_dict(mine.fc2.state_dict())
            for name in ("norm1", "norm2"):
                nn.init.normal_(getattr(mine, name).weight)
                getattr(theirs, name).load_state_dict(getattr(mine, name).state_dict())
        return ours, plain

    def test_equals_the_encoder_of_pytorch_and_a_residual_without_positions(self, pair: tuple) -> None:
        """Positions in the residual, pre-norm or another GELU give scores that look healthy and are wrong."""
        ours, plain = pair
        frames = torch.randn(2, 7, 6)
        expected = (plain(frames + ours.position_embedding.weight[:7]) + frames).mean(dim=1)
        torch.testing.assert_close(ours(frames).pooled, expected)

    def test_padding_changes_nothing(self, pair: tuple) -> None:
        """A mask that reached the mean only would let padding into the attention."""
        ours, _ = pair
        frames = torch.randn(2, 7, 6)
        mask = torch.tensor([[True] * 4 + [False] * 3] * 2)
        torch.testing.assert_close(ours(frames, mask).pooled, ours(frames[:, :4]).pooled)

    def test_a_clip_without_frames_that_count_pools_to_zero(self, pair: tuple) -> None:
        """NaN of one clip would reach the loss of all."""
        assert pair[0](torch.randn(1, 4, 6), torch.zeros(1, 4)).pooled.abs().sum() == 0

    def test_dropout_acts_in_training_only(self) -> None:
        """Scores must not change from call to call."""
        transformer = EmoCLIPResidualTransformer(6, 1, 2, 3, 11, max_positions=9, dropout=0.5)
        frames = torch.randn(2, 7, 6)
        assert not torch.equal(transformer(frames).pooled, transformer(frames).pooled)
        transformer.eval()
        torch.testing.assert_close(transformer(frames).pooled, transformer(frames).pooled, rtol=0, atol=0)


@pytest.mark.parametrize("pooling", [EmoCLIPMeanPooling(), EmoCLIPMiddleFramePooling()])
def test_simple_pooling_respects_the_mask(pooling: nn.Module) -> None:
    """By hand: frames 0, 1, 2 of a clip valued 0..4, then all of a clip valued 2..6."""
    frames = torch.tensor([[0.0, 1, 2, 3, 4], [2, 3, 4, 5, 6]]).unsqueeze(-1)
    mask = torch.tensor([[True, True, True, False, False], [True] * 5])
    torch.testing.assert_close(pooling(frames, mask).pooled, torch.tensor([[1.0], [4.0]]))


@pytest.mark.parametrize("kind", [EmoCLIPTemporalTransformer, EmoCLIPResidualTransformer])
def test_eager_returns_weights_and_states_of_every_layer(kind: type[nn.Module]) -> None:
    """Without them nobody can see which frames weighed most."""
    transformer = kind(6, 2, 3, 5, 7, max_positions=9).eval()
    for parameter in transformer.parameters():
        nn.init.normal_(parameter)
    frames = torch.randn(2, 4, 6)
    eager, fused = transformer(frames, None, True), transformer(frames)
    length = eager.last_hidden_state.shape[1]
    assert [tuple(weights.shape) for weights in eager.attentions] == [(2, 3, length, length)] * 2
    assert len(eager.hidden_states) == 3
    torch.testing.assert_close(eager.attentions[0].sum(dim=-1), torch.ones(2, 3, length))
    torch.testing.assert_close(eager.pooled, fused.pooled)
    assert fused.attentions == ()


def test_mean_of_no_frame_is_zero() -> None:
    """0 / 0 would spread NaN through a whole batch."""
    assert masked_mean(torch.ones(1, 3, 2), torch.zeros(1, 3)).abs().sum() == 0
