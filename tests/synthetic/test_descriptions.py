# SPDX-License-Identifier: Apache-2.0
import re

import numpy as np
import pytest

from emoclip.synthetic.action_units import COURSES, EXPRESSIONS, draw_expression
from emoclip.synthetic.captions import all_clauses, write_caption
from emoclip.synthetic.descriptions import synthetic_class_descriptions
from emoclip.synthetic.wording import BANNED_STEMS
from modeling_emoclip.labels_emoclip import EMOCLIP_CLASS_DESCRIPTIONS, MAFW_CLASS_NAMES


def test_one_distinct_description_for_every_class():
    """A missing or doubled text would make a class unreachable."""
    descriptions = synthetic_class_descriptions()
    assert tuple(descriptions) == MAFW_CLASS_NAMES
    assert len(set(descriptions.values())) == 11


@pytest.mark.parametrize("name", MAFW_CLASS_NAMES)
def test_no_part_is_taken_from_the_caption_generator(name):
    """Descriptions that occur in training captions would not be zero-shot."""
    text = synthetic_class_descriptions()[name].lower()
    parts = re.split(r"[.,;:]| and ", text)
    assert not {part.strip() for part in parts} & all_clauses()


def test_descriptions_name_no_emotion():
    """The rendered world is judged by what is seen; the captions know no names either."""
    banned = re.compile(r"\b(" + "|".join(BANNED_STEMS) + r")", re.IGNORECASE)
    assert not [text for text in synthetic_class_descriptions().values() if banned.search(text)]


def test_words_are_mostly_known_from_captions():
    """A text encoder of its own cannot know words it never saw."""
    rng = np.random.default_rng(0)
    texts = [
        write_caption(draw_expression(e, rng), rng, str(rng.choice(COURSES))) for e in EXPRESSIONS for _ in range(200)
    ]
    vocabulary = set(re.findall("[a-z]+", " ".join(texts).lower()))
    words = re.findall("[a-z]+", " ".join(synthetic_class_descriptions().values()).lower())
    assert sum(word in vocabulary for word in words) / len(words) > 0.85


@pytest.mark.parametrize(("first", "second"), [("fear", "anxiety"), ("sadness", "disappointment")])
def test_paired_classes_are_described_alike_but_for_the_course(first, second):
    """Other words would let the pair be told apart without looking at time."""
    descriptions = synthetic_class_descriptions()
    assert descriptions[first].split(". ")[0] == descriptions[second].split(". ")[0]
    assert descriptions[first] != descriptions[second]


def test_caller_gets_a_copy_and_the_papers_texts_are_others():
    """Changing the result must not change the next evaluation."""
    synthetic_class_descriptions()["fear"] = "changed"
    assert synthetic_class_descriptions()["fear"] != "changed"
    assert not set(synthetic_class_descriptions().values()) & set(EMOCLIP_CLASS_DESCRIPTIONS.values())
