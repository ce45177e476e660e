# SPDX-License-Identifier: Apache-2.0
"""The configuration: defaults of the released model, checks, round trip."""

from pathlib import Path

import pytest
from transformers import AutoConfig, CLIPTextConfig

from modeling_emoclip import EmoCLIPConfig


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
        ({"preprocessing": {"num_frame": 8}}, "must hold arguments of EmoCLIPVideoProcessor, got num_frame"),
        ({"problem_type": "bogus"}, "`problem_type` must be one of single_label_.* got 'bogus'"),
        ({"num_labels": 0}, "`num_labels` must be an integer of at least 1, got 0"),
        ({"logit_scale_init_value": float("nan")}, "`logit_scale_init_value` must be finite, got nan"),
        ({"temporal_config": {"layer_norm_eps": 0.0}}, "`layer_norm_eps` must be a finite number greater than 0"),
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


def test_overrides_of_a_part_change_its_fields_only() -> None:
    """An override that replaced the part would silently bring its defaults back."""
    config = EmoCLIPConfig.emotionclip(temporal_config={"max_position_embeddings": 16}, subject_prompting="none")
    assert config.temporal_config.max_position_embeddings == 16
    assert (config.temporal_config.pooling, config.temporal_config.num_hidden_layers) == ("residual_transformer", 6)
    assert config.subject_prompting == "none"


def test_a_configuration_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Its fields would be dropped and a default model built."""
    CLIPTextConfig().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="must have model_type \"emoclip\", got 'clip_text_model'"):
        EmoCLIPConfig.from_pretrained(tmp_path)
