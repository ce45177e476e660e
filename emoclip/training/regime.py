# SPDX-License-Identifier: Apache-2.0
"""From a configuration to what is trained: the model with its head or adapters, and the objective."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from torch import nn

from emoclip.training.build import build_model
from emoclip.training.config import TrainConfig
from emoclip.training.head_objective import HeadObjective
from emoclip.training.heads import check_frozen_parts, start_at_mean, with_head
from emoclip.training.lora import attach_lora
from emoclip.training.negatives import Negatives
from emoclip.training.objective import ContrastObjective, Objective
from emoclip.training.optimization import select_trainable
from emoclip.training.rows import TrainingRows
from emoclip.training.targets import LabelTargets
from modeling_emoclip import EmoCLIPConfig, EmoCLIPForVideoClassification, EmoCLIPProcessor
from modeling_emoclip.video_encoder_emoclip import EmoCLIPVideoEncoder


class Regime(NamedTuple):
    """What a run trains.

    Args:
        model: in float32; what learns has `requires_grad`.
        processor: of the model.
        adapter: PEFT's view of the model, where it has adapters.
    """

    model: EmoCLIPVideoEncoder
    processor: EmoCLIPProcessor
    adapter: Any = None


def build_regime(config: TrainConfig, chosen: TrainingRows | None) -> Regime:
    """The model of a run as it starts; random parts take their values from PyTorch's global generator.

    Args:
        config: of the run.
        chosen: its clips, for the classes of a head; a contrast does without.

    Raises:
        ValueError: a part of the configuration does not fit the model or the data.
        OSError: the base cannot be found.
    """
    base, processor = build_model(config.model)
    if config.data.subject_masks and base.config.subject_prompting == "none":
        raise ValueError(
            "`data.subject_masks` needs a model with subject prompting, got subject_prompting=none; set "
            "model.config.subject_prompting=sap, or data.subject_masks=false."
        )
    model: EmoCLIPVideoEncoder = base
    if config.task.has_head:
        if chosen is None:
            raise ValueError(f"`task.kind={config.task.kind}` needs random access, so data.streaming must be false.")
        check_frozen_parts(config.model, config.task, base.config.temporal_config.pooling)
        model = with_head(base, config.task, chosen.class_names)
        if config.task.kind == "regression":
            targets = LabelTargets(config.task.kind, len(chosen.class_names))
            columns = [name for name in ("clip_id", "targets") if name in chosen.rows.column_names]
            targets.check(chosen.rows.select_columns(columns), str(config.data.manifest))
            start_at_mean(model, list(chosen.rows["targets"]))
    adapter = attach_lora(model, config.lora, config.model.name) if config.lora else None
    if isinstance(model, EmoCLIPForVideoClassification):
        model.set_frozen(vision=config.optimizer.train_vision == "none", temporal=config.task.freeze_temporal)
    select_trainable(model, config.optimizer)
    return Regime(model, processor, adapter)


def check_contrast(config: TrainConfig, world_size: int) -> None:
    """Raise ValueError if no batch can have a contrast, for that of one pair is nil."""
    negatives, size = config.contrast.negatives, config.data.batch_size
    if not config.task.has_head and not Negatives(negatives, world_size).can_contrast([size] * world_size):
        raise ValueError(
            f"`data.batch_size` must be at least 2 with task.kind={config.task.kind}, for the contrast of one pair is nil, got {size}; "
            f"1 needs several processes and contrast.negatives=global, got {world_size} and {negatives}."
        )


def build_objective(
    config: TrainConfig,
    model: EmoCLIPVideoEncoder,
    rank: int,
    world_size: int,
    heads: Sequence[nn.Module] = (),
) -> Objective:
    """What is minimised.

    Args:
        config: of the run.
        model: as `build_regime` gives it.
        rank, world_size: this process and how many there are.
        heads: the head of word prediction, where the run has one.
    """
    task = config.task
    if task.has_head:
        names = list((model.config.id2label or {}).values())
        unknown = sorted(set(task.target_scale) - set(names))
        if unknown:
            raise ValueError(f"`task.target_scale` must name targets, {', '.join(names)}, got {unknown[0]!r}.")
        divisors = [task.target_scale.get(name, 1.0) for name in names] if task.target_scale else None
        return HeadObjective(task.kind, rank, divisors)
    negatives = Negatives(config.contrast.negatives, world_size)
    words: Any = (heads[0], config.optimizer.word_prediction) if heads else None
    soft = (task.soft_targets, task.soft_temperature) if task.soft_targets else None
    return ContrastObjective(cast(EmoCLIPConfig, model.config), negatives, rank, words, soft)


__all__ = ["Regime", "build_objective", "build_regime", "check_contrast"]
