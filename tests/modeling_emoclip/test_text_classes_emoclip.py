# SPDX-License-Identifier: Apache-2.0
"""What users write for a class, and what it is read as."""

import pytest

from modeling_emoclip.labels_emoclip import EMOCLIP_CLASS_DESCRIPTIONS, MAFW_COMPOUND_CLASSES
from modeling_emoclip.text_classes_emoclip import (
    Compound,
    Ensemble,
    Prompt,
    Style,
    class_names,
    parse_class,
    texts_of,
)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("happiness", Prompt("happiness")),
        ("  a person   who is relieved ", Prompt("a person who is relieved")),
        ("happiness + 2*surprise", Compound((Prompt("happiness"), Prompt("surprise")), (1.0, 2.0))),
        ("0.5 * joy+.25*fear + 1.*awe", Compound((Prompt("joy"), Prompt("fear"), Prompt("awe")), (0.5, 0.25, 1.0))),
        ("'joy + fear'", Prompt("joy + fear")),
        ("'joy + fear' + 2*awe", Compound((Prompt("joy + fear"), Prompt("awe")), (1.0, 2.0))),
        ("C++", Prompt("C++")),
        ("a + ", Prompt("a +")),
        ("2*surprise", Prompt("2*surprise")),
        ("someone's joy", Prompt("someone's joy")),
        ("someone's joy + someone's fear", Compound((Prompt("someone's joy"), Prompt("someone's fear")))),
        ("物の哀れ", Prompt("物の哀れ")),
        ("😀 + 😢", Compound((Prompt("😀"), Prompt("😢")))),
        (["joy", "delight"], Ensemble((Prompt("joy"), Prompt("delight")))),
        ({"joy": 1, "fear": 3}, Compound((Prompt("joy"), Prompt("fear")), (1, 3))),
        (
            Ensemble(("joy + fear", ["a", "b"]), "embeddings"),
            Ensemble((Compound((Prompt("joy"), Prompt("fear"))), Ensemble((Prompt("a"), Prompt("b")))), "embeddings"),
        ),
        ("anger_disgust", Compound((Prompt("anger"), Prompt("disgust")))),
        ("Surprise_fear", Compound((Prompt("fear"), Prompt("surprise")))),
        ("fear_fear_surprise", Prompt("fear_fear_surprise")),
        ("Happily surprised", Compound((Prompt("happiness"), Prompt("surprise")))),
        (Prompt("anger_disgust"), Prompt("anger_disgust")),
    ],
)
def test_forms_of_a_class(spec, expected):
    """Each is what somebody types without reading a manual."""
    assert parse_class(spec) == expected


class TestStyles:
    def test_template_reaches_every_name_and_no_quoted_text(self):
        """A description put into a template reads as nonsense to the model."""
        tree = parse_class("joy + 'tears in the eyes'", Style("an expression of {}."))
        assert list(texts_of(tree)) == ["an expression of joy.", "tears in the eyes"]

    def test_descriptions_stand_for_names_and_other_texts_stay(self):
        """People mix known classes with words of their own."""
        style = Style("description")
        assert parse_class("Anger", style) == Prompt(EMOCLIP_CLASS_DESCRIPTIONS["anger"])
        assert parse_class("quiet relief", style) == Prompt("quiet relief")
        assert parse_class("joy", Style("description", descriptions={"joy": "a broad smile"})) == Prompt(
            "a broad smile"
        )

    def test_auto_takes_what_suits_each_text(self):
        """Names into a template, descriptions where the model has them, whole sentences as they are."""
        style = Style("auto", descriptions={"joy": "a broad smile"})
        assert parse_class("Joy", style) == Prompt("a broad smile")
        assert parse_class("quiet relief", style) == Prompt("an expression of quiet relief.")
        sentence = "a person who has just been told good news"
        assert parse_class(sentence, style) == Prompt(sentence)

    def test_ensemble_of_a_compound_is_a_compound_of_ensembles(self):
        """The components are averaged, each with all of its prompts."""
        tree = parse_class("fear_surprise", Style("expclip_p4"))
        assert isinstance(tree, Compound)
        assert [len(part.parts) for part in tree.parts] == [5, 5]

    def test_concatenated_descriptions_are_one_prompt(self):
        """The paper's baseline for compound classes."""
        tree = parse_class("anger_sadness", Style("description", compound="concatenate"))
        anger, sadness = (EMOCLIP_CLASS_DESCRIPTIONS[name] for name in ("anger", "sadness"))
        assert tree == Prompt(f"{anger}. {sadness.rstrip('.')}")
        assert parse_class("joy + fear", Style(compound="concatenate")) == Prompt("joy. fear")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("fancy",), "`style` must be one of auto, name, .* or a text with one {} in it, got 'fancy'"),
            (("{} and {}",), "got '{} and {}'"),
            (("name", "sum"), "`compound` must be one of average, concatenate, got 'sum'"),
        ],
    )
    def test_unknown_styles_are_refused(self, arguments, message):
        """The message says what there is."""
        with pytest.raises(ValueError, match=message):
            Style(*arguments)

    def test_ensembles_cannot_be_joined_into_one_prompt(self):
        """Ten prompts in one text exceed what the model reads."""
        with pytest.raises(ValueError, match="joins single texts, got an ensemble"):
            parse_class("fear_surprise", Style("expclip_p5", compound="concatenate"))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "must not be empty, got ''"),
        ("   ", "must not be empty"),
        ("''", "must not be empty"),
        ([], "`Ensemble` must have a list of at least 1 part"),
        ({}, "`Compound` must have a list of at least 1 part"),
        (["joy", ""], "must not be empty"),
        ("joy + 0*fear", "finite number greater than 0, got 0.0"),
        ("joy + -2*fear", "greater than 0, got -2.0"),
        ({"joy": float("inf")}, "finite number greater than 0, got inf"),
        ({"joy": True}, "greater than 0, got True"),
        (3, "a text, a list, a mapping or a tree of texts, got 3"),
        (b"joy", "got b'joy'"),
        (Prompt(" "), "must not be empty"),
    ],
)
def test_bad_forms_are_refused(spec, message):
    """Before a model is loaded."""
    if spec == "''":
        spec = "'' + ' '"
    with pytest.raises(ValueError, match=message):
        parse_class(spec)


def test_bad_trees_are_refused():
    """By the tree itself, where it was written."""
    with pytest.raises(ValueError, match="as many weights, got 1"):
        Compound(("a", "b"), (1.0,))
    with pytest.raises(ValueError, match="`average` must be one of logits, embeddings, got 'mean'"):
        Ensemble(("a",), "mean")
    with pytest.raises(ValueError, match="`Ensemble` must have a list"):
        Ensemble("joy")


def test_names_of_classes():
    """They head the columns of every table."""
    assert class_names(["joy", "joy + 2*fear", ["a", "b"]]) == ["joy", "joy + 2*fear", "a + b"]
    assert class_names({"mixed": "joy + fear", "awe": "awe"}) == ["mixed", "awe"]
    assert class_names(list(MAFW_COMPOUND_CLASSES)) == list(MAFW_COMPOUND_CLASSES)
    with pytest.raises(ValueError, match="given once, got 'joy' several times"):
        class_names(["joy", " joy"])
    with pytest.raises(ValueError, match="At least 1 class"):
        class_names([])
