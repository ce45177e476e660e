# SPDX-License-Identifier: Apache-2.0
"""Sentiment of sentences: raw logits of a text classifier, and the probability that it is neutral (EmotionCLIP, section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from emoclip.dialogue.found_model import loading


DEFAULT_SENTIMENT_MODEL = "j-hartmann/emotion-english-distilroberta-base"
FEWEST_SENTIMENTS = 7
NEUTRAL = "neutral"
# Length in tokens that the original cuts at.
MAX_TOKENS = 77


class SentimentModel:
    """A text classifier with at least seven classes, one of them neutral.

    Args:
        name: Hub id or folder.
        batch_size: Sentences at a time.
        device: Where it runs.

    Raises:
        ValueError: It has fewer classes, or none is called neutral.
        FileNotFoundError: The model cannot be found.
    """

    def __init__(self, name: str = DEFAULT_SENTIMENT_MODEL, batch_size: int = 32, device: str | torch.device = "cpu"):
        with loading("sentiment model", name):
            self.tokenizer = AutoTokenizer.from_pretrained(name)
            self.model = AutoModelForSequenceClassification.from_pretrained(name).to(device).eval()
        self.batch_size = batch_size
        self.names = [str(self.model.config.id2label[number]) for number in range(self.model.config.num_labels)]
        if len(self.names) < FEWEST_SENTIMENTS:
            raise ValueError(
                f"A sentiment model must tell at least {FEWEST_SENTIMENTS} classes apart, {name} has {len(self.names)} "
                f"({', '.join(self.names)}); choose another by --sentiment-model."
            )
        lower = [label.lower() for label in self.names]
        if NEUTRAL not in lower:
            raise ValueError(
                f"A sentiment model must have the class `{NEUTRAL}`, {name} has {', '.join(self.names)}; choose another by "
                "--sentiment-model."
            )
        self.neutral = lower.index(NEUTRAL)

    @torch.inference_mode()
    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """Return the logits of every text, float32 (number of texts, number of classes)."""
        parts = [np.empty((0, len(self.names)), np.float32)]
        for begin in range(0, len(texts), self.batch_size):
            batch = self.tokenizer(
                list(texts[begin : begin + self.batch_size]),
                truncation=True,
                max_length=min(MAX_TOKENS, self.tokenizer.model_max_length),
                padding=True,
                return_tensors="pt",
            )
            parts.append(self.model(**batch.to(self.model.device)).logits.float().cpu().numpy())
        return np.concatenate(parts)

    def neutral_scores(self, logits: np.ndarray) -> np.ndarray:
        """Return the probability of the neutral class, (number of texts,)."""
        return torch.from_numpy(logits).softmax(dim=-1)[:, self.neutral].numpy()


__all__ = ["DEFAULT_SENTIMENT_MODEL", "SentimentModel"]
