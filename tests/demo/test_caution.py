# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.demo.caution import cautions
from emoclip.demo.presets import PRESETS


@pytest.mark.parametrize(
    ("word", "topic"),
    [
        ("lying", "honesty"),
        ("a GUILTY face", "crime"),
        ("depressed", "health"),
        ("autistic", "health"),
        ("deception", "honesty"),
        ("a lie", "honesty"),
        ("crime", "crime"),
        ("cancer", "health"),
        ("race", "personal traits"),
        ("gay", "personal traits"),
        ("hard-working", "fitness"),
    ],
)
def test_words_a_face_cannot_tell_are_warned_of(word, topic):
    """Somebody who types such a word will believe the number."""
    (sentence,) = cautions(["happiness", word])
    assert topic in sentence
    assert word in sentence
    assert "happiness" not in sentence


@pytest.mark.parametrize("name", PRESETS)
def test_words_of_expression_are_not(name):
    """A warning that is always there is read by nobody."""
    assert cautions(list(PRESETS[name])) == []


def test_parts_of_other_words_do_not_count():
    """ "still" holds "ill", "manner" holds "man"."""
    assert cautions(["still", "manner", "boldness", "relying", "a straight face", "an old sorrow"]) == []
