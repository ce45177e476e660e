# SPDX-License-Identifier: Apache-2.0
"""The configuration of an evaluation run."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from emoclip.evaluation.protocol_config import ProtocolsConfig, PublishedRow


# What lies in the folder of a report over several data sets, or would be taken for tables of its own.
_OWN_NAMES = ("predictions", "report.json", "report.md", "run.json")
# System names become file names.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(_[A-Za-z0-9.-]+)*")


@dataclass(frozen=True)
class SystemConfig:
    """One system to evaluate: a model, or a variant of it.

    Args:
        name: Short name for tables and files.
        model: Folder or Hub id of an EmoCLIP, a CLIP or an X-CLIP; null takes the run's `model`. `{fold}` in it stands for the
            number of the test fold, with `data.fold: all`.
        pooling: Pool frames over time otherwise than the model does, with its own towers and no further training.
        untrained: The model's architecture with fresh random weights, as a check that the score comes from training.
        seed: Of those weights.
        frames: Fields of the model's video processor to change, such as `num_frames: 16`.
        prompt_sets: For this system alone; null takes the run's.
        published: Published rows that its results are the counterpart of; the report gives the difference from these.
    """

    name: str
    model: str | None = None
    pooling: Literal["cls_transformer", "mean", "middle_frame"] | None = None
    untrained: bool = False
    seed: int = 0
    frames: dict[str, Any] = field(default_factory=dict)
    prompt_sets: tuple[str, ...] | None = None
    published: tuple[PublishedRow, ...] = ()

    def __post_init__(self) -> None:
        if not _PLAIN_NAME.fullmatch(self.name):
            raise ValueError(f"`name` may hold letters, digits, single '_', '.' and '-', got {self.name!r}.")
        if self.prompt_sets is not None and not self.prompt_sets:
            raise ValueError(f"`prompt_sets` of the system {self.name} must hold at least one entry, got none.")


@dataclass(frozen=True)
class ClipsConfig:
    """Which clips are evaluated, and how they are read.

    Args:
        manifest: Parquet manifest of the data set, a folder of shards, or the id of a data set on the Hub.
        split: Value of the column `split` to use; null takes all. Not used with `fold`.
        fold: Test fold to use; `all` takes every fold in turn; null goes by `split`.
        train_split: Value of the column `split` that probes are fitted on; with `fold` it is the other folds.
        batch_size: Clips at once through the model.
        num_workers: Processes that decode; 0 decodes between the batches.
        repeat_stills: How often the frame of a still is repeated before pooling over time (EmotionCLIP: 8).
        revision: Of the data set on the Hub: a branch, a tag or, what is safest, a commit.
        subgroups: Columns of the manifest by whose values the metrics are given as well, beside `gender`, `age` and `ethnicity`;
            numbers are put into ranges.
    """

    manifest: Path
    split: str | None = "test"
    fold: int | Literal["all"] | None = None
    train_split: str | None = "train"
    batch_size: int = 16
    num_workers: int = 2
    repeat_stills: int = 1
    revision: str | None = None
    subgroups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("batch_size", "repeat_stills"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if self.num_workers < 0:
            raise ValueError(f"`num_workers` must be 0 or more, got {self.num_workers}.")


@dataclass(frozen=True)
class SetConfig:
    """One data set of a run over several.

    Args:
        data: Its clips.
        systems: For this set alone; null takes the run's.
        prompt_sets: For this set alone; null takes the run's.
        protocols: For this set alone; null takes the run's.
    """

    data: ClipsConfig
    systems: tuple[SystemConfig, ...] | None = None
    prompt_sets: tuple[str, ...] | None = None
    protocols: ProtocolsConfig | None = None

    def __post_init__(self) -> None:
        for key in ("systems", "prompt_sets"):
            if getattr(self, key) == ():
                raise ValueError(
                    f"`{key}` of a set must hold at least one entry, got none; leave it out for the run's."
                )


def _check_set_name(name: str) -> None:
    if not _PLAIN_NAME.fullmatch(name):
        raise ValueError(f"Names of `sets` may hold letters, digits, single '_', '.' and '-', got {name!r}.")
    if name in _OWN_NAMES:
        raise ValueError(f"Names of `sets` become folders beside {', '.join(_OWN_NAMES)}, got {name!r}.")


@dataclass(frozen=True)
class EvaluationConfig:
    """Evaluation of one or more systems, by one or more protocols.

    The first system with the first prompt set is the main result; the other systems are compared with the first.

    Args:
        data: The clips.
        sets: Name -> data set, instead of `data`, for a table over several; each has its report in a folder of that name.
        model: Folder or Hub id for the systems that name none; null is the embedded default.
        systems: What to evaluate.
        prompt_sets: A set of descriptions (`synthetic_descriptions`, `emoclip_descriptions`, `model_descriptions`, a YAML file of
            class name: text), a template (`name`, `baseline`, `expclip_p1`, `expression`, `photo`, or a text with `{}`) or an
            ensemble (`expclip_p4`, `expclip_p5`, `expclip_printed`).
        protocols: What is done beside zero-shot recognition.
        attention_clips: Of the best clips, and of the worst, for which a system that prompts by subject is asked where it looks.
        output_dir: Folder for the report; `--output` wins.
        features: Folder where the features of clips are kept for later runs; null keeps them beside the output until it is
            complete, so that a run that was stopped goes on.
        precision: `auto` is bfloat16 where the device computes it natively, else float32.
        num_resamples: Draws of the bootstrap and of the permutations.
        confidence: Share inside the intervals.
        seed: Of the draws of the bootstrap and of the permutations; probes and symptoms have seeds of their own.
    """

    data: ClipsConfig | None = None
    sets: dict[str, SetConfig] = field(default_factory=dict)
    model: str | None = None
    systems: tuple[SystemConfig, ...] = field(default_factory=lambda: (SystemConfig("trained"),))
    prompt_sets: tuple[str, ...] = ("emoclip_descriptions",)
    protocols: ProtocolsConfig = field(default_factory=ProtocolsConfig)
    attention_clips: int = 3
    output_dir: Path | None = None
    features: Path | None = None
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    num_resamples: int = 2000
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        names = [system.name for system in self.systems]
        for key, values in (("systems", names), ("prompt_sets", list(self.prompt_sets))):
            if not values or len(set(values)) != len(values):
                raise ValueError(f"`{key}` must hold at least one entry and none twice, got {values}.")
        for key, least in (("attention_clips", 0), ("num_resamples", 1), ("seed", 0)):
            if getattr(self, key) < least:
                raise ValueError(f"`{key}` must be at least {least}, got {getattr(self, key)}.")
        if not 0 < self.confidence < 1:
            raise ValueError(f"`confidence` must lie between 0 and 1, got {self.confidence}; 95 % is 0.95.")
        if (self.data is None) == (not self.sets):
            raise ValueError(
                f"Either `data` or `sets` must name the clips, got {'neither' if self.data is None else 'both'}; write "
                "data.manifest=PATH."
            )
        for name in self.sets:
            _check_set_name(name)
        if not self.protocols.chosen:
            raise ValueError("`protocols` must leave at least one on, got zero_shot: false and no other.")

    @property
    def clips(self) -> ClipsConfig:
        """The clips of a run over one data set.

        Raises:
            ValueError: If the run is over several.
        """
        if self.data is None:
            raise ValueError("A run over several `sets` has no clips of its own; take one of `runs`.")
        return self.data

    def runs(self) -> dict[str, "EvaluationConfig"]:
        """Name of a data set -> the run over it alone; the one run over `data` has the name ``."""
        return {
            name: replace(
                self,
                data=one.data,
                sets={},
                systems=one.systems or self.systems,
                prompt_sets=one.prompt_sets or self.prompt_sets,
                protocols=one.protocols or self.protocols,
            )
            for name, one in self.sets.items()
        } or {"": self}
