# SPDX-License-Identifier: Apache-2.0
"""Temperature and prior correction fitted from clips without labels, kept in a file.

- Prior correction: some words fit every face a little better than others do, whatever it shows. Each word gets a bias such
  that over the clips the mean matches are equal, or as a given prior says. It assumes that the clips are as mixed as the prior.
- Temperature: how sharp matches are. It is chosen such that the mean highest match equals the share of windows for which the
  same words under other prompts name the same best word: a model is to be as sure as its readings of one meaning agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from .result import Analysis
from .saving import check_output, write_whole
from .scoring import Prototypes, ScoringSettings, is_scored, similarities
from .source_model import LoadedModel, scoring
from .words import describe_tree, read_emotions, word_trees


MIN_WINDOWS = 20
STEPS = 200
TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class Calibration:
    """What was fitted.

    Args:
        words: The words, in their order.
        bias: Word -> what is added to its scaled similarity.
        temperature: What the scale is divided by.
        agreement: Share of windows for which the prompts agree on the best word.
        num_windows: How many windows it was fitted from.
        model: Name of the model.
        texts: Word -> the text that was read for it.
        weights: Of the model, see `LoadedModel.digest`; without it the name tells.
    """

    words: tuple[str, ...]
    bias: dict[str, float]
    temperature: float
    agreement: float
    num_windows: int
    model: str
    texts: dict[str, str]
    weights: str = ""

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write a `.json` file, whole or not at all, and return its path.

        Raises:
            ValueError: Another ending.
            FileExistsError: The file exists and `overwrite` is false.
        """
        path = check_output("calibration", path, (".json",), overwrite=overwrite)
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"
        return write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))

    def applied(
        self, settings: ScoringSettings, emotions: Any, loaded: LoadedModel, prompt: str = "auto"
    ) -> ScoringSettings:
        """Return the settings with what was fitted.

        Args:
            settings: The others stay.
            emotions: As for `analyze`.
            loaded: The model.
            prompt: As for `analyze`.

        Raises:
            ValueError: It was fitted for other words, other texts of the same words, or by another model.
        """
        wanted = read_emotions(emotions)
        # A folder may be written in two ways, and trained on under the same name.
        same_model = loaded.digest() == self.weights if self.weights else loaded.name == self.model
        if set(wanted.names) != set(self.words) or not same_model:
            raise ValueError(
                f"A calibration belongs to its words and its model, this one to {', '.join(self.words)} by {self.model}, got "
                f"{', '.join(wanted.names)} by {loaded.name}{'' if same_model else ' with other weights'}; fit another."
            )
        for name, tree in word_trees(wanted, prompt, loaded.class_descriptions).items():
            if describe_tree(tree) != self.texts.get(name):
                raise ValueError(
                    f"A calibration belongs to the texts of its words, this one read {self.texts.get(name)!r} for {name!r}, "
                    f"got {describe_tree(tree)!r}; use the prompt and the descriptions that it was fitted with, or fit another."
                )
        return replace(settings, bias=dict(self.bias), temperature=self.temperature)


def read_calibration(source: Any) -> Calibration:
    """Return a calibration, given as it is or as its file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is none.
    """
    if isinstance(source, Calibration):
        return source
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(f"`calibration` must name a file, {path} is none; make one by `emoclip calibrate`.")
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Calibration(**{**fields, "words": tuple(fields["words"])})
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"`calibration` must be a file of `emoclip calibrate`, {path} is none ({error}); make it again."
        ) from error


def fit_calibration(analysis: Analysis, prior: Mapping[str, float] | None = None) -> Calibration:
    """Return temperature and biases fitted from an analysis of clips without labels.

    Args:
        analysis: What `analyze` returned, of as many and as mixed clips as can be had; its words are calibrated.
        prior: Word -> its expected mean match, adding up to 1; all equal if absent.

    Raises:
        ValueError: Fewer than `MIN_WINDOWS` windows with scores, fewer than two words, or a prior of other words.
    """
    if analysis.windows is None or analysis.loaded is None or analysis.reading is None:
        raise ValueError("A calibration needs what `analyze` returned, got tables alone; analyse the clips.")
    words = analysis.reading.prototypes.words
    with scoring(analysis.loaded.model):
        prototypes = analysis.reread(agreement=True).prototypes
    scored = is_scored(analysis.windows, analysis.settings)
    if len(words) < 2 or int(scored.sum()) < MIN_WINDOWS:
        raise ValueError(
            f"A calibration needs at least 2 words and {MIN_WINDOWS} windows with scores, got {len(words)} words and "
            f"{int(scored.sum())} windows; give more clips."
        )
    target = _target(words, prior)
    similarity = similarities(analysis.windows.embeds[scored], prototypes.vectors)
    agreement = prompt_agreement(analysis.windows.embeds[scored], prototypes)
    temperature, bias = fit(prototypes.scale * similarity, target, agreement)
    return Calibration(
        words=words,
        bias=dict(zip(words, bias.tolist(), strict=True)),
        temperature=temperature,
        agreement=agreement,
        num_windows=int(scored.sum()),
        model=analysis.loaded.name,
        texts=dict(analysis.texts),
        weights=analysis.loaded.digest(),
    )


def fit(logits: torch.Tensor, target: torch.Tensor, confidence: float) -> tuple[float, torch.Tensor]:
    """Return the temperature and the biases (words,) that give matches the wanted mean and the wanted confidence.

    Args:
        logits: Scaled similarities, float64 (windows, words).
        target: (words,), the wanted mean of each word's match, adding up to 1.
        confidence: The wanted mean of the highest match. What no temperature reaches is approached.
    """
    low, high = (torch.tensor(edge, dtype=torch.float64).log() for edge in TEMPERATURES)
    for _ in range(40):
        middle = (low + high) / 2
        bias = prior_bias(logits / middle.exp(), target)
        sure = (logits / middle.exp() + bias).softmax(dim=1).max(dim=1).values.mean()
        # A higher temperature makes less sure.
        low, high = (middle, high) if sure > confidence else (low, middle)
    temperature = float(((low + high) / 2).exp())
    return temperature, prior_bias(logits / temperature, target)


def prior_bias(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the biases (words,), of mean 0, with which the mean of the softmax over windows is `target`."""
    bias = torch.zeros(logits.shape[1], dtype=torch.float64)
    for _ in range(STEPS):
        mean = (logits + bias).softmax(dim=1).mean(dim=0)
        step = target.log() - mean.clamp(min=1e-300).log()
        bias = bias + step
        if float(step.abs().max()) < 1e-10:
            break
    return bias - bias.mean()


def prompt_agreement(embeds: torch.Tensor, prototypes: Prototypes) -> float:
    """Return the mean over other prompts of the share of windows whose best word is the same as by the first prompt."""
    best = similarities(embeds, prototypes.vectors).argmax(dim=1)
    shares = [(similarities(embeds, one).argmax(dim=1) == best).double().mean() for one in prototypes.variants]
    return float(torch.stack(shares).mean()) if shares else 1.0


def _target(words: Sequence[str], prior: Mapping[str, float] | None) -> torch.Tensor:
    if prior is None:
        return torch.full((len(words),), 1 / len(words), dtype=torch.float64)
    values = [float(prior.get(word, 0.0)) for word in words]
    if set(prior) != set(words) or min(values) <= 0 or abs(sum(values) - 1) > 1e-6:
        raise ValueError(f"`prior` must give each word a share above 0 that add up to 1, got {dict(prior)}.")
    return torch.tensor(values, dtype=torch.float64)


__all__ = ["Calibration", "fit", "fit_calibration", "prior_bias", "prompt_agreement", "read_calibration"]
