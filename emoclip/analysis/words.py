# SPDX-License-Identifier: Apache-2.0
"""The user's words for emotions, and the text that stands for each before the model.

Nothing here decodes or loads anything, so that bad words are refused at once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from modeling_emoclip.prompts_emoclip import PROMPT_TEMPLATES
from modeling_emoclip.text_classes_emoclip import MAX_NAME_WORDS


# Every word is one text through the model and one row per window. More are a vocabulary, not a question about a video.
MAX_EMOTIONS = 256
PROMPTS = ("auto", "template", "plain")
TEMPLATE = PROMPT_TEMPLATES["expression"]


def parse_emotions(emotions: str | Iterable[str]) -> list[str]:
    """Return the user's emotions in their order, each with its spaces tidied.

    Args:
        emotions: A list of words or phrases, or one text with commas or line breaks between them. Blank places in a text
            (a last comma) are passed over; in a list they are an error.

    Raises:
        ValueError: No emotion, more than `MAX_EMOTIONS`, two that differ at most in case and spaces, or an entry that is
            no text.
    """
    if isinstance(emotions, str):
        emotions = [part for part in re.split(r"[,\n]", emotions) if part.strip()]
    elif isinstance(emotions, Mapping | bytes) or not isinstance(emotions, Iterable):
        raise ValueError(
            "`emotions` must be a list of words or one text with commas between them, "
            f"got {type(emotions).__name__}; write for example ['happiness', 'quiet relief']."
        )
    words = [_tidy(position, word) for position, word in enumerate(emotions, start=1)]
    if not words:
        raise ValueError(
            "`emotions` must hold at least one word, got none; write for example 'happiness,quiet relief'."
        )
    if len(words) > MAX_EMOTIONS:
        raise ValueError(
            f"`emotions` may hold at most {MAX_EMOTIONS} words, got {len(words)}; "
            "shorten the list or run it in several parts."
        )
    _refuse_equal(words)
    return words


def emotion_texts(
    words: list[str], prompt: str = "auto", class_descriptions: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return word -> the text that the model reads for it, in the order of the words.

    Args:
        words: As `parse_emotions` gives them.
        prompt: `"auto"`: the class description where `class_descriptions` has the word, else as `"template"`;
            `"template"`: names of up to `MAX_NAME_WORDS` words are put into `TEMPLATE`, longer texts stand as they are;
            `"plain"`: the words as typed; any other text must hold `{}` once and is used as the template for every word.
        class_descriptions: Class name in lower case -> description.

    Raises:
        ValueError: `prompt` is none of these.
    """
    check_prompt(prompt)
    known = class_descriptions if prompt == "auto" and class_descriptions else {}
    return {word: known.get(word.casefold()) or _prompted(word, prompt) for word in words}


def check_prompt(prompt: str) -> None:
    """Check `prompt` before anything slow begins.

    Raises:
        ValueError: It is neither a known name nor a template.
    """
    if not isinstance(prompt, str) or (prompt not in PROMPTS and prompt.count("{}") != 1):
        raise ValueError(
            f"`prompt` must be one of {', '.join(PROMPTS)} or a text with one {{}} in it, got {prompt!r}; "
            f"the usual template is {TEMPLATE!r}."
        )


def _tidy(position: int, word: object) -> str:
    if not isinstance(word, str):
        raise ValueError(f"Every emotion must be a text, got {word!r} at place {position}; write it in quotes.")
    tidied = " ".join(unicodedata.normalize("NFC", word).split())
    if not tidied:
        raise ValueError(f"Every emotion must hold at least one letter, got {word!r} at place {position}; remove it.")
    return tidied


def _refuse_equal(words: list[str]) -> None:
    # Two equal words would share their relative match and each look half as fitting.
    seen: dict[str, str] = {}
    for word in words:
        key = unicodedata.normalize("NFKC", word).casefold()
        if key in seen:
            raise ValueError(
                "The emotions must differ in more than case and spaces, "
                f"got {seen[key]!r} and {word!r}; remove one of the two."
            )
        seen[key] = word


def _prompted(word: str, prompt: str) -> str:
    if prompt == "plain":
        return word
    if prompt in PROMPTS:
        return TEMPLATE.replace("{}", word) if len(word.split()) <= MAX_NAME_WORDS else word
    return prompt.replace("{}", word)
