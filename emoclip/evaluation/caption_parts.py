# SPDX-License-Identifier: Apache-2.0
"""A caption in two: what it says of the face, and the rest (who, where, what is done)."""

import re


# Parts of the face and what they do, as captions of MAFW name them; stems, so that "frowning" and "eyebrows" count.
_FACE = (
    "face|facial|expression|eye|gaze|look|stare|glar|squint|blink|brow|frown|forehead|wrinkl|mouth|lip|smil|grin|"
    "smirk|sneer|laugh|teeth|tooth|jaw|chin|cheek|nose|nostril|tear|cry|cried|sob|weep|pout|head|lid|pupil|dimpl|blush|pale"
)
_FACE_WORD = re.compile(rf"\b(?:{_FACE})\w*", re.IGNORECASE)
_CLAUSE = re.compile(r"[^,.;!?]+(?:[,.;!?]+|$)")
_EDGE = " ,.;!?"


def split_caption(caption: str) -> tuple[str, str]:
    """The clauses that name a part of the face or its movement, and the other clauses; either may be empty.

    Clauses end at punctuation; their order and words stay. This is a rule of thumb: "a man who smiles" is all about the face.

    Args:
        caption: For example "A man sits in a car, his eyes wide, his mouth open."
    """
    face: list[str] = []
    rest: list[str] = []
    for match in _CLAUSE.finditer(caption):
        clause = match.group().strip(_EDGE)
        if clause:
            (face if _FACE_WORD.search(clause) else rest).append(clause)
    return ", ".join(face), ", ".join(rest)


__all__ = ["split_caption"]
