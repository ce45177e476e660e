# SPDX-License-Identifier: Apache-2.0
"""The distillation's configuration: one frozen dataclass per concern, each checking its own values."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from emoclip.training.config import ModelConfig


@dataclass(frozen=True)
class TeacherConfig:
    """One teacher: BLIP-2 with a Flan-T5, and what it is told.

    Args:
        name: Hub id or folder.
        tokenizer: Hub id or folder of the tokenizer; by default it comes with `name`.
        revision: branch, tag or, what is safest, commit on the Hub.
        instructions: each one of `emoclip.distillation.instructions.NAMES` or a text of one's own; features of several are
            averaged.
        precision: `auto` is bfloat16 where the device computes it natively, else float32; `8bit` and `4bit` quantise the LLM by
            bitsandbytes.
        normalize: give the picture BLIP-2's mean and deviation; the original does not.
        hidden_act: activation inside T5; null is what the model's configuration says. The original sets `gelu`.
        dropout: run with dropout on, as the original does.
        batch_size: pictures at once.
    """

    name: str = "Salesforce/blip2-flan-t5-xxl"
    tokenizer: str | None = None
    revision: str | None = None
    instructions: tuple[str, ...] = ("action_describer",)
    precision: Literal["auto", "float32", "bfloat16", "float16", "8bit", "4bit"] = "auto"
    normalize: bool = False
    hidden_act: str | None = None
    dropout: bool = False
    batch_size: int = 16

    def __post_init__(self) -> None:
        if not self.instructions:
            raise ValueError("`instructions` must name at least 1, got none; `empty` is the empty one.")
        if len(set(self.instructions)) < len(self.instructions):
            raise ValueError(f"`instructions` must differ, got {', '.join(self.instructions)}.")
        if self.batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1, got {self.batch_size}.")


@dataclass(frozen=True)
class PicturesConfig:
    """Which pictures both see.

    Args:
        manifest: Parquet manifest, folder of shards or Hub id of the data set; labels are not used.
        split: value of the column `split` to use; null takes all rows.
        fold: cross-validation: all folds but this one (`split: train`), which is left for the test; null uses the fixed split.
        frames_per_clip: of a clip, so many frames at equal distances.
        level: `frame` pairs each frame with the teacher's feature of it; `clip` pairs the embedding of the whole clip, behind the
            temporal part, with the mean of the teacher's.
        batch_size: clips at once through CLIP.
        num_workers: processes that decode.
        max_clips: only so many clips, spread over the set; null takes all.
    """

    manifest: Path
    split: str | None = "train"
    fold: int | None = None
    frames_per_clip: int = 1
    level: Literal["frame", "clip"] = "frame"
    batch_size: int = 64
    num_workers: int = 2
    max_clips: int | None = None

    def __post_init__(self) -> None:
        for name in ("fold", "frames_per_clip", "batch_size", "max_clips"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value}.")
        if self.num_workers < 0:
            raise ValueError(f"`num_workers` must be 0 or more, got {self.num_workers}.")


@dataclass(frozen=True)
class HeadConfig:
    """The projection.

    Args:
        type: `linear` as released, or another of the paper's Table 4.
        dim: its width; null is the teacher's, or CLIP's joint width where there is no teacher.
        hidden_size: of the other heads, see `EmoCLIPConfig.expression_projection_hidden_size`.
        init: `torch` is PyTorch's default, as in the original; `isometric` (linear only) starts where cosines are those of the
            untouched towers, turned towards the teacher.
    """

    type: Literal["linear", "mlp2", "mlp3", "transformer"] = "linear"
    dim: int | None = None
    hidden_size: int | None = None
    init: Literal["torch", "isometric"] = "isometric"

    def __post_init__(self) -> None:
        for name in ("dim", "hidden_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1 or null, got {value}.")
        if self.init == "isometric" and self.type != "linear":
            raise ValueError(f"`init: isometric` is for the linear head, got {self.type}; set init to torch.")


@dataclass(frozen=True)
class FitConfig:
    """How the projection is fitted to the kept features. The defaults are ours; the original's are in `configs/distill/`.

    Args:
        optimizer: `sgd` or `adamw`.
        lr: its rate, the highest of the schedule.
        momentum: of `sgd`.
        weight_decay: of either.
        schedule: `constant`, as the original's is in effect, or `one_cycle`: a tenth of the steps up, then a cosine down.
        batch_size: pairs in a step; the last, smaller batch of an epoch is dropped.
        epochs: passes over the pairs.
        logit_scale: multiplier of the cosines; null is the model's own, frozen, 100 in CLIP.
        teacher_weight: of the loss against the teacher.
        caption_weight: of the contrast with the clips' captions, which needs no teacher.
        center_teacher: subtract the mean of all the teacher's features first; what is common to all pictures, most of it the
            instruction, tells none apart.
    """

    optimizer: Literal["sgd", "adamw"] = "adamw"
    lr: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 0.01
    schedule: Literal["constant", "one_cycle"] = "one_cycle"
    batch_size: int = 512
    epochs: int = 10
    logit_scale: float | None = None
    teacher_weight: float = 1.0
    caption_weight: float = 0.0
    center_teacher: bool = True

    def __post_init__(self) -> None:
        if self.lr <= 0 or (self.logit_scale is not None and self.logit_scale <= 0):
            raise ValueError(f"`lr` and `logit_scale` must be above 0, got {self.lr} and {self.logit_scale}.")
        for name in ("weight_decay", "teacher_weight", "caption_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"`{name}` must be 0 or more, got {getattr(self, name)}.")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"`momentum` must be from 0 to below 1, got {self.momentum}.")
        if self.batch_size < 2 or self.epochs < 1:
            raise ValueError(
                f"`batch_size` must be at least 2 and `epochs` at least 1, got {self.batch_size} and {self.epochs}."
            )
        if not self.teacher_weight and not self.caption_weight:
            raise ValueError("One of `teacher_weight` and `caption_weight` must be above 0, got 0 and 0.")


@dataclass(frozen=True)
class DistillConfig:
    """One distillation.

    Args:
        output_dir: the run's folder: `features/`, `model/` (the Hub folder), `metrics.jsonl`, `config.yaml`, `run.json`.
        model: the towers that get the head: any CLIP or EmoCLIP model, also with a temporal transformer; a head that it has is
            replaced.
        data: the pictures.
        teachers: their features are averaged; empty without a teacher.
        head, fit: the projection and how it is fitted.
        seed: of the head's start and of the order.
        features_dir: where features are kept, so that several runs share them; null is `features/` of the run.
    """

    output_dir: Path
    model: ModelConfig
    data: PicturesConfig
    teachers: tuple[TeacherConfig, ...] = ()
    head: HeadConfig = field(default_factory=HeadConfig)
    fit: FitConfig = field(default_factory=FitConfig)
    seed: int = 0
    features_dir: Path | None = None

    def __post_init__(self) -> None:
        if self.fit.teacher_weight and not self.teachers:
            raise ValueError(
                "`teachers` must name at least 1 where `fit.teacher_weight` is above 0, got none; set the weight to 0 and "
                "`fit.caption_weight` above 0 to fit to captions alone."
            )
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"`seed` must be from 0 to 2**32 - 1, got {self.seed}.")


__all__ = ["DistillConfig", "FitConfig", "HeadConfig", "PicturesConfig", "TeacherConfig"]
