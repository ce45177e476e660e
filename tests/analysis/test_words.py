# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.analysis.words import (
    MAX_EMOTIONS,
    TEMPLATE,
    check_prompt,
    describe_tree,
    emotion_texts,
    parse_emotions,
    read_emotions,
    read_emotions_file,
    word_trees,
)


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
        ("caf\udce9, joy", r"must be text, got 'caf\\udce9' at place 1"),
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


def test_sums_ensembles_and_mappings_are_read():
    """Every form of the prototype encoder, with the names that the tables show."""
    emotions = read_emotions(["fear + 2*surprise", ["glad", "happy"], {"awe": 1.0, "joy": 3.0}])
    assert emotions.names == ("fear + 2*surprise", "glad + happy", "awe + joy")
    assert describe_tree(word_trees(emotions, "plain")["fear + 2*surprise"]) == '1 * "fear" + 2 * "surprise"'
    assert describe_tree(word_trees(emotions, "plain")["glad + happy"]) == 'mean of "glad", "happy"'
    named = read_emotions({"my calm": "a face at rest"})
    assert describe_tree(word_trees(named, "plain")["my calm"]) == "a face at rest"


def test_commas_within_quotes_belong_to_the_text():
    """A description has commas of its own."""
    assert parse_emotions('"lips pressed, brows low", joy') == ['"lips pressed, brows low"', "joy"]
    assert emotion_texts(['"lips pressed, brows low"'], "template") == {
        '"lips pressed, brows low"': "lips pressed, brows low"
    }  # fmt: skip


def test_a_file_of_emotions_has_names_descriptions_compounds_and_groups(tmp_path):
    """What does not fit a command line."""
    path = tmp_path / "emotions.yaml"
    path.write_text(
        "emotions:\n  joy:\n  calm: a face at rest\n  mixed: {joy: 1, fear: 2}\n  glad: [happy, cheerful]\n"
        "groups:\n  pleasant: [joy, calm, glad]\n",
        encoding="utf-8",
    )
    emotions = read_emotions(path)
    assert emotions.names == ("joy", "calm", "mixed", "glad")
    assert emotions.groups == {"pleasant": ("joy", "calm", "glad")}
    texts = {name: describe_tree(tree) for name, tree in word_trees(emotions, "plain").items()}
    assert texts == {
        "joy": "joy", "calm": "a face at rest", "mixed": '1 * "joy" + 2 * "fear"', "glad": 'mean of "happy", "cheerful"',
    }  # fmt: skip
    path.write_text("- joy\n- 喜び\n", encoding="utf-8")
    assert read_emotions(str(path)).names == ("joy", "喜び")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("emotions: joy", "must hold a list, or the keys"),
        ("emotions: [joy]\nwords: [calm]", "holds words"),
        ("emotions: [joy]\ngroups: {good: [glad]}", "has glad in 'good'"),
        ("emotions: [joy]\ngroups: [joy]", "`groups` must be a mapping"),
        ("emotions: {joy: 3}", "A class must be a text"),
        ("emotions: [joy, Joy]", "more than case and spaces"),
        ("emotions: [", "is not a valid YAML file"),
        ("emotions:\n  joy: a smile\n  joy: a grin\n", "`joy` is given twice"),
        ("emotions: [joy]\ngroups:\n  good: [joy]\n  good: []\n", "`good` is given twice"),
        ("emotions: {joy: , no: shaking the head}", "must be a text, got False at place 2; write it in quotes"),
        ("emotions: {joy: , null: }", "must be a text, got None at place 2; write it in quotes"),
    ],
)
def test_bad_files_of_emotions_are_told(tmp_path, content, message):
    """The mistakes of somebody who writes their first YAML."""
    (tmp_path / "e.yaml").write_text(content)
    with pytest.raises(ValueError, match=message):
        read_emotions(tmp_path / "e.yaml")


def test_members_of_groups_are_tidied_as_names_are(tmp_path):
    """Two spaces, or an accent that is written in two characters, look the same to whoever typed them."""
    path = tmp_path / "words.yaml"
    path.write_text(
        "emotions: {quiet  relief: , caf\u00e9: , 2: }\ngroups: {good: [quiet relief , cafe\u0301, 2]}\n",
        encoding="utf-8",
    )
    assert read_emotions_file(path).groups == {"good": ("quiet relief", "caf\u00e9", "2")}


def test_keys_that_are_numbers_are_told_too(tmp_path):
    """A sentence instead of a traceback."""
    path = tmp_path / "words.yaml"
    path.write_text("emotions: [joy]\n3: a\nmore: b\n", encoding="utf-8")
    with pytest.raises(ValueError, match="holds 3, more"):
        read_emotions_file(path)
