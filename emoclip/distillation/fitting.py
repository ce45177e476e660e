# SPDX-License-Identifier: Apache-2.0
"""Fits the projection to features that were computed before: seconds instead of hours (Exp-CLIP `train.py`).

Nothing here knows files or models; pairs are anything with a length and batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn.functional import normalize

from emoclip.distillation.config import FitConfig, HeadConfig
from modeling_emoclip.loss_emoclip import contrastive_loss, distillation_loss


WARMUP = 0.1
# Pairs read at once where the whole set is passed over.
ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class PairBatch:
    """Features of the same pictures.

    Args:
        embeds: (B, D) of CLIP, before the projection.
        teacher: (B, W) of the teacher, of any norm; `None` without one.
        captions: (B, D) of one caption of each picture; `None` where they are not used.
    """

    embeds: torch.Tensor
    teacher: torch.Tensor | None = None
    captions: torch.Tensor | None = None


class Pairs(Protocol):
    """Where batches come from."""

    def __len__(self) -> int:
        """Number of pairs."""

    def batch(self, indices: torch.Tensor, epoch: int = 0) -> PairBatch:
        """The pairs of these numbers, float32; captions are those of an epoch."""


@dataclass(frozen=True)
class TensorPairs:
    """Pairs that are in memory, with one caption each; fields as in `PairBatch`, for all pairs."""

    embeds: torch.Tensor
    teacher: torch.Tensor | None = None
    captions: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.embeds)

    def batch(self, indices: torch.Tensor, epoch: int = 0) -> PairBatch:
        """The pairs of these numbers, float32."""
        chosen = (None if t is None else t[indices].float() for t in (self.embeds, self.teacher, self.captions))
        return PairBatch(*chosen)  # type: ignore[arg-type]


@dataclass(frozen=True)
class CenteredPairs:
    """Pairs whose teacher features have length 1, the mean of all subtracted.

    What is common to all pictures, most of it the instruction, makes every two features nearly parallel and tells none apart.
    """

    pairs: Pairs
    center: torch.Tensor

    @classmethod
    def of(cls, pairs: Pairs) -> CenteredPairs:
        """Pass over the pairs once for the mean."""
        total = torch.zeros(())
        for batch in all_batches(pairs):
            total = total + normalize(_given(batch.teacher), dim=-1).sum(dim=0)
        return cls(pairs, total / len(pairs))

    def __len__(self) -> int:
        return len(self.pairs)

    def batch(self, indices: torch.Tensor, epoch: int = 0) -> PairBatch:
        """The pairs of these numbers."""
        batch = self.pairs.batch(indices, epoch)
        centered = normalize(_given(batch.teacher), dim=-1) - self.center
        return PairBatch(batch.embeds, centered, batch.captions)


def fit_projection(
    head: nn.Module,
    pairs: Pairs,
    config: FitConfig,
    logit_scale: float,
    *,
    seed: int = 0,
    on_step: Callable[[], Any] | None = None,
) -> list[dict[str, float]]:
    """Train the head in place; return one record an epoch: `epoch`, `loss`, `top1` and, with captions, `caption_top1`.

    `top1` is the share of pictures that find their own among the teacher's features of their batch, before the step. The order is a
    pure function of seed and epoch, the last, smaller batch is dropped.

    Args:
        head: From CLIP's joint space to the teacher's, or of any width without a teacher.
        pairs: To fit to.
        config: The recipe.
        logit_scale: Multiplier of the cosines, frozen.
        seed: Of the order.
        on_step: Called after each step.

    Raises:
        ValueError: There are fewer pairs than a batch, the teacher has another width than the head, or the loss does not stay
            finite.
    """
    check_pairs(head, pairs, config)
    optimizer = build_optimizer(head, config)
    steps_per_epoch = len(pairs) // config.batch_size
    records = []
    for epoch in range(config.epochs):
        sums: dict[str, torch.Tensor] = {}
        for place, indices in enumerate(epoch_order(len(pairs), config.batch_size, seed, epoch)):
            factor = rate_factor(config, epoch * steps_per_epoch + place, config.epochs * steps_per_epoch)
            for group in optimizer.param_groups:
                group["lr"] = config.lr * factor
            loss, figures = batch_loss(head, pairs.batch(indices, epoch), config, logit_scale)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            for name, value in figures.items():
                sums[name] = sums.get(name, torch.zeros(())) + value
            if on_step is not None:
                on_step()
        record = {"epoch": epoch + 1, **{name: float(value) / steps_per_epoch for name, value in sums.items()}}
        if not math.isfinite(record["loss"]):
            raise ValueError(f"The loss must stay finite, got {record['loss']} in epoch {epoch + 1}; lower `fit.lr`.")
        records.append(record)
    return records


def batch_loss(
    head: nn.Module, batch: PairBatch, config: FitConfig, logit_scale: float
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The loss of a batch, shape (), and detached figures of it: `loss`, `top1`, `caption_top1`."""
    projected = head(batch.embeds)
    loss = projected.new_zeros(())
    figures: dict[str, torch.Tensor] = {}
    if config.teacher_weight:
        teacher = _given(batch.teacher)
        loss = loss + config.teacher_weight * distillation_loss(projected, teacher, logit_scale)
        figures["top1"] = _top1(projected, teacher)
    if config.caption_weight:
        captions = head(_given(batch.captions))
        loss = loss + config.caption_weight * contrastive_loss(projected, captions, logit_scale)
        figures["caption_top1"] = _top1(projected, captions)
    return loss, {"loss": loss.detach(), **figures}


def isometric_weight(pairs: Pairs, config: FitConfig, in_features: int, out_features: int) -> torch.Tensor:
    """A start for the linear head: (out_features, in_features) with orthonormal columns.

    Cosines behind it are those of the untouched towers. Of all such maps it is the one that turns CLIP's features best towards the
    teacher's (orthogonal Procrustes); without a teacher it changes nothing.

    Raises:
        ValueError: The head is narrower than CLIP's joint space, so that no map keeps all cosines.
    """
    check_isometric(in_features, out_features)
    if not config.teacher_weight:
        return torch.eye(out_features, in_features)
    covariance = torch.zeros(out_features, in_features)
    means = [torch.zeros(out_features), torch.zeros(in_features)]
    for batch in all_batches(pairs):
        teacher, embeds = normalize(_given(batch.teacher), dim=-1), normalize(batch.embeds, dim=-1)
        covariance += teacher.T @ embeds
        means = [mean + part.sum(dim=0) / len(pairs) for mean, part in zip(means, (teacher, embeds), strict=True)]
    covariance = covariance / len(pairs) - torch.outer(*means)
    left, _, right = torch.linalg.svd(covariance, full_matrices=False)
    return left @ right


def check_isometric(in_features: int, out_features: int) -> None:
    """Refuse a head that cannot keep all cosines.

    Raises:
        ValueError: It is narrower than CLIP's joint space.
    """
    if out_features < in_features:
        raise ValueError(
            f"`head.init: isometric` needs a head at least as wide as CLIP's joint space, {in_features}, got {out_features}; set "
            "head.init to torch."
        )


def check_pairs(head: nn.Module, pairs: Pairs, config: FitConfig) -> None:
    """Refuse what would fail in the first step, or never make one.

    Raises:
        ValueError: There are fewer pairs than a batch, or the teacher has another width than the head.
    """
    if len(pairs) < config.batch_size:
        raise ValueError(
            f"There must be at least one batch of {config.batch_size} pictures, got {len(pairs)}; lower fit.batch_size."
        )
    if not config.teacher_weight:
        return
    batch = pairs.batch(torch.arange(2))
    with torch.no_grad():
        ours, theirs = head(batch.embeds).shape[-1], _given(batch.teacher).shape[-1]
    if ours != theirs:
        raise ValueError(
            f"The head must have the teacher's width, {theirs}, got {ours}; leave `head.dim` at null or set it to {theirs}."
        )


def build_optimizer(head: nn.Module, config: FitConfig) -> torch.optim.Optimizer:
    """The optimiser of the recipe over the head alone; as in the original, weight decay is on everything."""
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            head.parameters(), lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
        )
    return torch.optim.AdamW(head.parameters(), lr=config.lr, weight_decay=config.weight_decay)


def epoch_order(num_pairs: int, batch_size: int, seed: int, epoch: int) -> Iterator[torch.Tensor]:
    """Yield the numbers of the pairs of each whole batch of an epoch, shuffled."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    order = torch.randperm(num_pairs, generator=generator)
    yield from order[: num_pairs // batch_size * batch_size].split(batch_size)


def rate_factor(config: FitConfig, step: int, total_steps: int) -> float:
    """What the rate is multiplied by at a step, counted from 0."""
    if config.schedule == "constant":
        return 1.0
    warmup = max(1.0, WARMUP * total_steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1.0, total_steps - warmup)))


def start_head(head: nn.Module, pairs: Pairs, head_config: HeadConfig, config: FitConfig) -> None:
    """Give the head the start that the configuration names; PyTorch's default is there already."""
    if head_config.init == "isometric":
        weight: Any = head.weight
        with torch.no_grad():
            weight.copy_(isometric_weight(pairs, config, weight.shape[1], weight.shape[0]))


def all_batches(pairs: Pairs) -> Iterator[PairBatch]:
    """Yield all pairs in their order, in batches."""
    for indices in torch.arange(len(pairs)).split(ROWS_AT_ONCE):
        yield pairs.batch(indices)


def _top1(embeds: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        cosines = normalize(embeds, dim=-1) @ normalize(targets, dim=-1).T
        return (cosines.argmax(dim=1) == torch.arange(len(cosines), device=cosines.device)).float().mean()


def _given(tensor: torch.Tensor | None) -> torch.Tensor:
    if tensor is None:
        raise ValueError("The loss needs features of every picture from the teacher or the captions, got none.")
    return tensor


__all__ = [
    "CenteredPairs",
    "PairBatch",
    "Pairs",
    "TensorPairs",
    "batch_loss",
    "check_isometric",
    "epoch_order",
    "fit_projection",
    "isometric_weight",
    "start_head",
]
