# SPDX-License-Identifier: Apache-2.0
"""From window embeddings and class prototypes to numbers: similarity, relative match, intervals. Pure tensors and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import normalize

from .window_set import WindowSet


TIMELINE_COLUMNS = (
    "video",
    "person",
    "start",
    "end",
    "emotion",
    "similarity",
    "match",
    "match_low",
    "match_high",
    "quality",
    "face_size",
    "sharpness",
    "frontality",
    "coverage",
    "mark",
)
OTHER = "none of these"


@dataclass(frozen=True)
class ScoringSettings:
    """How similarities become matches.

    Args:
        other: A similarity in [-1, 1]. It stands among the words as `OTHER`: where no word is more similar than that, the
            match goes to it.
        multi_label: Each word by itself instead of one against the other: the logistic function of how far its similarity
            exceeds `other`, or that of a neutral text where `other` is not given.
        temperature: Divides the model's scale; above 1 the matches come closer together.
        bias: Word -> number added to its scaled similarity, from a calibration. Biases even words out against one another,
            so they have no part in `multi_label`.
        min_quality: Windows of a lower quality are marked and get no scores.

    Raises:
        ValueError: A value is out of its range, or `other` is to stand among words with biases, which it has none of.
    """

    other: float | None = None
    multi_label: bool = False
    temperature: float = 1.0
    bias: Mapping[str, float] = field(default_factory=dict)
    min_quality: float = 0.0

    def __post_init__(self) -> None:
        for name, value in {
            "other": self.other or 0.0,
            "temperature": self.temperature,
            "min_quality": self.min_quality,
        }.items():
            if not isinstance(value, Real):
                raise ValueError(f"`{name}` must be a number, got {value!r}; write for example 0.2.")
        if self.other is not None and not -1 <= self.other <= 1:
            raise ValueError(f"`other` must be a similarity in [-1, 1], got {self.other!r}; give for example 0.2.")
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"`temperature` must be a finite number above 0, got {self.temperature!r}.")
        if not 0 <= self.min_quality <= 1:
            raise ValueError(f"`min_quality` must be in [0, 1], got {self.min_quality!r}.")
        if self.other is not None and self.bias and not self.multi_label:
            # A word may then win below `other`, and lose above it.
            raise ValueError(
                f"`other` is a plain similarity, a calibration shifts those of the words, got other={self.other!r} with a "
                "calibration; leave one of the two out."
            )


@dataclass(frozen=True)
class Prototypes:
    """What windows are compared with.

    Args:
        words: The user's words.
        vectors: float32, (words, dim), as the prototype encoder gives them.
        scale: The multiplier before the softmax, already exponentiated.
        variants: The same words by other prompts, each (words, dim); empty where the prompt was not varied.
        neutral: (dim,), a text that names no expression, for `multi_label`.
    """

    words: tuple[str, ...]
    vectors: torch.Tensor
    scale: float
    variants: tuple[torch.Tensor, ...] = ()
    neutral: torch.Tensor | None = None


def similarities(embeds: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Return the similarity of each window to each prototype, float64 (windows, words); NaN where there is no face."""
    # In double precision a row of matches adds up to 1 to the last printed digit.
    return normalize(embeds.double(), dim=-1) @ vectors.double().cpu().T


def matches(
    similarity: torch.Tensor,
    words: Sequence[str],
    scale: float,
    settings: ScoringSettings,
    threshold: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the match of each word, (windows, words), or (windows, words + 1) with `OTHER` last.

    Args:
        similarity: (windows, words).
        words: Their names, for the biases.
        scale: The model's multiplier.
        settings: How.
        threshold: (windows,), the similarity against which single words are held with `multi_label`.
    """
    logits = scale / settings.temperature * similarity
    if settings.multi_label:
        edge = scale / settings.temperature * (torch.zeros(len(similarity)) if threshold is None else threshold)
        single = torch.sigmoid(logits - edge.double()[:, None])
        return single if settings.other is None else torch.cat([single, 1 - single.max(dim=1, keepdim=True).values], 1)
    logits = logits + torch.tensor([settings.bias.get(word, 0.0) for word in words], dtype=torch.float64)
    if settings.other is not None:
        rest = torch.full_like(logits[:, :1], scale / settings.temperature * settings.other)
        rest[similarity[:, 0].isnan()] = float("nan")
        logits = torch.cat([logits, rest], dim=1)
    return logits.softmax(dim=-1)


def score_windows(windows: WindowSet, prototypes: Prototypes, settings: ScoringSettings | None = None) -> pd.DataFrame:
    """Return the timeline: every window against every word, `TIMELINE_COLUMNS`."""
    settings = settings or ScoringSettings()
    similarity = similarities(windows.embeds, prototypes.vectors)
    withheld = _withheld(windows, settings)
    similarity[withheld] = float("nan")
    threshold = _threshold(windows, prototypes, settings)
    match = matches(similarity, prototypes.words, prototypes.scale, settings, threshold)
    others = [
        matches(_hidden(similarities(windows.embeds, variant), withheld), prototypes.words, prototypes.scale, settings, threshold)
        for variant in prototypes.variants
    ]  # fmt: skip
    stacked = torch.stack([match, *others]) if others else torch.full((1, *match.shape), float("nan"))
    words = list(prototypes.words)
    if settings.other is not None:
        words.append(OTHER)
        rest = torch.full_like(similarity[:, :1], settings.other)
        rest[similarity[:, 0].isnan()] = float("nan")
        similarity = torch.cat([similarity, rest], dim=1)
    repeated = windows.table.loc[windows.table.index.repeat(len(words))].reset_index(drop=True)
    repeated["mark"] = _marks(windows.table, withheld.numpy(), settings).repeat(len(words))
    scored = pd.DataFrame(
        {
            "emotion": words * len(windows.table),
            "similarity": similarity.flatten().numpy(),
            "match": match.flatten().numpy(),
            "match_low": stacked.amin(dim=0).flatten().numpy(),
            "match_high": stacked.amax(dim=0).flatten().numpy(),
        }
    )
    return pd.concat([repeated, scored], axis=1)[list(TIMELINE_COLUMNS)]


def is_scored(windows: WindowSet, settings: ScoringSettings) -> torch.Tensor:
    """Return which windows have scores, bool (windows,): there is a face, and its quality is high enough."""
    return ~windows.embeds.isnan().any(dim=1) & ~_withheld(windows, settings)


def check_words(words: Sequence[str], settings: ScoringSettings) -> None:
    """Refuse a word that would share its row with `OTHER`.

    Raises:
        ValueError: There is one.
    """
    same = [word for word in words if word.casefold() == OTHER]
    if settings.other is not None and same:
        raise ValueError(
            f"With `other` the row {OTHER!r} is added, got the word {same[0]!r} as well; say it otherwise."
        )


def _withheld(windows: WindowSet, settings: ScoringSettings) -> torch.Tensor:
    return torch.from_numpy((windows.table["quality"].astype(float) < settings.min_quality).to_numpy().copy())


def _threshold(windows: WindowSet, prototypes: Prototypes, settings: ScoringSettings) -> torch.Tensor | None:
    if not settings.multi_label:
        return None
    if settings.other is not None or prototypes.neutral is None:
        return torch.full((len(windows.table),), settings.other or 0.0)
    return similarities(windows.embeds, prototypes.neutral[None])[:, 0]


def _hidden(similarity: torch.Tensor, withheld: torch.Tensor) -> torch.Tensor:
    similarity[withheld] = float("nan")
    return similarity


def _marks(table: pd.DataFrame, withheld: np.ndarray, settings: ScoringSettings) -> np.ndarray:
    marks = table["mark"].to_numpy(dtype=object, copy=True)
    for row in np.flatnonzero(withheld):
        reason = f"quality below {settings.min_quality:g}, not scored"
        marks[row] = f"{marks[row]}; {reason}" if marks[row] else reason
    return marks


__all__ = [
    "OTHER",
    "TIMELINE_COLUMNS",
    "Prototypes",
    "ScoringSettings",
    "check_words",
    "is_scored",
    "matches",
    "score_windows",
    "similarities",
]
