# SPDX-License-Identifier: Apache-2.0
import itertools

import numpy as np
import pytest

from emoclip.synthetic.action_units import EXPRESSIONS, UNITS, draw_expression, draw_state, draw_units
from modeling_emoclip.labels_emoclip import MAFW_CLASS_NAMES


def test_classes_are_those_of_mafw_in_order():
    """Label ids of rendered clips would mean other classes than the model's label list."""
    assert tuple(EXPRESSIONS) == MAFW_CLASS_NAMES


@pytest.mark.parametrize(("first", "second"), [("fear", "anxiety"), ("sadness", "disappointment")])
def test_paired_classes_differ_only_in_course(first, second):
    """A single frame could tell the pair apart, and temporal modelling would not be needed."""
    assert EXPRESSIONS[first].core == EXPRESSIONS[second].core
    assert EXPRESSIONS[first].optional == EXPRESSIONS[second].optional
    assert not set(EXPRESSIONS[first].courses) & set(EXPRESSIONS[second].courses)
    rng = np.random.default_rng
    assert draw_expression(first, rng(5)) == draw_expression(second, rng(5))


def test_other_classes_have_distinct_movements_and_any_course():
    """Two classes with equal movements and courses could not be told apart at all."""
    others = [e for name, e in EXPRESSIONS.items() if name not in ("anxiety", "disappointment")]
    assert all(set(a.core) != set(b.core) for a, b in itertools.combinations(others, 2))
    free = [e for name, e in EXPRESSIONS.items() if name not in ("fear", "anxiety", "sadness", "disappointment")]
    assert all(len(e.courses) == 4 for e in free)


def test_drawn_units_are_known_and_within_range():
    """A misspelt unit would be ignored by the drawing without a word."""
    rng = np.random.default_rng(0)
    states = [draw_expression(name, rng) for name in EXPRESSIONS for _ in range(20)] + [
        draw_state(rng) for _ in range(200)
    ]
    assert {unit for state in states for unit in state} <= set(UNITS)
    assert all(0.3 <= value <= 1 for state in states for value in state.values())
    assert {unit for state in states for unit in state} == set(UNITS)


def test_one_sided_unit_takes_the_given_side():
    """Contempt would become a smile if both corners moved."""
    assert set(draw_units(("AU12S", "AU14S", "AU2"), np.random.default_rng(0), low=0.5, side="R")) == {
        "AU12R", "AU14R", "AU2L", "AU2R",
    }  # fmt: skip


def test_unknown_emotion_is_named():
    """A typo must say what is allowed."""
    with pytest.raises(ValueError, match=r"must be one of anger, .*'joyful'"):
        draw_expression("joyful", np.random.default_rng(0))
