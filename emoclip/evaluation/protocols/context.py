# SPDX-License-Identifier: Apache-2.0
"""What every protocol works with: the clips and their folds, the systems, and the features of clips by system."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from emoclip.evaluation.clip_features import ClipFeatures, PassOptions, encode_features
from emoclip.evaluation.clip_rows import ClipRows, Fold
from emoclip.evaluation.config import EvaluationConfig, SystemConfig
from emoclip.evaluation.kept_features import KeptFeatures
from emoclip.evaluation.predictions import PredictionTable
from emoclip.evaluation.processes import process_rank
from emoclip.evaluation.prompts import class_trees, prompt_set_name, tree_texts
from emoclip.evaluation.systems import HEAD, Origin, System, load_system
from emoclip.evaluation.zero_shot import class_scores
from modeling_emoclip.text_classes_emoclip import Prompt, Tree


@dataclass(frozen=True)
class Part:
    """A system on the folds that it is for: all of them, or one where there is a model for each.

    Args:
        system: The model.
        features: Of the clips that were asked for.
        folds: Whose test clips it is judged on.
    """

    system: System
    features: ClipFeatures
    folds: list[Fold]


class Context:
    """One run's clips, systems and features.

    Args:
        config: The run.
        clips: Its manifest.
        kept: Where features are kept.
        device: Where models compute.
        dtype: Number format of their matrix products.

    Attributes:
        folds: What is judged together.
        texts: Prompt set -> class -> texts, as they were used.
        errors: Clip id -> sentence, of the clips that could not be read.
        encoded: Clips that went through a pass, those of every pass counted, and the seconds of all passes.
    """

    def __init__(
        self,
        config: EvaluationConfig,
        clips: ClipRows,
        kept: KeptFeatures,
        device: torch.device,
        dtype: torch.dtype | None,
    ):
        self.config, self.clips, self.kept = config, clips, kept
        self.device, self.dtype = device, dtype
        self.class_names = list(clips.about.class_names)
        self.folds = clips.folds(config.clips)
        self.texts: dict[str, dict[str, str]] = {}
        self.errors: dict[str, str] = {}
        self.encoded: tuple[int, float] = (0, 0.0)
        self.shared = {spec.name: self.load(spec) for spec in config.systems if not self.is_per_fold(spec)}
        self._features: dict[str, ClipFeatures] = {}

    @property
    def is_main(self) -> bool:
        """Whether this process makes the tables; the others only encode."""
        return process_rank() == 0

    @property
    def test_rows(self) -> np.ndarray:
        """Row numbers of all clips that are judged."""
        return np.concatenate([fold.test for fold in self.folds])

    def load(self, spec: SystemConfig, **places: str | int) -> System:
        """The system of a configuration."""
        return load_system(spec, self.config.model, dtype=self.dtype, device=self.device, **places)

    def encode(
        self, systems: Sequence[System], numbers: np.ndarray, rows: Any = None, *, allow_none: bool = False
    ) -> dict[str, ClipFeatures]:
        """Features of clips by several systems in one pass: system name -> features.

        Args:
            systems: Whose features.
            numbers: Row numbers of the clips.
            rows: Other rows than the manifest's.
            allow_none: None of the clips need be readable, because they are only a part of what is judged.
        """
        start = time.perf_counter()
        data = self.config.clips
        options = PassOptions(data.batch_size, data.num_workers, data.repeat_stills, show_progress=True)
        table = self.clips.rows if rows is None else rows
        encoders = {system.name: system.encoder for system in systems}
        found = encode_features(encoders, table, numbers, kept=self.kept, options=options, allow_none=allow_none)
        clips, seconds = self.encoded
        self.encoded = clips + len(numbers), seconds + time.perf_counter() - start
        ids = table["clip_id"]
        for features in found.values():
            self.errors.update({ids[row]: error for row, error in features.errors.items()})
        return found

    def encode_shared(self, numbers: np.ndarray) -> None:
        """The one pass for all systems that are the same in every fold, over all rows that any protocol wants."""
        if self.shared and len(numbers):
            self._features = self.encode(list(self.shared.values()), numbers)

    def parts(self, spec: SystemConfig, *, with_train: bool = False) -> Iterator[Part]:
        """A system with its features, once for all folds or, where each fold has a model of its own, once for each.

        Args:
            spec: The system.
            with_train: Features of the rows that may be fitted on are wanted too.
        """
        for system, folds in self.models(spec):
            if not self.is_per_fold(spec):
                yield Part(system, self._features[spec.name], folds)
                continue
            (fold,) = folds
            rows = np.union1d(fold.test, fold.train) if with_train else fold.test
            yield Part(system, self.encode([system], rows, allow_none=not with_train)[spec.name], folds)

    def models(self, spec: SystemConfig) -> Iterator[tuple[System, list[Fold]]]:
        """A system and the folds that it is judged on: one for all, or one for each fold."""
        if not self.is_per_fold(spec):
            yield self.shared[spec.name], self.folds
            return
        for fold in self.folds:
            yield self.load(spec, **({} if fold.number is None else {"fold": fold.number})), [fold]

    def prompt_sets(self, system: System) -> tuple[str, ...]:
        """Those of a system, or the run's."""
        return system.prompt_sets or self.config.prompt_sets

    def trees(
        self, system: System, prompt_set: str, class_names: Sequence[str], compound: str = "average"
    ) -> dict[str, Tree]:
        """Class name -> texts, noted for the record; a model with a head has its own classes, which must be the same.

        Raises:
            ValueError: If classes of the model, the manifest and the prompt set do not match.
        """
        if system.encoder.class_names is not None:
            check_head_classes(system, class_names)
            # Places of the head's classes; their texts are not read.
            return {name: Prompt(name) for name in system.encoder.class_names}
        trees = class_trees(prompt_set, class_names, compound=compound, model_descriptions=system.class_descriptions)
        self.texts.setdefault(self.set_name(prompt_set, compound), {}).update(tree_texts(trees))
        return trees

    def set_name(self, prompt_set: str, compound: str = "average") -> str:
        """Name of a prompt set in tables."""
        name = prompt_set_name(prompt_set)
        return name if compound == "average" else f"{name}.{compound}"

    def scores(
        self, system: System, features: torch.Tensor, trees: dict[str, Tree], class_names: Sequence[str]
    ) -> np.ndarray:
        """Scores in the order of `class_names`: float32 (clips, classes), rows sum to 1."""
        scores = class_scores(system.encoder, features, list(trees.values()))
        places = {name: place for place, name in enumerate(trees)}
        return scores[:, [places[name] for name in class_names]]

    def columns(self, numbers: Sequence[int], folds: Sequence[int | None]) -> dict[str, list]:
        """Further columns of a prediction table: what the manifest knows of the clips, and their folds."""
        about = self.clips.known(numbers)
        return about if all(fold is None for fold in folds) else {**about, "fold": list(folds)}

    def clip_ids(self, numbers: Sequence[int]) -> list[str]:
        """Names of rows."""
        ids = self.clips.column("clip_id")
        return [ids[number] for number in numbers]

    def is_per_fold(self, spec: SystemConfig) -> bool:
        """Whether each fold has a model of its own."""
        return "{fold}" in (spec.model or self.config.model or "")


@dataclass
class Rows:
    """Rows of a classification table that is put together part by part."""

    numbers: list[int] = field(default_factory=list)
    folds: list[int | None] = field(default_factory=list)
    references: list[int] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)

    def add(self, numbers: Sequence[int], fold: int | None, references: Sequence[int], scores: np.ndarray) -> None:
        """Append the clips of one fold."""
        self.numbers.extend(numbers)
        self.folds.extend([fold] * len(numbers))
        self.references.extend(references)
        self.scores.append(scores)

    def table(
        self,
        context: Context,
        origin: Origin,
        name: str,
        prompt_set: str,
        class_names: Sequence[str],
        protocol: str,
    ) -> PredictionTable:
        """The table."""
        return PredictionTable(
            clip_ids=context.clip_ids(self.numbers),
            references=self.references,
            scores=np.concatenate(self.scores),
            class_names=list(class_names),
            model=origin.model,
            revision=origin.revision,
            prompt_set=prompt_set,
            manifest_sha256=context.clips.about.sha256,
            system=name,
            columns=context.columns(self.numbers, self.folds),
            protocol=protocol,
            dataset=context.clips.about.dataset,
        )


def check_head_classes(system: System, class_names: Sequence[str]) -> None:
    """Checks that a model with a head has exactly the classes of the manifest.

    Raises:
        ValueError: If one has a class that the other lacks.
    """
    own = list(system.encoder.class_names or ())
    only_model, only_manifest = (sorted(set(a) - set(b)) for a, b in ((own, class_names), (class_names, own)))
    if only_model or only_manifest:
        raise ValueError(
            f"The classes of the model {system.name} and of the manifest must be the same; only the model has "
            f"{', '.join(only_model) or 'none'}, only the manifest has {', '.join(only_manifest) or 'none'}."
        )


def per_set(spec: SystemConfig, prompt_sets: Sequence[str]) -> SystemConfig:
    """The system with other prompt sets."""
    return replace(spec, prompt_sets=tuple(prompt_sets))


__all__ = ["HEAD", "Context", "Part", "Rows", "check_head_classes", "per_set"]
