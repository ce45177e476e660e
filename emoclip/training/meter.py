# SPDX-License-Identifier: Apache-2.0
"""What is measured between two lines of the log: losses with the clips they came from, rates, waiting for data."""

import contextlib
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import nn


class MeteredStep(NamedTuple):
    """One optimiser step."""

    step: int
    loss: torch.Tensor
    clip_ids: tuple[str, ...]
    data_seconds: float


class Meter:
    """Keeps the steps since it was last read; losses stay on their device until then."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._steps: list[MeteredStep] = []
        self._start = time.perf_counter()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out of the time what is no training: validations, checkpoints, the best weights."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._start += time.perf_counter() - start

    def add(self, step: MeteredStep) -> None:
        """Take note of one step."""
        self._steps.append(step)

    def first_above(self, bound: float) -> MeteredStep | None:
        """The first step whose loss is above the bound or is no number."""
        if not self._steps:
            return None
        losses = torch.stack([step.loss for step in self._steps])
        bad = (~(losses <= bound)).nonzero().flatten().tolist()
        return self._steps[bad[0]] if bad else None

    def last(self) -> MeteredStep | None:
        """The last step, if there was one."""
        return self._steps[-1] if self._steps else None

    def read(self) -> dict[str, float]:
        """Mean `loss`, `clips_per_second` and `data_wait` (a share) since the last call, without pauses; empty if there was no step."""
        if not self._steps:
            return {}
        loss = (
            torch.stack([step.loss for step in self._steps]).mean().item()
        )  # waits for the device, before time is taken
        seconds = time.perf_counter() - self._start
        scalars = {
            "loss": loss,
            "clips_per_second": sum(len(step.clip_ids) for step in self._steps) / seconds,
            "data_wait": sum(step.data_seconds for step in self._steps) / seconds,
        }
        self._reset()
        return scalars


def find_problem(meter: Meter, parameters: Iterable[nn.Parameter], max_loss: float | None) -> str | None:
    """A sentence where a loss or a weight is not finite or a loss is above `max_loss`, naming the step and its clips; else None.

    To be asked before anything is saved or logged.
    """
    bound = torch.finfo(torch.float32).max if max_loss is None else max_loss
    bad = meter.first_above(bound)
    if bad is not None:
        is_finite = bool(torch.isfinite(bad.loss))
        sound = "; where it is sound, as of squared scores, set max_loss=null" if is_finite else ""
        return (
            f"The loss must stay finite{'' if max_loss is None else f' and at most {max_loss:g}'}, got {bad.loss.item():g} at step "
            f"{bad.step} with the clips {', '.join(bad.clip_ids)}; the last checkpoint is kept. Look at these clips and captions, "
            f"lower optimizer.lr or set optimizer.max_grad_norm{sound}."
        )
    if not all(bool(torch.isfinite(parameter).all()) for parameter in parameters):
        # A step on broken weights has a broken loss: the last one broke them.
        last = meter.last()
        where = "" if last is None else f" after step {last.step} with the clips {', '.join(last.clip_ids)}"
        return (
            f"The weights must stay finite, got some that are not{where}; the last checkpoint is kept. Lower optimizer.lr or set "
            "optimizer.max_grad_norm."
        )
    return None


__all__ = ["Meter", "MeteredStep", "find_problem"]
