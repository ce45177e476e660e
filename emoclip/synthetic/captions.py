# SPDX-License-Identifier: Apache-2.0
"""Captions in the manner of MAFW: what moves in the face, how strongly and, for clips, in which course over time.

Written from action units alone, so a caption can never name an emotion. The phrases are in `wording`.
"""

import re
from collections.abc import Mapping
from itertools import product

import numpy as np

from emoclip.synthetic.wording import COURSE_CLAUSES, MARKED, MOVEMENTS, OPENINGS, RESTING, SLIGHT


# Below this a movement is not mentioned.
_VISIBLE = 0.2

# "a" before a vowel that sounds like one.
_ARTICLE = re.compile(r"\ba (?=[aeiu]|o(?!ne))")

# Unit -> movement, where a single unit is told on its own.
_PLAIN = {
    "AU5": "eyes_wide",
    "AU6": "cheeks",
    "AU7": "narrowed",
    "AU9": "nose",
    "AU10": "upper_lip",
    "AU15": "mouth_down",
    "AU17": "chin",
    "AU20": "stretched",
    "AU24": "pressed",
    "AU25": "parted",
    "AU26": "jaw",
    "AU43": "lids_down",
    "AU54": "head_down",
    "AU64": "gaze_down",
}


def visible_movements(units: Mapping[str, float]) -> dict[str, float]:
    """Movements worth telling and their intensity in [0, 1], joined as an observer would (AU1 with AU2 is "brows up")."""
    seen = {name: value for name, value in units.items() if value >= _VISIBLE}
    movements = _brow_movements(seen)
    left, right = seen.get("AU12L"), seen.get("AU12R")
    if left is not None and right is not None:
        movements["smile"] = max(left, right)
    elif left is not None or right is not None:
        movements["half_smile"] = max(left or 0.0, right or 0.0)
    dimple = max(seen.get("AU14L", 0.0), seen.get("AU14R", 0.0))
    if dimple:
        movements["dimple"] = dimple
    return movements | {_PLAIN[name]: value for name, value in seen.items() if name in _PLAIN}


def _brow_movements(seen: Mapping[str, float]) -> dict[str, float]:
    """The one or two movements that describe both brows."""
    inner, frown = seen.get("AU1", 0.0), seen.get("AU4", 0.0)
    left, right = seen.get("AU2L", 0.0), seen.get("AU2R", 0.0)
    outer = min(left, right)
    if inner and outer and frown:
        return {"up_and_together": max(inner, outer)}
    if inner and outer:
        return {"brows_up": max(inner, outer)}
    movements = {"oblique": inner} if inner and frown else {"inner_up": inner, "frown": frown}
    movements |= {"outer_up": outer} if outer else {"one_brow": max(left, right)}
    return {name: value for name, value in movements.items() if value}


def write_caption(units: Mapping[str, float], rng: np.random.Generator, course: str | None = None) -> str:
    """One caption of a face state, or of a clip when `course` is given; without movement the course is not told."""
    movements = visible_movements(units)
    if not movements:
        return _sentences(list(rng.choice(RESTING, size=int(rng.integers(1, 3)), replace=False)), rng)
    names = [str(name) for name in rng.permutation(sorted(movements))]
    if len(names) > 2 and rng.random() < 0.2:
        names.pop()
    as_phrases = rng.random() < 0.4
    parts = [_word(name, movements[name], rng, as_phrases=as_phrases) for name in names]
    clauses = [f"{rng.choice(OPENINGS)} {_join(parts)}"] if as_phrases else parts
    if course is not None:
        clauses = _with_course(clauses, str(rng.choice(COURSE_CLAUSES[course])), rng)
        return " ".join(clauses)
    return _sentences(clauses, rng)


def all_clauses() -> set[str]:
    """Every clause and phrase the generator can write, in lower case and without final stops."""
    courses = {clause for group in COURSE_CLAUSES.values() for clause in group}
    clauses = set(RESTING) | courses | {_opening_course(clause) for clause in courses}
    for templates, degree in product(MOVEMENTS.values(), ("", *SLIGHT, *MARKED)):
        clauses |= {_degree(template, degree) for template in (*templates[0], *templates[1])}
    return clauses


def _word(name: str, intensity: float, rng: np.random.Generator, *, as_phrases: bool) -> str:
    """One movement in words, with a word of degree where it is weak or strong."""
    templates = MOVEMENTS[name][1 if as_phrases else 0]
    degree = ""
    if intensity < 0.5:
        degree = str(rng.choice(SLIGHT))
    elif intensity > 0.85 and rng.random() < 0.7:
        degree = str(rng.choice(MARKED))
    return _degree(str(rng.choice(templates)), degree)


def _degree(template: str, degree: str) -> str:
    text = " ".join(template.format(degree).split())
    return _ARTICLE.sub("an ", text)


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _with_course(clauses: list[str], course_clause: str, rng: np.random.Generator) -> list[str]:
    """One or two sentences of which one tells the course."""
    told = _join(clauses)
    style = rng.random()
    if style < 0.5:
        return [_sentence(told), _sentence(course_clause)]
    if style < 0.75:
        return [_sentence(f"{told}; {course_clause}")]
    return [_sentence(_opening_course(course_clause)), _sentence(told)]


def _opening_course(course_clause: str) -> str:
    """The clause fit to open a caption, where nothing was said yet that "it" or "this" could mean."""
    subject, _, rest = course_clause.partition(" ")
    return f"the expression {rest}" if subject in ("it", "this") else course_clause


def _sentences(clauses: list[str], rng: np.random.Generator) -> str:
    """The clauses as one sentence or, from two on, sometimes as two."""
    if len(clauses) > 1 and rng.random() < 0.4:
        cut = int(rng.integers(1, len(clauses)))
        return f"{_sentence(_join(clauses[:cut]))} {_sentence(_join(clauses[cut:]))}"
    return _sentence(_join(clauses))


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
