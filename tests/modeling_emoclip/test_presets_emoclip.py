# SPDX-License-Identifier: Apache-2.0
"""Presets: the sizes of the released models."""

import math

import pytest
import torch

from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel


BASES = {"ViT-B/32": (32, 12, 512), "ViT-B/16": (16, 12, 512), "ViT-L/14": (14, 24, 768)}


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("method", ["emoclip", "emotionclip", "expclip"])
def test_presets_have_the_towers_of_their_base(method: str, base: str) -> None:
    """One wrong size and no released weight fits."""
    config = getattr(EmoCLIPConfig, method)(base)
    patch, layers, width = BASES[base]
    assert (config.vision_config.patch_size, config.vision_config.num_hidden_layers) == (patch, layers)
    assert (config.projection_dim, config.text_config.hidden_size) == (width, width)
    assert config.logit_scale_init_value == pytest.approx(math.log(100))


# Counts of methods that were run: the temporal part and the whole model.
@pytest.mark.parametrize(
    ("config", "temporal", "total"),
    [
        (EmoCLIPConfig.emoclip(), 68_689_408, 219_966_722 - 1),  # the original also counts CLIP's unused logit scale
        (EmoCLIPConfig.emotionclip(), 18_919_424, 170_196_737),
        (EmoCLIPConfig.expclip(), 0, 151_277_313 + 4096 * 512),
        (EmoCLIPConfig.expclip("ViT-L/14"), 0, 427_616_513 + 4096 * 768),
    ],
)
def test_presets_have_the_parameters_of_the_released_models(config: EmoCLIPConfig, temporal: int, total: int) -> None:
    """The argument mix-up of EmoCLIP alone makes 60 million of them."""
    with torch.device("meta"):
        model = EmoCLIPModel(config)
    assert sum(parameter.numel() for parameter in model.temporal.parameters()) == temporal
    assert sum(parameter.numel() for parameter in model.parameters()) == total


def test_presets_differ_where_the_methods_do() -> None:
    """The three GELUs, the pooling, the subject token and the projection are what parity stands on."""
    emoclip, emotionclip, expclip = EmoCLIPConfig.emoclip(), EmoCLIPConfig.emotionclip(), EmoCLIPConfig.expclip()
    activations = [config.vision_config.hidden_act for config in (emoclip, emotionclip, expclip)]
    assert activations == ["quick_gelu", "gelu", "quick_gelu"]
    poolings = [config.temporal_config.pooling for config in (emoclip, emotionclip, expclip)]
    assert poolings == ["cls_transformer", "residual_transformer", "mean"]
    assert [config.subject_prompting for config in (emoclip, emotionclip, expclip)] == ["none", "sap", "none"]
    assert (emoclip.expression_projection_dim, expclip.expression_projection_dim) == (None, 4096)
    assert emotionclip.temporal_config.dropout == 0.1


@pytest.mark.parametrize(("method", "edge"), [("emoclip", 336), ("emotionclip", 384), ("expclip", None)])
def test_preparation_follows_the_size_of_the_image_tower(method: str, edge: int | None) -> None:
    """Frames cropped to 224 for a tower of 336 are refused at the first video."""
    preset = getattr(EmoCLIPConfig, method)
    fields = preset("ViT-L/14", vision_config={"image_size": 336}).preprocessing
    square = {"height": 336, "width": 336}
    assert fields["size"] == ({"shortest_edge": edge} if edge else square)
    assert fields.get("crop_size", square) == square
    assert preset(preprocessing={"num_frames": 3}).preprocessing == {"num_frames": 3}


def test_sane_temporal_sizes_are_a_tenth_of_the_released() -> None:
    """Heads of 64 and an MLP four times the width are what anybody would write on purpose."""
    config = EmoCLIPConfig.emoclip(temporal="sane")
    assert (config.temporal_config.head_dim, config.temporal_config.intermediate_size) == (64, 2048)
    with torch.device("meta"):
        temporal = EmoCLIPModel(config).temporal
    assert sum(parameter.numel() for parameter in temporal.parameters()) < 68_689_408 / 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"base": "ViT-H/14"},
            "`base` must be one of .* got 'ViT-H/14'; for other towers use `EmoCLIPModel.from_clip`",
        ),
        ({"temporal": "large"}, "`temporal` must be one of released, sane, got 'large'"),
    ],
)
def test_unknown_presets_are_refused(arguments: dict, message: str) -> None:
    """The message says what there is."""
    with pytest.raises(ValueError, match=message):
        EmoCLIPConfig.emoclip(**arguments)
