# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel
from modeling_emoclip.expression_emoclip import EmoCLIPProjectionTransformer


HEADS = {
    "linear": 18 * 31,
    "mlp2": (18 * 23 + 23) + 23 * 31,
    "mlp3": (18 * 23 + 23) + (23 * 23 + 23) + 23 * 31,
    "transformer": 2 * (18 * 18 + 18) + (18 * 23 + 23) + (23 * 18 + 18) + 3 * 2 * 18 + 18 * 31,
}

MakeConfig = Callable[..., EmoCLIPConfig]


@pytest.fixture
def make_head_model(tiny_config: MakeConfig) -> Callable[[str], EmoCLIPModel]:
    def make(kind: str) -> EmoCLIPModel:
        torch.manual_seed(0)
        fields = {"expression_projection_type": kind, "expression_projection_hidden_size": 23}
        return EmoCLIPModel(tiny_config({"pooling": "mean"}, expression_projection_dim=31, **fields)).eval()

    return make


@pytest.mark.parametrize("kind", HEADS)
def test_head_has_the_layers_of_its_name(kind, make_head_model):
    """A two-layer head that is really three layers deep reports another row of the paper's table."""
    head = make_head_model(kind).expression_projection
    assert sum(parameter.numel() for parameter in head.parameters()) == HEADS[kind]
    assert head(torch.randn(2, 5, 18)).shape == (2, 5, 31)


@pytest.mark.parametrize("kind", HEADS)
def test_saved_head_comes_back_and_both_sides_use_it(kind, make_head_model, tmp_path: Path):
    """A head lost on saving would be replaced by random numbers without an error anywhere."""
    model = make_head_model(kind)
    model.save_pretrained(tmp_path)
    loaded = EmoCLIPModel.from_pretrained(tmp_path).eval()
    frames = torch.randn(2, 3, 18)
    ids = torch.tensor([[97, 5, 8, 98]])
    with torch.no_grad():
        video = loaded.get_video_features(frame_embeds=frames).pooler_output
        torch.testing.assert_close(video, model.expression_projection(frames.mean(dim=1)))
        plain = model.text_projection(model.text_model(ids).pooler_output)
        torch.testing.assert_close(loaded.get_text_features(ids).pooler_output, model.expression_projection(plain))


def test_one_token_of_a_transformer_layer_needs_no_queries(make_head_model):
    """The head claims to be a transformer encoder layer; PyTorch's own with the same weights must agree."""
    head = make_head_model("transformer").expression_projection
    assert isinstance(head, EmoCLIPProjectionTransformer)
    layer = nn.TransformerEncoderLayer(18, 3, 23, 0.0, "gelu", batch_first=True, norm_first=True).eval()
    with torch.no_grad():
        layer.self_attn.in_proj_weight[36:] = head.value.weight
        layer.self_attn.in_proj_bias[36:] = head.value.bias
        layer.self_attn.out_proj.load_state_dict(head.output.state_dict())
        layer.linear1.load_state_dict(head.fc1.state_dict())
        layer.linear2.load_state_dict(head.fc2.state_dict())
        layer.norm1.load_state_dict(head.attention_norm.state_dict())
        layer.norm2.load_state_dict(head.mlp_norm.state_dict())
        embeds = torch.randn(7, 18)
        expected = head.projection(head.final_norm(layer(embeds[:, None])[:, 0]))
        torch.testing.assert_close(head(embeds), expected)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"expression_projection_type": "mlp4"}, "must be one of linear, mlp2, mlp3, transformer, got 'mlp4'"),
        (
            {"expression_projection_hidden_size": 0},
            "`expression_projection_hidden_size` must be an integer of at least",
        ),
    ],
)
def test_head_that_does_not_exist_is_refused(fields, message):
    """An unknown name must not fall back to the linear head."""
    with pytest.raises(ValueError, match=message):
        EmoCLIPConfig(expression_projection_dim=31, **fields)
