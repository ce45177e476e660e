# SPDX-License-Identifier: Apache-2.0
"""One optimiser step: forward, loss, backward, clipping, update."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from emoclip.training.cached_gradients import backward_in_portions
from emoclip.training.config import TrainConfig
from emoclip.training.objective import Objective, Tensors
from emoclip.training.optimization import clamp_logit_scale
from emoclip.training.sharding import average_gradients


class Updater:
    """Makes optimiser steps of batches.

    Args:
        config: `contrast` says how a batch goes through the model, `optimizer` what happens to the gradients.
        accelerator: scales losses, averages gradients, clips.
        model: as the accelerator prepared it.
        optimizer: likewise.
        objective: what is minimised.
        heads: prepared modules with parameters that only training has.
        unshared: parameters whose gradients the wrapper of the model does not average.
    """

    def __init__(
        self,
        config: TrainConfig,
        accelerator: Accelerator,
        model: nn.Module,
        optimizer: Any,
        objective: Objective,
        heads: Sequence[nn.Module] = (),
        unshared: Sequence[nn.Parameter] = (),
    ):
        self.config = config
        self.accelerator = accelerator
        self.model = model
        self.optimizer = optimizer
        self.objective = objective
        self.heads = list(heads)
        self.unshared = list(unshared)

    def update(self, batches: Sequence[tuple[Tensors, Sequence[int]]]) -> torch.Tensor:
        """Take one step on the mean over batches; return the mean of the reported losses, detached.

        Args:
            batches: tensors of this process on the device, and the number of rows of every process.
        """
        loss = self.backward(batches)
        bound = self.config.optimizer.max_grad_norm
        if bound is not None:
            self.accelerator.clip_grad_norm_(self._parameters(), bound)
        self.optimizer.step()
        self.optimizer.zero_grad()
        scale = getattr(self.accelerator.unwrap_model(self.model), "logit_scale", None)
        if scale is not None:
            bounds = self.config.optimizer
            clamp_logit_scale(scale, bounds.max_logit_scale, bounds.min_logit_scale)
        return loss

    def backward(self, batches: Sequence[tuple[Tensors, Sequence[int]]]) -> torch.Tensor:
        """Compute the gradients of the mean over batches; return the mean of the reported losses, detached."""
        losses = [
            self._backward(inputs, counts, len(batches), is_last=number == len(batches) - 1)
            for number, (inputs, counts) in enumerate(batches)
        ]
        average_gradients(self.unshared)
        return torch.stack(losses).mean()

    def _backward(self, inputs: Tensors, counts: Sequence[int], num_batches: int, *, is_last: bool) -> torch.Tensor:
        chunk_size = self.config.contrast.chunk_size
        if chunk_size is not None and chunk_size < len(next(iter(inputs.values()))):
            return backward_in_portions(
                self.model,
                self.objective,
                inputs,
                counts,
                chunk_size,
                backward=lambda loss: self.accelerator.backward(loss / num_batches),
                no_sync=self._no_sync,
                is_last=is_last,
            )
        with self._sync_if(is_last):
            encoded = self.objective.encode(self.model, inputs)
            loss, report = self.objective.loss(encoded, self.objective.shared(self.model), inputs, counts)
            self.accelerator.backward(loss / num_batches)
        return report

    def _sync_if(self, condition: bool) -> AbstractContextManager:
        return nullcontext() if condition else self._no_sync()

    @contextmanager
    def _no_sync(self) -> Iterator[None]:
        """A block whose gradients stay in this process."""
        with ExitStack() as stack:
            for module in (self.model, *self.heads):
                stack.enter_context(self.accelerator.no_sync(module))
            yield

    def _parameters(self) -> list[nn.Parameter]:
        return [parameter for module in (self.model, *self.heads) for parameter in module.parameters()]


__all__ = ["Updater"]
