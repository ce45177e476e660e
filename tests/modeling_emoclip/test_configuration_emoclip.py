# SPDX-License-Identifier: Apache-2.0
"""The configuration: defaults of the released model, checks, round trip."""

import math
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, CLIPTextConfig

from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel


def test_defaults_are_the_released_sizes() -> None:
    """The argument mix-up of the original gives 8 heads of 2048 and an MLP of 512."""
    temporal = EmoCLIPConfig().temporal_config
    assert (temporal.num_hidden_layers, temporal.num_attention_heads) == (2, 8)
    assert (temporal.head_dim, temporal.intermediate_size, temporal.max_position_embeddings) == (2048, 512, 1024)


def test_parts_become_typed_configs() -> None:
    """A dict that stays a dict fails only when the model is built."""
    config = EmoCLIPConfig(text_config={"hidden_size": 24, "num_attention_heads": 3})
    assert isinstance(config.text_config, CLIPTextConfig)
    assert config.text_config.hidden_size == 24


def test_round_trip_through_json(tmp_path: Path) -> None:
    """What is saved is what comes back, through the Auto class too."""
    EmoCLIPConfig(temporal_config={"pooling": "mean", "head_dim": 9}, projection_dim=31).save_pretrained(tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    assert isinstance(config, EmoCLIPConfig)
    assert (config.temporal_config.pooling, config.temporal_config.head_dim, config.projection_dim) == ("mean", 9, 31)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"temporal_config": {"pooling": "max"}}, "`pooling` must be one of .* got 'max'"),
        ({"temporal_config": {"head_dim": 0}}, "`head_dim` must be an integer of at least 1, got 0"),
        ({"temporal_config": {"num_attention_heads": 2.5}}, "got 2.5"),
        ({"temporal_config": {"max_position_embeddings": 1}}, "at least 2 .* got 1"),
        ({"temporal_config": {"poling": "mean"}}, "has no field poling"),
        ({"projection_dims": 3}, "the configuration has no field projection_dims"),
        ({"temporal_config": {"dropout": 1.0}}, r"`dropout` must be in \[0, 1\), got 1.0"),
        ({"subject_prompting": "yes"}, "`subject_prompting` must be one of none, sap, saam, got 'yes'"),
        ({"subject_binary": 1}, "`subject_binary` must be True or False, got 1"),
        ({"expression_projection_dim": 0}, "`expression_projection_dim` must be an integer of at least 1, got 0"),
        ({"sentiment_beta": -1.0}, "`sentiment_beta` must be a finite number of at least 0, got -1.0"),
        ({"sentiment_kl_direction": "up"}, "must be one of released, paper, got 'up'"),
        ({"preprocessing": 3}, "`preprocessing` must be a mapping or None, got 3"),
        ({"classifier_hidden_size": 0}, "`classifier_hidden_size` must be an integer of at least 1"),
        ({"text_config": {"hiden_size": 3}}, "`text_config` has no field hiden_size"),
        ({"vision_config": {"patches": 3}}, "`vision_config` has no field patches"),
        ({"temporal_config": "mean"}, "must be a mapping or a configuration, got 'mean'"),
        ({"temporal_config": {"layer_norm_eps": "x"}}, "`layer_norm_eps` must be a number, got 'x'"),
        ({"logit_scale_init_value": "a"}, "must be a number, got 'a'"),
        ({"class_descriptions": [1]}, r"must be a mapping or None, got \[1\]"),
        ({"class_descriptions": {"joy": " "}}, "texts that are not empty, got 'joy': ' '"),
        ({"class_descriptions": {"Joy": "a smile"}}, "names in lower case .* got 'Joy'"),
        ({"projection_dim": -1}, "`projection_dim` must be an integer of at least 1, got -1"),
    ],
)
def test_impossible_values_are_refused(fields: dict, message: str) -> None:
    """A silent typo would train the default instead of what was asked for."""
    with pytest.raises(ValueError, match=message):
        EmoCLIPConfig(**fields)


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


def test_sane_temporal_sizes_are_a_tenth_of_the_released() -> None:
    """Heads of 64 and an MLP four times the width are what anybody would write on purpose."""
    config = EmoCLIPConfig.emoclip(temporal="sane")
    assert (config.temporal_config.head_dim, config.temporal_config.intermediate_size) == (64, 2048)
    with torch.device("meta"):
        temporal = EmoCLIPModel(config).temporal
    assert sum(parameter.numel() for parameter in temporal.parameters()) < 68_689_408 / 9


def test_overrides_of_a_part_change_its_fields_only() -> None:
    """An override that replaced the part would silently bring its defaults back."""
    config = EmoCLIPConfig.emotionclip(temporal_config={"max_position_embeddings": 16}, subject_prompting="none")
    assert config.temporal_config.max_position_embeddings == 16
    assert (config.temporal_config.pooling, config.temporal_config.num_hidden_layers) == ("residual_transformer", 6)
    assert config.subject_prompting == "none"


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


def test_a_configuration_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Its fields would be dropped and a default model built."""
    CLIPTextConfig().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="must have model_type \"emoclip\", got 'clip_text_model'"):
        EmoCLIPConfig.from_pretrained(tmp_path)
