# SPDX-License-Identifier: Apache-2.0
"""Which clips and texts a pair is contrasted with when several processes train: those of its own process, or those of all.

`global`: of all processes, with gradients through the gather. Averaged over the processes, as data-parallel training does, loss and
gradients are those of one process on the whole batch, however unevenly its rows are spread.
`global_no_grad`: the same loss, but each process sees the others' embeddings as constants (EmotionCLIP, `src/models/loss_v2.py`). After
the averaging the towers' gradients are those of `global` divided by the number of processes, and the logit scale's are the same.
`local`: of the own process alone (EmoCLIP and Exp-CLIP).
"""

from collections.abc import Sequence
from typing import Any, get_args

import torch
import torch.distributed as dist
from torch.nn.functional import pad

from emoclip.training.engine_config import NegativesMode


class Negatives:
    """Brings together what the loss compares.

    Args:
        mode: see the module.
        world_size: processes that train together.

    Raises:
        ValueError: the mode is not known.
    """

    def __init__(self, mode: NegativesMode = "global", world_size: int = 1):
        if mode not in get_args(NegativesMode):
            raise ValueError(f"`negatives` must be one of {', '.join(get_args(NegativesMode))}, got {mode!r}.")
        self.mode = mode
        self.world_size = world_size

    def spans_processes(self) -> bool:
        """Whether rows of other processes take part."""
        return self.world_size > 1 and self.mode != "local"

    def gather(self, rows: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
        """The rows to compare, (sum of counts, ...) in order of rank, or the given rows where no others take part.

        Args:
            rows: (n, ...) of this process.
            counts: n of every process.
        """
        if not self.spans_processes():
            return rows
        return gather_rows(rows, counts, with_gradient=self.mode == "global")

    def can_contrast(self, counts: Sequence[int]) -> bool:
        """Whether every process has a row, and every row something to be contrasted with."""
        return min(counts) >= 1 and (sum(counts) if self.spans_processes() else min(counts)) >= 2

    def row_weight(self, counts: Sequence[int], rank: int) -> float:
        """What the mean over this process's rows counts for, so that averaged over processes it is the mean over all rows.

        1 with per-process losses, which are averaged as they are.
        """
        return counts[rank] * len(counts) / sum(counts) if self.spans_processes() else 1.0


def gather_rows(rows: torch.Tensor, counts: Sequence[int], *, with_gradient: bool = True) -> torch.Tensor:
    """Rows of all processes, (sum of counts, ...), in order of rank; every process must call it.

    Backwards, each process receives the gradients that its rows got in all processes, or with `with_gradient=False` in itself alone.

    Args:
        rows: (n, ...) of this process; the numbers may differ, all other dimensions not.
        counts: n of every process.
        with_gradient: sum the gradients over the processes.
    """
    return _GatherRows.apply(rows, tuple(counts), with_gradient)


class _GatherRows(torch.autograd.Function):
    """Collectives want equal shapes, so rows travel padded to the largest count."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, counts: tuple[int, ...], with_gradient: bool) -> torch.Tensor:
        ctx.counts, ctx.with_gradient = counts, with_gradient
        missing = max(counts) - len(rows)
        padded = pad(rows.detach(), (0, 0) * (rows.ndim - 1) + (0, missing)).contiguous()
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (gradient,) = gradients
        if ctx.with_gradient:
            gradient = gradient.clone(memory_format=torch.contiguous_format)
            dist.all_reduce(gradient)
        rank = dist.get_rank()
        start = sum(ctx.counts[:rank])
        return gradient[start : start + ctx.counts[rank]], None, None


__all__ = ["Negatives", "gather_rows"]
