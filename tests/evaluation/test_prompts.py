# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.evaluation.prompts import class_texts, prompt_set_name
from modeling_emoclip.labels_emoclip import EMOCLIP_CLASS_DESCRIPTIONS, MAFW_CLASS_NAMES


@pytest.mark.parametrize("prompt_set", ["synthetic_descriptions", "emoclip_descriptions"])
def test_built_in_sets_describe_all_classes(prompt_set):
    """A class without a text cannot be recognised."""
    texts = class_texts(prompt_set, MAFW_CLASS_NAMES)
    assert list(texts) == list(MAFW_CLASS_NAMES)
    assert all(len(text.split()) > 3 for text in texts.values())


def test_order_is_that_of_the_classes(tmp_path):
    """Scores are in the order of the class names, whatever order the texts were written in."""
    path = tmp_path / "mine.yaml"
    path.write_text("joy: A smile.\nanger: A frown.\nunused: Something.\n")
    assert list(class_texts(str(path), ["anger", "joy"]).items()) == [("anger", "A frown."), ("joy", "A smile.")]
    assert prompt_set_name(str(path)) == "mine"


def test_paper_set_is_the_paper_s():
    assert class_texts("emoclip_descriptions", ["anger"]) == {"anger": EMOCLIP_CLASS_DESCRIPTIONS["anger"]}
    assert prompt_set_name("emoclip_descriptions") == "emoclip_descriptions"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("joy: A smile.", r"has no text for anger, got texts for joy"),
        ("joy: A smile.\nanger: ''", r"The text for the class 'anger' in .* must not be empty, got ''"),
        ("joy: A smile.\nanger: 3", r"must not be empty, got 3"),
        ("- joy", r"must hold lines `class name: text`, got \['joy'\]"),
    ],
)
def test_bad_file_is_refused(tmp_path, content, message):
    """A class left without text must be found before the clips are decoded."""
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        class_texts(str(path), ["joy", "anger"])


def test_unknown_set_is_refused():
    with pytest.raises(
        ValueError, match=r"must be one of synthetic_descriptions, emoclip_descriptions or a YAML file"
    ):
        class_texts("descriptions", ["joy"])


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing.yaml does not exist"):
        class_texts(str(tmp_path / "nothing.yaml"), ["joy"])
