# SPDX-License-Identifier: Apache-2.0
"""Punctuation for text without any, by a token classifier that names the mark after every word."""

from __future__ import annotations

import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

from emoclip.dialogue.found_model import loading


# What the library `deepmultilingualpunctuation`, which EmotionCLIP uses, loads by default.
DEFAULT_PUNCTUATION_MODEL = "oliverguhr/fullstop-punctuation-multilang-large"
MARKS = (".", ",", "?", "!", "-", ":")
# Words at a time, and those on either side that are read for their context alone.
WINDOW, CONTEXT = 180, 30


class PunctuationModel:
    """Sets the marks of a text, in windows that overlap.

    Args:
        name: Hub id or folder of a token classifier whose labels are marks, and something else for none.
        device: Where it runs.

    Raises:
        ValueError: The model has no label ".".
        FileNotFoundError: The model cannot be found.
    """

    def __init__(self, name: str = DEFAULT_PUNCTUATION_MODEL, device: str | torch.device = "cpu"):
        with loading("punctuation model", name):
            self.tokenizer = AutoTokenizer.from_pretrained(name)
            self.model = AutoModelForTokenClassification.from_pretrained(name).to(device).eval()
        self.labels = {int(key): str(value) for key, value in self.model.config.id2label.items()}
        if "." not in self.labels.values():
            raise ValueError(
                f"A punctuation model must have the label '.', {name} has {', '.join(self.labels.values())}."
            )

    def __call__(self, words: list[str]) -> list[str]:
        """Return the words, each with its mark behind it."""
        marked: list[str] = []
        step = WINDOW - 2 * CONTEXT
        for begin in range(0, len(words), step):
            first = max(begin - CONTEXT, 0)
            window = words[first : begin + step + CONTEXT]
            marks = self._marks(window)
            kept = slice(begin - first, begin - first + step)
            marked += [word + mark for word, mark in zip(window[kept], marks[kept], strict=True)]
        return marked

    @torch.inference_mode()
    def _marks(self, words: list[str]) -> list[str]:
        encoded = self.tokenizer(words, is_split_into_words=True, return_tensors="pt", verbose=False)
        if encoded["input_ids"].shape[1] > self.tokenizer.model_max_length and len(words) > 1:
            # Long words have many pieces; cut off, their end would be left without marks.
            half = len(words) // 2
            return self._marks(words[:half]) + self._marks(words[half:])
        predicted = self.model(**encoded.to(self.model.device)).logits[0].argmax(dim=-1).tolist()
        marks = [""] * len(words)
        # The last piece of a word decides, for the mark stands behind it.
        for place, number in enumerate(encoded.word_ids()):
            if number is not None:
                label = self.labels[predicted[place]]
                marks[number] = label if label in MARKS else ""
        return marks


__all__ = ["DEFAULT_PUNCTUATION_MODEL", "PunctuationModel"]
