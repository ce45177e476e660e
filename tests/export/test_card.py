# SPDX-License-Identifier: Apache-2.0
import ast
import re

import pytest
import yaml

from emoclip.export import model_card
from emoclip.export.card import hub_licence
from modeling_emoclip import EmoCLIPConfig


@pytest.fixture(scope="module")
def config():
    return EmoCLIPConfig(
        vision_config={"hidden_size": 37, "num_hidden_layers": 3, "num_attention_heads": 1, "image_size": 30},
        temporal_config={"pooling": "mean"},
        projection_dim=29,
    )


def header(card):
    return yaml.safe_load(card.split("---\n")[1])


def test_header_is_what_the_hub_reads(config):
    """A wrong tag or library hides the model from the search and from the `Use this model` button."""
    fields = header(model_card(config, licence="apache-2.0"))
    assert fields["library_name"] == "transformers"
    assert fields["pipeline_tag"] == "video-classification"
    assert fields["license"] == "apache-2.0"
    assert "zero-shot-video-classification" in fields["tags"]


def test_licence_is_not_guessed(config):
    """Weights inherit the terms of their training data; a silent `apache-2.0` would be a false promise."""
    assert header(model_card(config))["license"] == "unknown"


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("CC0-1.0", "cc0-1.0"),
        ("ODbL", "odbl"),
        ("your own", "other"),
        ("research", "other"),
        ("private", "other"),
        ("", "unknown"),
        ("unknown", "unknown"),
    ],
)
def test_terms_in_words_are_no_licence_of_the_hub(terms, expected):
    """The Hub refuses a card with a word that it does not know, at the end of the run."""
    assert hub_licence(terms) == expected


def test_stated_facts_appear(config):
    """A card that drops the command and the numbers cannot be checked by anybody."""
    card = model_card(config, title="Tiny", folder="me/tiny", training="seed 11, commit abc", evaluation="UAR 0.5")
    for text in ("# Tiny\n", '"me/tiny"', "## Training\n\nseed 11, commit abc\n", "## Evaluation\n\nUAR 0.5\n"):
        assert text in card


def test_missing_facts_are_said_to_be_missing(config):
    """An empty section looks as if there were nothing to say."""
    assert model_card(config).count("Not stated.") == 2


@pytest.mark.parametrize("row", ["30 |", "3 x 37 |", "29 |", "mean |"])
def test_sizes_come_from_the_configuration(config, row):
    """Hand-written sizes go stale with the next model."""
    assert row in model_card(config)


@pytest.mark.parametrize("text", ["apparent expression", "Article 5(1)(f)", "Article 50(3)", "not calibrated"])
def test_limits_are_always_stated(config, text):
    """Leaving the limits to the caller means that most cards have none."""
    assert text in model_card(config)


def test_example_is_python(config):
    """A loading example that does not even parse is the first thing a user tries."""
    code = re.search(r"```python\n(.*?)```", model_card(config), flags=re.DOTALL).group(1)
    ast.parse(code)


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        ("single_label_classification", "names one of calm, tense."),
        ("multi_label_classification", "names any of calm, tense."),
        ("regression", "gives a number for each of calm, tense."),
    ],
)
def test_card_of_a_head_shows_how_to_use_the_head(config, problem, sentence):
    """The zero-shot example fails on a model without a text tower."""
    fields = {**config.to_dict(), "problem_type": problem, "num_labels": 2, "id2label": {0: "calm", 1: "tense"}}
    card = model_card(EmoCLIPConfig(**fields))
    assert sentence in card
    assert "zero-shot" not in card.split("## What the scores")[0]
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    ast.parse(code)
    assert "AutoModelForVideoClassification" in code
