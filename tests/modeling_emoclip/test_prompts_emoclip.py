# SPDX-License-Identifier: Apache-2.0
"""Templates and ensembles word by word, where the published code departs from its own pattern above all."""

import pytest

from modeling_emoclip.labels_emoclip import EXPCLIP_CLASS_NAMES
from modeling_emoclip.prompts_emoclip import (
    EXPCLIP_ENSEMBLES,
    EXPCLIP_PRINTED_TEMPLATES,
    PROMPT_TEMPLATES,
    ensemble_texts,
)


def test_every_template_takes_one_name():
    """A template without a place would give all classes the same text."""
    assert all(template.count("{}") == 1 for template in (*PROMPT_TEMPLATES.values(), *EXPCLIP_PRINTED_TEMPLATES))
    assert PROMPT_TEMPLATES["expression"].format("fear") == "an expression of fear."
    assert PROMPT_TEMPLATES["photo"].format("fear") == "a photo of a face with an expression of fear."


def test_ten_prompts_of_a_regular_class():
    """Anger follows the pattern, with its adjective in the last."""
    assert EXPCLIP_ENSEMBLES["expclip_p5"]["anger"] == (
        "an expression of anger.",
        "a photo of a face with an expression of anger.",
        "a photo radiating anger in a person.",
        "a photo showing someone immersed in anger.",
        "a photo capturing anger within an individual.",
        "a photo of a face displaying anger.",
        "a photo of a person embodying anger.",
        "a good photo capturing someone's anger.",
        "a cropped photo emphasizing a face expressing anger.",
        "a clean photo showcasing a person's angry expression.",
    )


@pytest.mark.parametrize(
    ("name", "place", "text"),
    [
        ("happiness", 6, "a photo of a face exuding happiness."),
        ("happiness", 10, "a clean photo showcasing a person's happiness."),
        ("sadness", 2, "a cropped photo emphasizing a face expressing sadness."),
        ("sadness", 3, "a photo exuding sadness in a person."),
        ("sadness", 9, "a photo of a face with an expression of sadness."),
        ("sadness", 10, "a clean photo showcasing a person's sadness."),
        ("neutral", 8, "a good photo capturing someone's neutral state."),
        ("neutral", 10, "a clean photo showcasing a person's neutral expression."),
        ("contempt", 10, "a clean photo showcasing a person's contemptuous expression."),
    ],
)
def test_exceptions_of_the_code(name, place, text):
    """Parity with the published logs depends on the very wording; places are counted from 1 here."""
    assert ensemble_texts("expclip_p5", name)[place - 1] == text


@pytest.mark.parametrize("style", ["expclip_p4", "expclip_p5", "expclip_printed"])
def test_ensembles_do_not_depend_on_the_case_of_a_name(style):
    """The column headers of many tables begin with a capital, and would get the prompts of no class."""
    assert ensemble_texts(style, "Sadness") == EXPCLIP_ENSEMBLES[style]["sadness"]
    assert "Schadenfreude" in ensemble_texts(style, "Schadenfreude")[0]


def test_five_prompts_are_the_first_of_the_ten():
    """P-4 and P-5 share their exceptions."""
    for name in EXPCLIP_CLASS_NAMES:
        assert EXPCLIP_ENSEMBLES["expclip_p4"][name] == EXPCLIP_ENSEMBLES["expclip_p5"][name][:5]
        assert len(set(EXPCLIP_ENSEMBLES["expclip_p5"][name])) == 10


def test_printed_ensemble_begins_with_the_bare_name():
    """The appendix has it, the code does not."""
    assert ensemble_texts("expclip_printed", "fear")[0] == "fear."
    assert len(EXPCLIP_ENSEMBLES["expclip_printed"]["fear"]) == 10


def test_names_of_ones_own_take_the_noun():
    """An adjective cannot be guessed."""
    assert ensemble_texts("expclip_p5", "quiet relief")[9] == "a clean photo showcasing a person's quiet relief."


def test_unknown_ensembles_are_refused():
    """The message says what there is."""
    with pytest.raises(ValueError, match="must be one of expclip_p4, expclip_p5, expclip_printed, got 'p6'"):
        ensemble_texts("p6", "fear")
