# SPDX-License-Identifier: Apache-2.0
"""The vectors that windows are compared with: the user's words through the text tower."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from modeling_emoclip.prototypes_emoclip import PrototypeEncoder
from modeling_emoclip.text_classes_emoclip import Prompt, texts_of

from .scoring import Prototypes
from .source_model import LoadedModel
from .words import NEUTRAL_TEXT, VARIANTS, Emotions, describe_tree, word_trees


@dataclass(frozen=True)
class WordReading:
    """How the words were read.

    Args:
        texts: Word -> the text that the model read for it, see `describe_tree`.
        prototypes: Their vectors.
        warnings: Texts that were cut, a sentence each.
        described: Words that stand for descriptions of the model's own configuration.
        groups: Name of a group -> its words.
        emotions, prompt: What was read, and how.
    """

    texts: dict[str, str]
    prototypes: Prototypes
    emotions: Emotions
    prompt: str
    warnings: tuple[str, ...] = ()
    described: tuple[str, ...] = ()
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)


def read_words(
    emotions: Emotions,
    loaded: LoadedModel,
    *,
    prompt: str = "auto",
    agreement: bool = False,
    neutral: bool = False,
    encoder: PrototypeEncoder | None = None,
) -> WordReading:
    """Return the words' vectors and the texts behind them.

    Args:
        emotions: What the user asks for.
        loaded: The model.
        prompt: How a word becomes a text, see `word_trees`.
        agreement: Also read the words by each of `VARIANTS`, for the interval of their match.
        neutral: Also read `NEUTRAL_TEXT`.
        encoder: Keeps what it has read; the model's own if absent.

    Raises:
        ValueError: `prompt` is not known.
    """
    encoder = encoder or loaded.prototypes
    trees = word_trees(emotions, prompt, loaded.class_descriptions)
    variants = [word_trees(emotions, variant, loaded.class_descriptions) for variant in VARIANTS if agreement]
    prototypes = Prototypes(
        emotions.names,
        encoder.encode(trees).cpu(),
        loaded.model.get_logit_multiplier().item(),
        tuple(encoder.encode(varied).cpu() for varied in variants),
        encoder.encode([Prompt(NEUTRAL_TEXT)])[0].cpu() if neutral else None,
    )
    own = set(loaded.class_descriptions.values())
    described = {name: describe_tree(tree) for name, tree in trees.items()}
    return WordReading(
        texts=described,
        prototypes=prototypes,
        emotions=emotions,
        prompt=prompt,
        warnings=(
            *shared_texts(described),
            *cut_texts((text for tree in trees.values() for text in texts_of(tree)), loaded),
        ),
        described=tuple(name for name, tree in trees.items() if any(text in own for text in texts_of(tree))),
        groups={name: tuple(members) for name, members in emotions.groups.items()},
    )


def shared_texts(texts: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each text that stands for several words, such as `a+b` and `a + b`: each gets half of its match."""
    words: dict[str, list[str]] = {}
    for word, text in texts.items():
        words.setdefault(text, []).append(word)
    return tuple(
        f"The text {text} stands for {' and '.join(map(repr, same))}, which share its match; leave one out."
        for text, same in words.items()
        if len(same) > 1
    )


def cut_texts(texts: Iterable[str], loaded: LoadedModel) -> tuple[str, ...]:
    """Return a sentence for each text that the tokenizer cuts at its limit."""
    tokenizer = loaded.processor.tokenizer
    limit = tokenizer.model_max_length
    sentences = []
    for text in dict.fromkeys(texts):
        # A token is at least a byte: short texts need no second reading.
        if len(text.encode()) + 2 <= limit:
            continue
        length = len(tokenizer(text, truncation=False, verbose=False)["input_ids"])
        if length > limit:
            shown = text if len(text) <= 60 else f"{text[:57]}..."
            sentences.append(f"The text {shown!r} has {length} tokens, of which the model reads the first {limit}.")
    return tuple(sentences)


__all__ = ["WordReading", "cut_texts", "read_words", "shared_texts"]
