# SPDX-License-Identifier: Apache-2.0
"""Compound expressions of the rendered world: the movements of two or three emotions at once, the 43 classes of MAFW."""

from collections.abc import Sequence

import numpy as np

from emoclip.synthetic.action_units import EXPRESSIONS, are_opposed, draw_expression


# In the order of `modeling_emoclip.labels_emoclip.MAFW_COMPOUND_CLASSES`; repeated here because a rendering process has no use for
# torch, which that package imports.
_PAIRS = (
    "anger_disgust anger_sadness anger_surprise anger_anxiety anger_helplessness disgust_sadness disgust_surprise disgust_contempt "
    "disgust_anxiety disgust_helplessness disgust_disappointment fear_sadness fear_surprise fear_anxiety happiness_surprise "
    "happiness_contempt sadness_surprise sadness_anxiety sadness_helplessness sadness_disappointment surprise_anxiety "
    "anxiety_helplessness helplessness_disappointment"
)
_TRIPLES = (
    "anger_disgust_contempt anger_disgust_anxiety disgust_anxiety_helplessness disgust_helplessness_disappointment "
    "fear_sadness_anxiety fear_surprise_anxiety sadness_anxiety_helplessness sadness_helplessness_disappointment "
    "anxiety_helplessness_disappointment"
)
COMPOUNDS = (*EXPRESSIONS, *_PAIRS.split(), *_TRIPLES.split())


def draw_compound(emotions: Sequence[str], rng: np.random.Generator) -> tuple[dict[str, float], str]:
    """Apex intensities of the movements of all emotions, and the course of one of them.

    Of two movements that cannot be seen together the stronger stays. One emotion is drawn as `draw_expression` draws it.

    Args:
        emotions: Names of `EXPRESSIONS`.
        rng: Source of the randomness.

    Raises:
        ValueError: if an emotion is none of `EXPRESSIONS`.
    """
    units: dict[str, float] = {}
    for emotion in emotions:
        for unit, intensity in draw_expression(emotion, rng).items():
            units[unit] = max(intensity, units.get(unit, 0.0))
    kept: dict[str, float] = {}
    for unit in sorted(units, key=lambda name: -units[name]):
        if len(emotions) == 1 or not any(are_opposed(unit, other) for other in kept):
            kept[unit] = units[unit]
    ordered = {unit: intensity for unit, intensity in units.items() if unit in kept}
    courses = [course for emotion in emotions for course in EXPRESSIONS[emotion].courses]
    return ordered, str(rng.choice(courses))
