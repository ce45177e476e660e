# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.analysis.words import MAX_EMOTIONS, TEMPLATE, check_prompt, emotion_texts, parse_emotions


def test_text_and_list_give_the_same_words():
    """Spaces around commas and a last comma are typing habits, not words."""
    assert parse_emotions("happiness , quiet  relief,\ndoubt,") == ["happiness", "quiet relief", "doubt"]
    assert parse_emotions([" happiness", "quiet relief", "doubt "]) == ["happiness", "quiet relief", "doubt"]


def test_case_of_the_users_words_is_kept():
    """The words come back in tables and plots as they were typed."""
    assert parse_emotions(["Schadenfreude", "喜び", "😀"]) == ["Schadenfreude", "喜び", "😀"]


@pytest.mark.parametrize(
    ("emotions", "message"),
    [
        ("", "at least one word, got none"),
        (" , ,", "at least one word, got none"),
        ([], "at least one word, got none"),
        (["joy", "  "], "at least one letter, got '  ' at place 2"),
        (["joy", 3], "must be a text, got 3 at place 2"),
        ([None], "must be a text, got None at place 1"),
        (7, "must be a list of words .* got int"),
        (None, "must be a list of words .* got NoneType"),
        ({"joy": 1}, "must be a list of words .* got dict"),
        (b"joy", "must be a list of words .* got bytes"),
        ("Joy,fear,joy", "more than case and spaces, got 'Joy' and 'joy'"),
        (["quiet  relief", "QUIET RELIEF"], "got 'quiet relief' and 'QUIET RELIEF'"),
        (["stra\u00dfe", "STRASSE"], "more than case and spaces"),
        ([f"word {number}" for number in range(300)], f"at most {MAX_EMOTIONS} words, got 300"),
    ],
)
def test_bad_words_are_refused(emotions, message):
    """Equal words would halve each other's relative match; an endless list would run for hours."""
    with pytest.raises(ValueError, match=message):
        parse_emotions(emotions)


def test_the_largest_list_is_allowed():
    """The stated limit is the last value that works."""
    assert len(parse_emotions([f"word {number}" for number in range(MAX_EMOTIONS)])) == MAX_EMOTIONS


def test_auto_prompt_uses_a_description_then_the_template_then_the_text():
    """A described class, a name and a whole description of a user's own are three different things."""
    long = "a man who tries hard not to laugh"
    texts = emotion_texts(["Anger", "quiet relief", long], class_descriptions={"anger": "Low brows."})
    assert texts == {"Anger": "Low brows.", "quiet relief": TEMPLATE.replace("{}", "quiet relief"), long: long}


def test_other_prompts_leave_descriptions_aside():
    """A user who names a prompt compares prompts; a hidden description would spoil the comparison."""
    descriptions = {"anger": "Low brows."}
    assert emotion_texts(["anger"], "plain", descriptions) == {"anger": "anger"}
    assert emotion_texts(["anger"], "template", descriptions) == {"anger": TEMPLATE.replace("{}", "anger")}
    assert emotion_texts(["{x} 100%"], "a {} face", descriptions) == {"{x} 100%": "a {x} 100% face"}


@pytest.mark.parametrize("prompt", ["", "fancy", "{} or {}", None, 3])
def test_bad_prompts_are_refused(prompt):
    """A template without a place for the word would give every word the same text."""
    with pytest.raises(ValueError, match="`prompt` must be one of auto, template, plain"):
        check_prompt(prompt)
