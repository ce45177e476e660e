# SPDX-License-Identifier: Apache-2.0
"""The parts of the training configuration that say how a run is computed, kept and watched, whatever it trains on."""

from dataclasses import dataclass
from typing import Literal


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


__all__ = ["ContrastConfig", "NegativesMode"]
