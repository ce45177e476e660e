# SPDX-License-Identifier: Apache-2.0
"""Training a head: classes, several labels at once, or numbers."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from emoclip.training.objective import Tensors
from emoclip.training.task_config import TaskKind


_MODEL_INPUTS = frozenset({"pixel_values_videos", "frame_embeds", "frame_mask", "subject_masks"})


class HeadObjective:
    """The mean loss over the clips of all processes.

    Args:
        kind: `classification`, `multi_label` or `regression`.
        rank: this process.
        divisors: (targets,), what differences of targets are divided by.
    """

    def __init__(self, kind: TaskKind, rank: int = 0, divisors: Sequence[float] | None = None):
        self._kind, self._rank = kind, rank
        self._divisors = None if divisors is None else torch.tensor(divisors)

    def encode(self, model: nn.Module, inputs: Tensors) -> tuple[torch.Tensor, ...]:
        """Logits, (B, outputs)."""
        return (model(**{name: value for name, value in inputs.items() if name in _MODEL_INPUTS}).logits,)

    def shared(self, model: nn.Module) -> tuple[torch.Tensor, ...]:
        """Nothing."""
        return ()

    def loss(
        self, encoded: Sequence[torch.Tensor], shared: Sequence[torch.Tensor], inputs: Tensors, counts: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss, weighted so that the average over processes is the mean over clips."""
        (logits,), labels = encoded, inputs["labels"]
        logits = logits.float()
        if self._kind == "classification":
            loss = cross_entropy(logits, labels)
        elif self._kind == "multi_label":
            loss = binary_cross_entropy_with_logits(logits, labels)
        else:
            divisors = 1.0 if self._divisors is None else self._divisors.to(logits.device)
            loss = mse_loss(logits / divisors, labels / divisors)
        loss = loss * (counts[self._rank] * len(counts) / sum(counts))
        return loss, loss.detach()

    def can_train(self, counts: Sequence[int]) -> bool:
        """Whether every process has a clip."""
        return min(counts) >= 1


__all__ = ["HeadObjective"]
