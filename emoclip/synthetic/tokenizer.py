# SPDX-License-Identifier: Apache-2.0
"""A small byte-level BPE tokenizer with CLIP's conventions, trained on the captions of the rendered world.

As in CLIP: lower case, `</w>` at word ends, 256 bytes and 256 word-final bytes first, then the merges, then `<|startoftext|>` and
`<|endoftext|>` as the last id. Every byte is in the vocabulary, so no text ever yields a stray end-of-text token.
"""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, trainers
from tokenizers.models import BPE


if TYPE_CHECKING:
    from transformers import CLIPTokenizer

BOS_TOKEN = "<|startoftext|>"
EOS_TOKEN = "<|endoftext|>"
_WORD_END = "</w>"
_NUM_FIXED = 2 * 256 + 2


def train_tokenizer(texts: Iterable[str], *, vocab_size: int = 1024, max_length: int = 77) -> "CLIPTokenizer":
    """A CLIP tokenizer with at most `vocab_size` tokens; the same texts give the same tokenizer.

    Padding is the end-of-text token, whose id is the vocabulary size minus 1; `model_max_length` is `max_length`.

    Raises:
        ValueError: if `vocab_size` is too small to hold all bytes and the two special tokens.
    """
    # Transformers takes seconds to import and rendering processes do not need it.
    from transformers import CLIPTokenizer

    if vocab_size < _NUM_FIXED:
        raise ValueError(f"`vocab_size` must be at least {_NUM_FIXED} to hold every byte, got {vocab_size}.")
    alphabet = _byte_alphabet()
    vocab = {token: index for index, token in enumerate([*alphabet, *(letter + _WORD_END for letter in alphabet)])}
    merges = _train_merges(texts, CLIPTokenizer(), vocab_size)[: vocab_size - _NUM_FIXED]
    for left, right in merges:
        vocab.setdefault(left + right, len(vocab))
    for special in (BOS_TOKEN, EOS_TOKEN):
        vocab[special] = len(vocab)
    # Transformers types `merges` as strings and hands it on to `tokenizers`, which wants pairs.
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=max_length)  # type: ignore[arg-type]


def _train_merges(texts: Iterable[str], template: "CLIPTokenizer", vocab_size: int) -> list[tuple[str, str]]:
    """BPE merges in order, learned with the normaliser and word splitting of `template`."""
    learner = Tokenizer(BPE(end_of_word_suffix=_WORD_END))
    learner.normalizer = template.backend_tokenizer.normalizer
    learner.pre_tokenizer = template.backend_tokenizer.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[], end_of_word_suffix=_WORD_END, show_progress=False, min_frequency=2
    )
    learner.train_from_iterator(texts, trainer)
    return [(left, right) for left, right in json.loads(learner.to_str())["model"]["merges"]]


def _byte_alphabet() -> list[str]:
    """The 256 characters that stand for bytes, in CLIP's order: printable ones first."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    shifted = len(set(range(256)) - set(printable))
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(shifted)]
