# SPDX-License-Identifier: Apache-2.0
from emoclip.synthetic.action_units import COURSES
from emoclip.synthetic.wording import BANNED_STEMS, COURSE_CLAUSES, MARKED, MOVEMENTS, SLIGHT
from modeling_emoclip.labels_emoclip import MAFW_CLASS_NAMES


def test_every_phrase_has_one_place_for_a_word_of_degree():
    """A template without a place would drop the degree, one with two would say it twice."""
    for clauses, phrases in MOVEMENTS.values():
        assert len(clauses) >= 2
        assert len(phrases) >= 2
        assert all(template.count("{}") == 1 for template in (*clauses, *phrases))


def test_every_course_has_several_wordings_and_none_is_shared():
    """Two courses with one wording could not be learned."""
    assert set(COURSE_CLAUSES) == set(COURSES)
    clauses = [clause for group in COURSE_CLAUSES.values() for clause in group]
    assert len(set(clauses)) == len(clauses)
    assert min(map(len, COURSE_CLAUSES.values())) >= 5


def test_every_class_name_is_banned():
    """The name of a class could slip into a caption unnoticed."""
    assert all(name.startswith(BANNED_STEMS) for name in MAFW_CLASS_NAMES)


def test_degrees_differ():
    """Weak and strong would read the same."""
    assert not set(SLIGHT) & set(MARKED)
