# SPDX-License-Identifier: Apache-2.0
"""Sizes read from shapes, at those of the released models."""

import pytest
import torch

from emoclip.convert.sizes import cls_transformer_fields, residual_transformer_fields, text_fields, vision_fields
from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel


def state_of(config: EmoCLIPConfig) -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        return dict(EmoCLIPModel(config).state_dict())


@pytest.mark.parametrize("base", ["ViT-B/32", "ViT-B/16", "ViT-L/14"])
@pytest.mark.parametrize("method", ["emoclip", "emotionclip"])
def test_sizes_of_the_presets_are_found_again(method: str, base: str) -> None:
    """A size that is guessed instead of read fits one base only."""
    config = getattr(EmoCLIPConfig, method)(base)
    state, act = state_of(config), config.vision_config.hidden_act
    read = cls_transformer_fields if method == "emoclip" else residual_transformer_fields
    found = {
        "vision_config": vision_fields(state, None, act),
        "text_config": text_fields(state, None, act, None),
        "temporal_config": read(state, config.temporal_config.num_attention_heads),
    }
    for part, fields in found.items():
        assert fields == {name: getattr(getattr(config, part), name) for name in fields}


def test_a_missing_tensor_is_named_with_what_it_tells() -> None:
    """A KeyError would name a tensor and no reason."""
    with pytest.raises(
        ValueError, match=r"`vision_model.embeddings.patch_embedding.weight` with 4 axes, .* got nothing"
    ):
        vision_fields({}, None, "gelu")
