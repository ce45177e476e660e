# SPDX-License-Identifier: Apache-2.0
"""From a model of clips and texts to one with a head."""

from collections.abc import Sequence

import torch

from emoclip.training.config import ModelConfig
from emoclip.training.task_config import TaskConfig
from modeling_emoclip import EmoCLIPConfig, EmoCLIPForVideoClassification, EmoCLIPModel


_PROBLEMS = {
    "classification": "single_label_classification",
    "multi_label": "multi_label_classification",
    "regression": "regression",
}
# Poolings without weights, which need no training before they are frozen.
_WITHOUT_WEIGHTS = ("mean", "middle_frame")


def with_head(model: EmoCLIPModel, task: TaskConfig, class_names: Sequence[str]) -> EmoCLIPForVideoClassification:
    """The video side of a model, its weights taken over, with a new head for these classes or targets."""
    names = dict(enumerate(class_names))
    fields = {
        **model.config.to_dict(),
        "num_labels": len(names),
        "id2label": names,
        "label2id": {name: number for number, name in names.items()},
        "problem_type": _PROBLEMS[task.kind],
        "freeze_temporal": task.freeze_temporal,
    }
    classifier = EmoCLIPForVideoClassification(EmoCLIPConfig(**fields))
    wanted = classifier.state_dict().keys()
    state = {name: tensor for name, tensor in model.state_dict().items() if name in wanted}
    missing = classifier.load_state_dict(state, strict=False).missing_keys
    unexpected = [name for name in missing if not name.startswith("classifier.")]
    if unexpected:
        raise ValueError(f"The video side of the base must be complete, it has no {unexpected[0]}.")
    return classifier.float()


def check_frozen_parts(model: ModelConfig, task: TaskConfig, pooling: str) -> None:
    """Refuse to freeze a temporal part that nobody has trained.

    Raises:
        ValueError: it would keep random weights.
    """
    if task.has_head and task.freeze_temporal and model.init != "emoclip" and pooling not in _WITHOUT_WEIGHTS:
        raise ValueError(
            f"With model.init={model.init} the temporal part ({pooling}) has random weights, which task.freeze_temporal=true would "
            "keep; start from an earlier run (model.init=emoclip), set task.freeze_temporal=false, or pool by mean."
        )


@torch.no_grad()
def start_at_mean(model: EmoCLIPForVideoClassification, targets: Sequence[Sequence[float]]) -> None:
    """Let a regression begin at the mean of the training targets, so that no steps go into finding their unit."""
    model.classifier.fc2.bias.copy_(torch.tensor(list(targets), dtype=torch.float32).mean(dim=0))


__all__ = ["check_frozen_parts", "start_at_mean", "with_head"]
