# SPDX-License-Identifier: Apache-2.0
"""The parts of the training configuration that say how a run is computed, kept and watched, whatever it trains on."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from emoclip.training.task_config import TaskKind


SelectionRule = Literal["last", "train_loss", "validation"]
# What clips can be scored by while a model trains; more is better in each.
VALIDATION_METRICS: dict[TaskKind, tuple[str, ...]] = {
    "captions": ("uar", "war", "recall", "probe_uar", "probe_war", "probe_map"),
    "class_texts": ("uar", "war", "recall", "probe_uar", "probe_war", "probe_map"),
    "classification": ("uar", "war"),
    "multi_label": ("map",),
    "regression": ("ccc",),
}
NegativesMode = Literal["global", "global_no_grad", "local"]


@dataclass(frozen=True)
class ContrastConfig:
    """Which rows a pair is contrasted with, and how many go through the model at once.

    Args:
        negatives: `global` contrasts with the clips of all processes, with gradients through the gather: the loss and gradients of one
            process on the whole batch. `local` contrasts within each process, as the papers of EmoCLIP and Exp-CLIP; `global_no_grad`
            with all, but without gradients through the gather, as EmotionCLIP. One process has no others: all are equal.
        chunk_size: clips of a process that go through the model at once; the contrast still covers the whole batch (cached
            gradients), at the price of a second forward pass. null takes the whole batch.
        accumulate: batches whose gradients are averaged before each step, each with a contrast of its own.
    """

    negatives: NegativesMode = "global"
    chunk_size: int | None = None
    accumulate: int = 1

    def __post_init__(self) -> None:
        if self.chunk_size is not None and self.chunk_size < 1:
            raise ValueError(f"`chunk_size` must be at least 1 or null, got {self.chunk_size}.")
        if self.accumulate < 1:
            raise ValueError(f"`accumulate` must be at least 1, got {self.accumulate}.")


@dataclass(frozen=True)
class ComputeConfig:
    """Speed and memory. Number formats are `mixed_precision`, kinds of attention `model.attention`.

    Args:
        gradient_checkpointing: keep only the inputs of each transformer layer and compute the rest again for the backward pass: less
            memory, a third more time.
        checkpoint_stride: checkpoint every n-th layer only: 2 computes half as much again and keeps more memory than 1.
        compile: compile towers and temporal part with `torch.compile`; pays on accelerators, after a minute or more of compiling.
        kernels: of the optimiser: `fused` updates all weights in one kernel, `foreach` in a few, `loop` one after the other; `auto` is
            PyTorch's choice.
    """

    gradient_checkpointing: bool = False
    checkpoint_stride: int = 1
    compile: bool = False
    kernels: Literal["auto", "fused", "foreach", "loop"] = "auto"

    def __post_init__(self) -> None:
        if self.checkpoint_stride < 1:
            raise ValueError(f"`checkpoint_stride` must be at least 1, got {self.checkpoint_stride}.")
        if self.checkpoint_stride > 1 and not self.gradient_checkpointing:
            raise ValueError(
                f"`checkpoint_stride` belongs to gradient_checkpointing=true, got {self.checkpoint_stride} with false."
            )


@dataclass(frozen=True)
class HubConfig:
    """Where the finished model goes.

    Args:
        repo_id: of a model on the Hub, `user/name`; it is made if it is not there.
        private: make it for you alone.
    """

    repo_id: str
    private: bool = True

    def __post_init__(self) -> None:
        if self.repo_id.count("/") != 1 or not all(self.repo_id.split("/")):
            raise ValueError(f"`repo_id` must have the form user/name, got {self.repo_id!r}.")


@dataclass(frozen=True)
class ProbeSettings:
    """A logistic regression on embeddings, by default as EmotionCLIP's training fits it on BoLD once an epoch.

    Args:
        fit_split: whose clips it is fitted on.
        regularization: C of scikit-learn, the inverse of the penalty.
        max_iter: passes of the solver `sag` at most.
        seed: of the solver.
    """

    fit_split: str = "train"
    regularization: float = 3.16
    max_iter: int = 2000
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("regularization", "max_iter"):
            if getattr(self, name) <= 0:
                raise ValueError(f"`{name}` must be above 0, got {getattr(self, name)}.")


@dataclass(frozen=True)
class ValidationConfig:
    """Which clips the model is scored on while it trains, and how.

    Args:
        split: value of the column `split`.
        manifest: Parquet manifest; null takes that of the training data.
        fold: instead of the fixed split, the other folds (`split: train`) or this fold (`split: test`).
        metric: `uar` or `war` of zero-shot recognition with `prompt_set`, or `recall`: how often a clip's own caption comes first
            among the captions of all clips, and a caption's own clip among the clips, averaged. Of a head: `uar` or `war` of
            `classification`, `map` (mean average precision) of `multi_label`, `ccc` of `regression`, the mean over its targets.
            `probe_uar`, `probe_war` and `probe_map` (several labels a clip): of a linear probe fitted on the clips' embeddings.
        probe: how such a probe is fitted.
        prompt_set: class descriptions, see `emoclip.evaluation.prompts`; a head needs none.
        every: steps between two validations; null validates after each epoch.
        batch_size: clips at once through the model.
        allow_test: select weights on clips that are kept for the test: the split `test` (of AFEW, AffectNet and BoLD `validation`), or the
            fold or person that training leaves out. Their figures are no test any more; the report says so.
    """

    split: str
    manifest: Path | None = None
    fold: int | None = None
    metric: Literal["uar", "war", "recall", "map", "ccc", "probe_uar", "probe_war", "probe_map"] = "uar"
    probe: ProbeSettings = field(default_factory=ProbeSettings)
    prompt_set: str = "emoclip_descriptions"
    every: int | None = None
    batch_size: int = 16
    allow_test: bool = False

    def __post_init__(self) -> None:
        for name in ("every", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value}.")

    def check_metric(self, kind: TaskKind) -> None:
        """Refuse a metric that a task does not have.

        Raises:
            ValueError: names those it has.
        """
        known = VALIDATION_METRICS[kind]
        if self.metric not in known:
            raise ValueError(
                f"`validation.metric` must be {' or '.join(known)} with task.kind={kind}, got {self.metric!r}."
            )

    @property
    def is_probe(self) -> bool:
        """Whether a linear probe is fitted."""
        return self.metric.startswith("probe_")

    @property
    def is_test(self) -> bool:
        """Whether the clips are a test by name; what only the rows tell is in `emoclip.training.reported_clips`."""
        return self.split == "test"


__all__ = [
    "ComputeConfig",
    "ContrastConfig",
    "HubConfig",
    "NegativesMode",
    "SelectionRule",
    "ValidationConfig",
]
