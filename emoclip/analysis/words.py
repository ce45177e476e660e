# SPDX-License-Identifier: Apache-2.0
"""The user's words for emotions, and the text that stands for each before the model.

Nothing here decodes or loads anything, so that bad words are refused at once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from emoclip.config_loading import read_yaml
from modeling_emoclip.prompts_emoclip import ENSEMBLE_STYLES, PROMPT_TEMPLATES
from modeling_emoclip.text_classes_emoclip import Compound, Ensemble, Prompt, Style, Tree, class_names, parse_class


# Every word is one text through the model and one row per window. More are a vocabulary, not a question about a video.
MAX_EMOTIONS = 256
PROMPTS = ("auto", "template", "plain", "description", *PROMPT_TEMPLATES, *ENSEMBLE_STYLES)
TEMPLATE = PROMPT_TEMPLATES["expression"]
# Other ways to say the same, for the interval of a match.
VARIANTS = ("expression", "photo", "a person whose face shows {}.", "a face that looks like {}.")
# Names no expression; what a single word is held against.
NEUTRAL_TEXT = "a photo of a face."
# Commas within double quotes belong to a text.
_SEPARATOR = re.compile(r"""[,\n](?=(?:[^"]*"[^"]*")*[^"]*$)""")


@dataclass(frozen=True)
class Emotions:
    """What the user asks for.

    Args:
        names: As they appear in tables, no two equal.
        specs: For each, a form of `parse_class`.
        groups: Name of a group -> names of its members.
    """

    names: tuple[str, ...]
    specs: tuple[Any, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_emotions(emotions: Any) -> Emotions:
    """Return the user's emotions, however they are given.

    Args:
        emotions: One text with commas between the words, a list of words, sums (`"fear + 2*surprise"`), descriptions and
            other forms of `parse_class`, a mapping name -> such a form, or a `.yaml` file, see `read_emotions_file`.

    Raises:
        ValueError: There is none, there are more than `MAX_EMOTIONS`, two are equal, or one is written in no known form.
    """
    if isinstance(emotions, Emotions):
        return emotions
    if isinstance(emotions, Path) or (isinstance(emotions, str) and emotions.endswith((".yaml", ".yml"))):
        return read_emotions_file(emotions)
    if isinstance(emotions, Mapping):
        names, specs = parse_emotions(list(emotions)), list(emotions.values())
    elif isinstance(emotions, list | tuple) and not all(isinstance(one, str) for one in emotions):
        for position, one in enumerate(emotions, start=1):
            if not isinstance(one, str | list | tuple | Mapping | Prompt | Ensemble | Compound):
                _tidy(position, one)
        names, specs = parse_emotions(class_names(emotions)), list(emotions)
    else:
        names = parse_emotions(emotions)
        specs = list(names)
    for spec in specs:
        parse_class(spec)
    return Emotions(tuple(names), tuple(specs))


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
        emotions = split_words(emotions)
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


def split_words(text: str) -> list[str]:
    """Return the entries of a text with commas or line breaks between them, as they stand there; blank ones are passed over."""
    return [part for part in _SEPARATOR.split(text) if part.strip()]


def read_emotions_file(path: str | Path) -> Emotions:
    """Return the emotions of a YAML file.

    The file is a list of words, or has the key `emotions`: a list, or a mapping name -> text, list of texts (an ensemble),
    mapping part -> weight (a compound), or nothing for the name itself; and may have the key `groups`: name -> list of names.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such file, or a group names an emotion that is not there.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"The file of emotions must exist, got {path}; check the path.")
    content = read_yaml(path)
    fields = content if isinstance(content, dict) and "emotions" in content else {"emotions": content}
    unknown = sorted(map(str, set(fields) - {"emotions", "groups"}))
    listed = fields["emotions"]
    if unknown or not isinstance(listed, list | dict):
        raise ValueError(
            f"The file of emotions must hold a list, or the keys `emotions` and `groups`, {path} holds "
            f"{', '.join(unknown) or type(listed).__name__}."
        )
    if isinstance(listed, dict):
        # YAML reads a bare `no` as a truth value and `2` as a number; of these only the number is what was typed.
        named = (
            (name if name is None or isinstance(name, bool) else str(name), spec) for name, spec in listed.items()
        )
        listed = {name: name if spec is None else spec for name, spec in named}
    emotions = read_emotions(listed)
    return replace(emotions, groups=_groups(fields.get("groups") or {}, emotions.names, path))


def _groups(groups: Any, names: tuple[str, ...], path: Path) -> dict[str, tuple[str, ...]]:
    if not isinstance(groups, dict) or not all(isinstance(members, list) for members in groups.values()):
        raise ValueError(f"`groups` must be a mapping name -> list of emotions, {path} has {groups!r}.")
    # Members are tidied as names are: the two are typed by the same hand.
    tidied = {str(name): tuple(dict.fromkeys(map(_tidied, members))) for name, members in groups.items()}
    for name, members in tidied.items():
        missing = [member for member in members if member not in names]
        if missing or not members:
            raise ValueError(
                f"A group must hold emotions of the file, {path} has {', '.join(missing) or 'nothing'} in {name!r}."
            )
    return tidied


def emotion_texts(
    words: Iterable[str], prompt: str = "auto", class_descriptions: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return word -> the text that the model reads for it, see `word_trees`."""
    words = tuple(words)
    trees = word_trees(Emotions(words, words), prompt, class_descriptions)
    return {word: describe_tree(tree) for word, tree in trees.items()}


def word_trees(
    emotions: Emotions, prompt: str = "auto", class_descriptions: Mapping[str, str] | None = None
) -> dict[str, Tree]:
    """Return word -> the texts that the model reads for it and how they are put together.

    Args:
        emotions: What the user asks for.
        prompt: `"auto"`: the class description where `class_descriptions` has the word, else as `"template"`;
            `"template"`: names of up to `MAX_NAME_WORDS` words are put into `TEMPLATE`, longer texts stand as they are;
            `"plain"`: the words as typed; another of `PROMPTS`, see `Style`; any other text must hold `{}` once and is the
            template for every word.
        class_descriptions: Class name in lower case -> description.

    Raises:
        ValueError: `prompt` is none of these.
    """
    style = prompt_style(prompt, class_descriptions)
    return {name: parse_class(spec, style) for name, spec in zip(emotions.names, emotions.specs, strict=True)}


def prompt_style(prompt: str, class_descriptions: Mapping[str, str] | None = None) -> Style:
    """Return the style of the texts that a prompt's name stands for.

    Raises:
        ValueError: `prompt` is not known.
    """
    check_prompt(prompt)
    descriptions = dict(class_descriptions or {})
    if prompt == "plain":
        return Style("name")
    if prompt == "template":
        return Style("auto", descriptions={})
    return Style(prompt, descriptions=descriptions if descriptions or prompt == "auto" else None)


def describe_tree(tree: Tree) -> str:
    """Return the texts of a tree in one line: a single one as it is, the others in quotes with their weights."""
    if isinstance(tree, Prompt):
        return tree.text
    if isinstance(tree, Ensemble):
        return f"mean of {', '.join(_quoted(part) for part in tree.parts)}"
    return " + ".join(
        f"{weight:g} * {_quoted(part)}" for weight, part in zip(tree.weights or (), tree.parts, strict=True)
    )


def _quoted(tree: Tree) -> str:
    return f'"{tree.text}"' if isinstance(tree, Prompt) else f"({describe_tree(tree)})"


def check_prompt(prompt: str) -> None:
    """Check `prompt` before anything slow begins.

    Raises:
        ValueError: It is neither a known name nor a template.
    """
    if not isinstance(prompt, str) or (prompt not in PROMPTS and prompt.count("{}") != 1):
        raise ValueError(
            f"`prompt` must be one of {', '.join(dict.fromkeys(PROMPTS))} or a text with one {{}} in it, got {prompt!r}; "
            f"the usual template is {TEMPLATE!r}."
        )


def _tidy(position: int, word: object) -> str:
    if not isinstance(word, str):
        raise ValueError(f"Every emotion must be a text, got {word!r} at place {position}; write it in quotes.")
    try:
        word.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"Every emotion must be text, got {word!a} at place {position}, whose bytes are none in UTF-8; type it again."
        ) from error
    tidied = _tidied(word)
    if not tidied:
        raise ValueError(f"Every emotion must hold at least one letter, got {word!r} at place {position}; remove it.")
    return tidied


def _tidied(word: object) -> str:
    return " ".join(unicodedata.normalize("NFC", str(word)).split())


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
