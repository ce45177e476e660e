# SPDX-License-Identifier: Apache-2.0
"""The configuration of an evaluation run."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


# System names become file names.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(_[A-Za-z0-9.-]+)*")


@dataclass(frozen=True)
class SystemConfig:
    """One system to evaluate: a model, or a variant of it.

    Args:
        name: Short name for tables and files.
        model: Folder or Hub id; null takes the run's `model`.
        pooling: Pool frames over time otherwise than the model does, with its own towers and no further training.
        untrained: The model's architecture with fresh random weights, as a check that the score comes from training.
        seed: Of those weights.
    """

    name: str
    model: str | None = None
    pooling: Literal["cls_transformer", "mean", "middle_frame"] | None = None
    untrained: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not _PLAIN_NAME.fullmatch(self.name):
            raise ValueError(f"`name` may hold letters, digits, single '_', '.' and '-', got {self.name!r}.")


@dataclass(frozen=True)
class ClipsConfig:
    """Which clips are evaluated, and how they are read.

    Args:
        manifest: Parquet manifest of the data set.
        split: Value of the column `split` to use; null takes all.
        fold: Test fold to use; null takes all.
        batch_size: Clips at once through the model.
        num_workers: Processes that decode; 0 decodes between the batches.
    """

    manifest: Path
    split: str | None = "test"
    fold: int | None = None
    batch_size: int = 16
    num_workers: int = 2

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1, got {self.batch_size}.")
        if self.num_workers < 0:
            raise ValueError(f"`num_workers` must be 0 or more, got {self.num_workers}.")


@dataclass(frozen=True)
class EvaluationConfig:
    """Zero-shot evaluation of one or more systems with one or more prompt sets.

    The first system with the first prompt set is the main result; the other systems are compared with the first.

    Args:
        data: The clips.
        model: Folder or Hub id for the systems that name none; null is the embedded default.
        systems: What to evaluate.
        prompt_sets: `synthetic_descriptions`, `emoclip_descriptions`, or a YAML file of class name: text.
        output_dir: Folder for the report; `--output` wins.
        precision: `auto` is bfloat16 where the device computes it natively, else float32.
        num_resamples: Draws of the bootstrap and of the permutations.
        confidence: Share inside the intervals.
        seed: Of the draws.
    """

    data: ClipsConfig
    model: str | None = None
    systems: tuple[SystemConfig, ...] = field(default_factory=lambda: (SystemConfig("trained"),))
    prompt_sets: tuple[str, ...] = ("emoclip_descriptions",)
    output_dir: Path | None = None
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    num_resamples: int = 2000
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        names = [system.name for system in self.systems]
        for key, values in (("systems", names), ("prompt_sets", list(self.prompt_sets))):
            if not values or len(set(values)) != len(values):
                raise ValueError(f"`{key}` must hold at least one entry and none twice, got {values}.")
        if self.num_resamples < 1:
            raise ValueError(f"`num_resamples` must be at least 1, got {self.num_resamples}.")
        if not 0 < self.confidence < 1:
            raise ValueError(f"`confidence` must lie between 0 and 1, got {self.confidence}; 95 % is 0.95.")
