# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.evaluation.prompts import class_texts, class_trees, prompt_set_name, tree_texts
from modeling_emoclip.labels_emoclip import EMOCLIP_CLASS_DESCRIPTIONS, MAFW_CLASS_NAMES
from modeling_emoclip.text_classes_emoclip import Compound, Ensemble, Prompt


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
        ("joy: A smile.\nno: A head that shakes.", r"Class names in .* must be texts, got False; put .* in quotes"),
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
        ValueError, match=r"must be one of synthetic_descriptions, .* a text with \{\} or a YAML file, got"
    ):
        class_texts("descriptions", ["joy"])


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing.yaml does not exist"):
        class_texts(str(tmp_path / "nothing.yaml"), ["joy"])


def test_templates_and_ensembles_are_prompt_sets_too():
    """The tables of Exp-CLIP are made with these, by name."""
    assert class_trees("photo", ["fear"]) == {"fear": Prompt("a photo of a face with an expression of fear.")}
    assert class_trees("a {} look", ["joy"]) == {"joy": Prompt("a joy look")}
    assert len(class_trees("expclip_p5", ["anger"])["anger"].parts) == 10


def test_compound_classes_are_made_of_described_ones(tmp_path):
    """A file describes the single emotions; the 32 combinations follow from them."""
    path = tmp_path / "mine.yaml"
    path.write_text(
        "fear: Wide eyes.\nsurprise: Open mouth.\njoy: [A smile., 'Cheeks up.']\nmix: {fear: 3, surprise: 1}\n"
    )
    trees = class_trees(str(path), ["fear", "fear_surprise", "joy", "mix"])
    assert trees["fear_surprise"] == Compound((Prompt("Wide eyes."), Prompt("Open mouth.")), (1.0, 1.0))
    assert trees["joy"] == Ensemble((Prompt("A smile."), Prompt("Cheeks up.")))
    assert trees["mix"] == Compound((Prompt("Wide eyes."), Prompt("Open mouth.")), (3.0, 1.0))
    joined = class_trees(str(path), ["fear_surprise"], compound="concatenate")
    assert joined["fear_surprise"] == Prompt("Wide eyes. Open mouth")


def test_class_without_text_is_named():
    """A compound with one component that nobody described must not be made of its bare name."""
    with pytest.raises(ValueError, match=r"it has no text for fear_joy, boredom, got texts for anger"):
        class_trees("emoclip_descriptions", ["fear", "fear_joy", "boredom"])


def test_models_own_descriptions():
    assert class_trees("model_descriptions", ["x"], model_descriptions={"x": "Y."}) == {"x": Prompt("Y.")}
    with pytest.raises(ValueError, match=r"this model has none; choose another prompt set"):
        class_trees("model_descriptions", ["x"])


def test_template_has_a_name_for_files():
    assert prompt_set_name("a face, {}!") == "a_face_class"
    assert prompt_set_name("folder/mine.yaml") == "mine"
    assert tree_texts({"x": Ensemble((Prompt("a"), Prompt("b")))}) == {"x": "a | b"}
