# SPDX-License-Identifier: Apache-2.0
import re

import numpy as np
import pytest

from emoclip.synthetic.action_units import COURSES, EXPRESSIONS, draw_expression, draw_state
from emoclip.synthetic.captions import all_clauses, visible_movements, write_caption
from emoclip.synthetic.wording import BANNED_STEMS, COURSE_CLAUSES, RESTING


BANNED = re.compile(r"\b(" + "|".join(BANNED_STEMS) + r")", re.IGNORECASE)


@pytest.fixture(scope="module")
def captions():
    rng = np.random.default_rng(0)
    stills = [write_caption(draw_state(rng), rng) for _ in range(3000)]
    clips = [
        write_caption(draw_expression(name, rng), rng, str(rng.choice(COURSES)))
        for name in EXPRESSIONS
        for _ in range(300)
    ]
    return stills + clips


def test_no_caption_names_an_emotion(captions):
    """Zero-shot results would be worthless if the classes had been named in training."""
    assert not [text for text in captions if BANNED.search(text)]
    assert not [clause for clause in all_clauses() if BANNED.search(clause)]


def test_captions_are_clean_sentences(captions):
    """Left-over placeholders, doubled blanks or wrong articles would be learned as language."""
    for text in captions:
        assert re.fullmatch(r"[A-Z][a-z ,;-]*\.( [A-Z][a-z ,;-]*\.)*", text), text
        assert "  " not in text
        assert not re.search(r"\ba [aeiu]|\b(a|an) a\b", text), text


def test_captions_vary(captions):
    """Few wordings would be learned by heart."""
    assert len(set(captions)) > 0.85 * len(captions)


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ({"AU1": 0.5, "AU2L": 0.8, "AU2R": 0.7}, {"brows_up": 0.7}),
        ({"AU1": 0.6, "AU4": 0.9}, {"oblique": 0.6}),
        ({"AU1": 0.6, "AU4": 0.9, "AU2L": 0.3, "AU2R": 0.3}, {"up_and_together": 0.6}),
        ({"AU2R": 0.7}, {"one_brow": 0.7}),
        ({"AU12L": 0.4, "AU12R": 0.4}, {"smile": 0.4}),
        ({"AU12L": 0.4, "AU14L": 0.9}, {"half_smile": 0.4, "dimple": 0.9}),
        ({"AU15": 0.1}, {}),
    ],
)
def test_units_are_told_as_an_observer_would(units, expected):
    """A caption would describe another face than the one drawn."""
    assert visible_movements(units) == expected


def test_course_is_told_in_clips_and_not_in_stills():
    """Stills have no course; clips of paired classes differ in nothing else."""
    rng = np.random.default_rng(2)
    said = {course: set() for course in COURSES}
    for course, found in said.items():
        for _ in range(200):
            text = write_caption({"AU4": 0.9, "AU24": 0.9}, rng, course).lower()
            told = [
                (c, clause)
                for c, group in COURSE_CLAUSES.items()
                for clause in group
                if clause.removeprefix("it ").removeprefix("this ") in text
            ]
            assert {c for c, _ in told} == {course}, text
            found.update(clause for _, clause in told)
        assert found == set(COURSE_CLAUSES[course])
    assert "slowly" not in write_caption({"AU4": 0.9}, rng)


def test_degree_follows_intensity():
    """Weak and strong movements would be described alike."""
    weak = {write_caption({"AU4": 0.3}, np.random.default_rng(i)) for i in range(40)}
    middle = {write_caption({"AU4": 0.6}, np.random.default_rng(i)) for i in range(40)}
    assert all(re.search("slightly|mildly|somewhat|faintly", text) for text in weak)
    assert not any(
        re.search("slightly|little|somewhat|faintly|markedly|strongly|clearly|very", text) for text in middle
    )


def test_resting_face_is_described_without_course():
    """A neutral face does not build up or fade."""
    text = write_caption({}, np.random.default_rng(0), "rising").lower()
    assert any(clause in text for clause in RESTING)
