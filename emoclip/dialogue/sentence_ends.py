# SPDX-License-Identifier: Apache-2.0
"""Where a sentence ends in writing: not every full stop does, nor every row of dots."""

from __future__ import annotations

import re


# Full-width marks of Chinese and Japanese among them, closing quotes and brackets behind them allowed.
CLOSING = r"[\"'\u201d\u2019»)\]]*$"
SENTENCE_END = re.compile(rf"[.!?\u2026\u3002\uff01\uff1f]+{CLOSING}")
ONE_STOP = re.compile(rf"(?<![.!?\u2026])\.{CLOSING}")
PAUSE = re.compile(rf"(?:\.{{2,}}|\u2026+\.*){CLOSING}")
LEADING_PAUSE = re.compile(r"^[\"'\u201c\u2018«(\[-]*(?:\.{2,}|\u2026)")
# What stands before the letters of a word.
OPENING = "\"'\u201c\u2018\u201d\u2019«»()[]-\u2013\u2014\u00bf\u00a1"
# A name follows. In small letters some are words: "just a sec."
TITLES = frozenset({
    "mr", "mrs", "ms", "messrs", "mx", "dr", "prof", "st", "ste", "rev", "fr", "hon", "gov", "sen", "rep", "pres",
    "sec", "gen", "lt", "col", "maj", "capt", "cpt", "cmdr", "adm", "sgt", "cpl", "pvt", "pfc", "det", "insp",
    "supt", "mt", "ft", "mme", "mlle", "hr",
})  # fmt: skip
# In the middle of a sentence, or at its end.
SHORT_FORMS = frozenset({
    "jr", "sr", "esq", "etc", "inc", "ltd", "co", "corp", "bros", "dept", "approx", "appt", "blvd", "rd",
    "hwy", "ph.d", "feb", "sept", "oct", "nov", "tues", "thurs",
})  # fmt: skip
# A number follows; elsewhere these are words.
BEFORE_NUMBERS = frozenset({
    "no", "nos", "nr", "vol", "fig", "p", "pp", "ch", "art",
})  # fmt: skip
# One capital letter, or several letters with a stop behind each: J., U.S., a.m. A small letter is a word in many languages.
INITIALS = re.compile(r"(?:\w\.)*\w")
WORDS_LIKE_INITIALS = ("i", "o.k")


def ends_sentence(word: str, following: str | None, ends_line: bool) -> bool:
    """Whether a sentence ends with a word.

    Args:
        word: With its marks.
        following: The word behind it, `None` for the last of all.
        ends_line: Whether it is the last word of its line of subtitles. Writers break lines between sentences where they can, so
            that there an abbreviation or a pause ends one, unless the next line goes on with a small letter or with dots.
    """
    if not SENTENCE_END.search(word):
        return False
    if following is None:
        return True
    if PAUSE.search(word):
        goes_on = _is_small(following) or LEADING_PAUSE.match(following)
        return not goes_on if ends_line else _is_capital(following)
    stop = ONE_STOP.search(word)
    letters = word[: stop.start()].lstrip(OPENING) if stop else ""
    name = letters.lower()
    if name == "vs" or (name in TITLES and _is_capital(letters)):
        return False
    if name in BEFORE_NUMBERS:
        return not following.lstrip(OPENING)[:1].isdigit()
    if name in SHORT_FORMS or _is_initials(letters):
        return ends_line and not _is_small(following)
    return True


def _is_initials(letters: str) -> bool:
    """Whether these are single letters: no number, no letter of a script without capitals, and none of the words that look so."""
    if not INITIALS.fullmatch(letters) or letters.lower() == letters.upper():
        return False
    return (len(letters) > 1 or letters.isupper()) and letters.lower() not in WORDS_LIKE_INITIALS


def _is_capital(word: str) -> bool:
    return word.lstrip(OPENING)[:1].isupper()


def _is_small(word: str) -> bool:
    return word.lstrip(OPENING)[:1].islower()


__all__ = ["ends_sentence"]
