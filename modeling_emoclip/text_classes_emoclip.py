# SPDX-License-Identifier: Apache-2.0
"""What a user may write for a class, read into a tree of prompts, ensembles and compounds.

Pure text: nothing here needs a model, so that a slip is told before anything slow begins.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .labels_emoclip import EMOCLIP_CLASS_DESCRIPTIONS, MAFW_COMPOUND_CLASSES, RAFDB_COMPOUND_CLASSES
from .prompts_emoclip import ENSEMBLE_STYLES, PROMPT_TEMPLATES, ensemble_texts


AVERAGES = ("logits", "embeddings")
COMPOUND_MODES = ("average", "concatenate")
COMPOUND_CLASSES = {**MAFW_COMPOUND_CLASSES, **RAFDB_COMPOUND_CLASSES}
# The same by what they are made of: "surprise_fear" is "fear_surprise".
_BY_COMPONENTS = {tuple(sorted(parts)): parts for parts in MAFW_COMPOUND_CLASSES.values() if len(parts) > 1}
# What joins the descriptions of a compound's components into one prompt.
JOINT = ". "
# Up to here a text is taken as the name of an emotion; beyond, as a description of its own.
MAX_NAME_WORDS = 4

_WEIGHTED = re.compile(r"(?P<weight>[+-]?(?:\d+\.?\d*|\.\d+))\s*\*\s*(?P<text>.+)", re.DOTALL)
_QUOTED = re.compile(r"""("[^"]*"|'[^']*'(?!\w))""")


@dataclass(frozen=True)
class Prompt:
    """One text, given to the model as it is."""

    text: str


@dataclass(frozen=True)
class Ensemble:
    """Several texts for one class.

    Args:
        parts: Texts, or trees.
        average: `"logits"`: the class's logit is the mean of its parts' (Exp-CLIP). `"embeddings"`: the parts' normalised
            embeddings are averaged and normalised again (CLIP's way).
    """

    parts: tuple[Any, ...]
    average: str = "logits"

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", _checked_parts("Ensemble", self.parts))
        if self.average not in AVERAGES:
            raise ValueError(f"`average` must be one of {', '.join(AVERAGES)}, got {self.average!r}.")


@dataclass(frozen=True)
class Compound:
    """A class made of others: the weighted mean of its parts' embeddings before normalisation (EmoCLIP, equation 2).

    Args:
        parts: Texts, or trees.
        weights: One finite number greater than 0 for each part, all equal if absent.
    """

    parts: tuple[Any, ...]
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", _checked_parts("Compound", self.parts))
        weights = (1.0,) * len(self.parts) if self.weights is None else tuple(self.weights)
        if len(weights) != len(self.parts):
            raise ValueError(f"A compound of {len(self.parts)} parts must have as many weights, got {len(weights)}.")
        for weight in weights:
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
                raise ValueError(f"A weight must be a finite number greater than 0, got {weight!r}.")
        object.__setattr__(self, "weights", tuple(float(weight) for weight in weights))


Tree = Prompt | Ensemble | Compound


@dataclass(frozen=True)
class Style:
    """How a class name becomes texts.

    Args:
        name: A key of `PROMPT_TEMPLATES`, a text with `{}` for the name, one of `ENSEMBLE_STYLES`, or `"description"`,
            which takes the class's description; a text without one stands as it is. `"auto"` takes the description where
            there is one, puts names of up to `MAX_NAME_WORDS` words into a template, and leaves longer texts alone.
        compound: `"average"` makes compound classes of their components' embeddings, `"concatenate"` of one prompt that
            joins the components' texts.
        descriptions: Class name in lower case -> description; EmoCLIP's own if absent.
    """

    name: str = "name"
    compound: str = "average"
    descriptions: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        known = ("auto", *PROMPT_TEMPLATES, *ENSEMBLE_STYLES, "description")
        if self.name not in known and self.name.count("{}") != 1:
            raise ValueError(
                f"`style` must be one of {', '.join(known)} or a text with one {{}} in it, got {self.name!r}."
            )
        if self.compound not in COMPOUND_MODES:
            raise ValueError(f"`compound` must be one of {', '.join(COMPOUND_MODES)}, got {self.compound!r}.")


def parse_class(spec: Any, style: Style | None = None) -> Tree:
    """Return the tree of one class.

    Args:
        spec: A text: a class name, a compound class of MAFW (in any order of its parts) or RAF-DB, a sum such as `"happiness + 2*surprise"`, or any
            text. In quotes a text stands as it is, whatever the style; a `+` or `*` that makes no sum is text too. Or a
            list of these (an `Ensemble`), a mapping part -> weight (a `Compound`), or a tree whose parts may be any of
            these.
        style: How names become texts; by default they stand for themselves.

    Raises:
        ValueError: A text is empty, a weight is out of its range, or the form is none of these.
    """
    style = style or Style()
    if isinstance(spec, str):
        return _parse_text(spec, style)
    if isinstance(spec, Prompt):
        return Prompt(_checked_text(spec.text))
    if isinstance(spec, Ensemble):
        return Ensemble(tuple(parse_class(part, style) for part in spec.parts), spec.average)
    if isinstance(spec, Compound):
        return _combined(Compound(tuple(parse_class(part, style) for part in spec.parts), spec.weights), style)
    if isinstance(spec, Mapping):
        return parse_class(Compound(tuple(spec), tuple(spec.values())), style)
    if isinstance(spec, Sequence) and not isinstance(spec, bytes):
        return parse_class(Ensemble(tuple(spec)), style)
    raise ValueError(f"A class must be a text, a list, a mapping or a tree of texts, got {spec!r}.")


def class_names(classes: Any) -> list[str]:
    """Return a name for each class: the keys of a mapping, else each text, or the texts within joined by " + ".

    Raises:
        ValueError: There is no class, or two have one name.
    """
    names = [str(name) for name in classes] if isinstance(classes, Mapping) else [_name(spec) for spec in classes]
    if not names:
        raise ValueError("At least 1 class must be given, got none.")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"Every class must be given once, got {', '.join(map(repr, repeated))} several times.")
    return names


def texts_of(tree: Tree) -> Iterator[str]:
    """Yield every text of a tree, in order."""
    if isinstance(tree, Prompt):
        yield tree.text
        return
    for part in tree.parts:
        yield from texts_of(part)


def _parse_text(spec: str, style: Style) -> Tree:
    text = _checked_text(spec)
    terms = _terms(text)
    if len(terms) > 1:
        parts, weights = zip(*terms, strict=True)
        return _combined(Compound(tuple(_leaf(part, style) for part in parts), weights), style)
    return _leaf(text, style)


def _terms(text: str) -> list[tuple[str, float]]:
    """Parts of a sum with their weights; one part if the text is no sum. Quoted stretches are never taken apart."""
    pieces = _QUOTED.split(text)
    held = [piece if number % 2 == 0 else f"\0{number}\0" for number, piece in enumerate(pieces)]
    terms = []
    for term in "".join(held).split("+"):
        match = _WEIGHTED.fullmatch(term.strip())
        body, weight = (match["text"], float(match["weight"])) if match else (term.strip(), 1.0)
        if not body:
            # "C++", "+", "a +": no sum, so the text is meant as it stands.
            return [(text, 1.0)]
        for number in range(1, len(pieces), 2):
            body = body.replace(f"\0{number}\0", pieces[number])
        terms.append((body, weight))
    return terms


def _leaf(text: str, style: Style) -> Tree:
    """One name or text under the style."""
    if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'" and _QUOTED.fullmatch(text):
        return Prompt(_checked_text(text[1:-1]))
    name = text.casefold()
    components = COMPOUND_CLASSES.get(name) or _BY_COMPONENTS.get(tuple(sorted(name.split("_"))), ())
    if len(components) > 1:
        return _combined(Compound(tuple(_leaf(component, style) for component in components)), style)
    if style.name == "auto":
        is_name = len(text.split()) <= MAX_NAME_WORDS
        template = PROMPT_TEMPLATES["expression"] if is_name else "{}"
        return Prompt((style.descriptions or {}).get(name) or template.replace("{}", text))
    if style.name == "description":
        descriptions = EMOCLIP_CLASS_DESCRIPTIONS if style.descriptions is None else style.descriptions
        return Prompt(descriptions.get(name, text))
    if style.name in ENSEMBLE_STYLES:
        return Ensemble(tuple(Prompt(one) for one in ensemble_texts(style.name, text)))
    return Prompt(PROMPT_TEMPLATES.get(style.name, style.name).replace("{}", text))


def _combined(compound: Compound, style: Style) -> Tree:
    """A compound as it is, or as the one prompt that joins its parts' texts."""
    if style.compound == "average":
        return compound
    if any(isinstance(part, Ensemble) for part in compound.parts):
        raise ValueError('`compound="concatenate"` joins single texts, got an ensemble; choose another style.')
    return Prompt(JOINT.join(text.rstrip(".") for text in texts_of(compound)))


def _name(spec: Any) -> str:
    if isinstance(spec, str):
        return " ".join(spec.split())
    return " + ".join(" ".join(text.split()) for text in texts_of(parse_class(spec)))


def _checked_text(text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"The text of a class must not be empty, got {text!r}.")
    return " ".join(text.split())


def _checked_parts(kind: str, parts: Any) -> tuple[Any, ...]:
    if isinstance(parts, str) or not isinstance(parts, Sequence) or len(parts) == 0:
        raise ValueError(f"`{kind}` must have a list of at least 1 part, got {parts!r}.")
    return tuple(parts)


__all__ = [
    "MAX_NAME_WORDS",
    "Compound",
    "Ensemble",
    "Prompt",
    "Style",
    "class_names",
    "parse_class",
    "texts_of",
]
