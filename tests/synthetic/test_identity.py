# SPDX-License-Identifier: Apache-2.0
import numpy as np

from emoclip.synthetic.identity import HAIR_STYLES, draw_identity, draw_pose


def test_same_generator_gives_same_person_and_pose():
    """A subject would change looks between clips."""
    first, second = np.random.default_rng(3), np.random.default_rng(3)
    assert draw_identity(first) == draw_identity(second)
    assert draw_pose(first) == draw_pose(second)


def test_looks_vary():
    """Too few looks would let a model learn persons by heart."""
    rng = np.random.default_rng(0)
    people = [draw_identity(rng) for _ in range(200)]
    assert {person.hair_style for person in people} == set(HAIR_STYLES)
    assert len({person.skin for person in people}) == 200
    assert 5 < sum(person.glasses for person in people) < 70
    assert 5 < sum(person.beard > 0 for person in people) < 70


def test_colors_stay_in_range():
    """Colours beyond 255 would wrap around when painted."""
    rng = np.random.default_rng(1)
    for _ in range(100):
        person = draw_identity(rng)
        for color in (person.skin, person.hair, person.iris, person.lips, person.shirt, *person.background):
            assert all(0 <= channel <= 255 for channel in color)
