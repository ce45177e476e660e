# SPDX-License-Identifier: Apache-2.0
"""Which facial movements make up each rendered emotion, and how strongly they are drawn at random.

Units follow the Facial Action Coding System; paired muscles carry the side as seen in the picture (`AU12L`, `AU12R`). A face state
is a mapping from unit to intensity in [0, 1]; a missing unit is at rest. Nothing here draws or writes text.
"""

from dataclasses import dataclass

import numpy as np


UNITS = (
    "AU1",  # inner brow raiser
    "AU2L",  # outer brow raiser
    "AU2R",
    "AU4",  # brow lowerer
    "AU5",  # upper lid raiser
    "AU6",  # cheek raiser
    "AU7",  # lid tightener
    "AU9",  # nose wrinkler
    "AU10",  # upper lip raiser
    "AU12L",  # lip corner puller
    "AU12R",
    "AU14L",  # dimpler
    "AU14R",
    "AU15",  # lip corner depressor
    "AU17",  # chin raiser
    "AU20",  # lip stretcher
    "AU24",  # lip presser, stands for lip tightener 23 as well
    "AU25",  # lips part
    "AU26",  # jaw drop
    "AU43",  # eyes closed
    "AU54",  # head down
    "AU64",  # eyes down
)

COURSES = ("rising", "falling", "swell", "repeated")


@dataclass(frozen=True)
class Expression:
    """Movements of one emotion: always shown, sometimes shown, and the courses over time it may take.

    Units without a side move on both sides; the suffix `S` stands for one side drawn at random.
    """

    core: tuple[str, ...]
    optional: tuple[str, ...] = ()
    courses: tuple[str, ...] = COURSES


# Fear and anxiety, and sadness and disappointment, share their movements: only the course over time tells them apart.
_ALARM = {"core": ("AU1", "AU2", "AU4", "AU5", "AU20", "AU25"), "optional": ("AU7",)}
_GLOOM = {"core": ("AU1", "AU4", "AU15", "AU17"), "optional": ("AU7",)}

# In the order of MAFW, see `modeling_emoclip.labels_emoclip.MAFW_CLASS_NAMES`; repeated here because a rendering process has no
# use for torch, which that package imports.
EXPRESSIONS = {
    "anger": Expression(("AU4", "AU7", "AU24"), ("AU17", "AU10")),
    "disgust": Expression(("AU9", "AU10", "AU15"), ("AU4", "AU17", "AU7")),
    "fear": Expression(**_ALARM, courses=("falling", "swell")),
    "happiness": Expression(("AU6", "AU12"), ("AU25", "AU7", "AU26")),
    "neutral": Expression((), ()),
    "sadness": Expression(**_GLOOM, courses=("rising",)),
    "surprise": Expression(("AU1", "AU2", "AU5", "AU26"), ("AU25",)),
    "contempt": Expression(("AU12S", "AU14S"), ("AU2S", "AU7", "AU24")),
    "anxiety": Expression(**_ALARM, courses=("repeated",)),
    "helplessness": Expression(("AU15", "AU43", "AU54", "AU64"), ("AU1", "AU25")),
    "disappointment": Expression(**_GLOOM, courses=("falling",)),
}

# Movements that cannot be seen together, left out of random combinations.
_OPPOSED = (
    {"AU5", "AU43"},
    {"AU5", "AU64"},
    {"AU5", "AU7"},
    {"AU12", "AU15"},
    {"AU12", "AU24"},
    {"AU12S", "AU12"},
    {"AU12S", "AU15"},
    {"AU14S", "AU12"},
    {"AU20", "AU24"},
    {"AU24", "AU25"},
    {"AU24", "AU26"},
    {"AU17", "AU26"},
    {"AU2", "AU2S"},
    {"AU2S", "AU1"},
    {"AU9", "AU1"},
    {"AU9", "AU2"},
)
_COMBINABLE = (
    "AU1", "AU2", "AU2S", "AU4", "AU5", "AU6", "AU7", "AU9", "AU10", "AU12", "AU12S", "AU14S", "AU15", "AU17", "AU20", "AU24",
    "AU25", "AU26", "AU43", "AU54", "AU64",
)  # fmt: skip

_PAIRED = ("AU2", "AU12", "AU14")


def are_opposed(unit: str, other: str) -> bool:
    """Whether two movements cannot be seen together in one face; both as they are drawn, paired ones with their side."""
    pair = {_without_side(unit), _without_side(other)}
    return any(pair == opposed for opposed in _OPPOSED)


def _without_side(unit: str) -> str:
    return unit[:-1] if unit[-1] in "LR" else unit


def draw_units(
    names: tuple[str, ...], rng: np.random.Generator, *, low: float, high: float = 1.0, side: str = "L"
) -> dict[str, float]:
    """Intensities in [low, high) for the named units; `S` becomes `side`, paired units get both sides with one intensity."""
    units: dict[str, float] = {}
    for name in names:
        intensity = float(rng.uniform(low, high))
        if name in _PAIRED:
            units[name + "L"] = units[name + "R"] = intensity
        else:
            units[name[:-1] + side if name.endswith("S") else name] = intensity
    return units


def draw_expression(emotion: str, rng: np.random.Generator) -> dict[str, float]:
    """Apex intensities of one clip of `emotion`: every core unit, each optional unit three times in ten.

    Raises:
        ValueError: if `emotion` is none of `EXPRESSIONS`.
    """
    if emotion not in EXPRESSIONS:
        raise ValueError(f"`emotion` must be one of {', '.join(EXPRESSIONS)}, got {emotion!r}.")
    expression = EXPRESSIONS[emotion]
    extra = tuple(name for name in expression.optional if rng.random() < 0.3)
    side = _draw_side(rng)
    return draw_units(expression.core, rng, low=0.7, side=side) | draw_units(extra, rng, low=0.45, side=side)


def draw_state(rng: np.random.Generator) -> dict[str, float]:
    """Units of one still: two times in three near an emotion with units left out, otherwise a random combination."""
    side = _draw_side(rng)
    if rng.random() < 0.67:
        expression = EXPRESSIONS[str(rng.choice(list(EXPRESSIONS)))]
        core = tuple(name for name in expression.core if rng.random() < 0.9)
        extra = tuple(name for name in expression.optional if rng.random() < 0.35)
        return draw_units(core + extra, rng, low=0.3, side=side)
    chosen: list[str] = []
    count = int(rng.integers(1, 5))
    for name in rng.permutation(_COMBINABLE):
        if len(chosen) < count and not any({str(name), other} in _OPPOSED for other in chosen):
            chosen.append(str(name))
    return draw_units(tuple(chosen), rng, low=0.3, side=side)


def _draw_side(rng: np.random.Generator) -> str:
    return "L" if rng.random() < 0.5 else "R"
