# SPDX-License-Identifier: Apache-2.0
from modeling_emoclip import labels_emoclip as labels


def test_class_order_is_mafws():
    """Label ids of MAFW would point to other classes."""
    assert labels.MAFW_CLASS_NAMES == (
        "anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise", "contempt", "anxiety", "helplessness",
        "disappointment",
    )  # fmt: skip
    assert labels.MAFW_CLASS_NAMES[:7] == labels.SEVEN_CLASS_NAMES


def test_descriptions_are_the_papers_to_the_letter():
    """Parity with published results depends on the very wording, slips included."""
    descriptions = labels.EMOCLIP_CLASS_DESCRIPTIONS
    assert tuple(descriptions) == labels.MAFW_CLASS_NAMES
    assert descriptions["anger"] == (
        "A facial expression showing irritation and unrest, with a wrinkled forehead, narrowed eyes, and tight lips or a frown"
    )
    assert descriptions["helplessness"].endswith("may appear resigned or resigned")
    assert [name for name, text in descriptions.items() if text.endswith(".")] == ["sadness"]
    assert [len(text) for text in descriptions.values()] == LENGTHS
    assert not any("  " in text for text in descriptions.values())


def test_neutral_captions_are_five_whole_sentences():
    """A broken line join would leave words stuck together."""
    assert len(set(labels.NEUTRAL_CAPTIONS)) == 5
    assert all(text.endswith(".") and text[0].isupper() and "  " not in text for text in labels.NEUTRAL_CAPTIONS)
    assert (
        labels.NEUTRAL_CAPTIONS[0] == "A lack of emotional expression, as if the person's face is in a resting state."
    )


def test_every_template_takes_one_name():
    """A template without a place would give all classes the same text."""
    assert all(template.count("{}") == 1 for template in labels.PROMPT_TEMPLATES.values())
    assert labels.PROMPT_TEMPLATES["expression"].format("fear") == "an expression of fear."


# Characters of each description as printed, in class order.
LENGTHS = [117, 109, 160, 183, 147, 176, 130, 129, 172, 169, 186]
