# SPDX-License-Identifier: Apache-2.0
"""Batches beyond memory: the contrast covers the whole batch, the towers see a few rows at a time.

First all portions are encoded without gradients. The loss over all of them gives the gradient of every row. Then each portion is
encoded again, now with gradients, and its rows' gradients are fed back. Memory holds one portion's activations; the price is one
more forward pass. Gradients equal those of the whole batch at once up to rounding. Source: Gao et al., Scaling Deep Contrastive
Learning Batch Size under Memory Limited Setup (2021).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from emoclip.training.objective import Objective, Tensors


def portions(inputs: Tensors, chunk_size: int) -> Iterator[Tensors]:
    """The batch in parts of at most `chunk_size` rows; every tensor has its rows first."""
    total = len(next(iter(inputs.values())))
    for start in range(0, total, chunk_size):
        yield {name: tensor[start : start + chunk_size] for name, tensor in inputs.items()}


def backward_in_portions(
    model: nn.Module,
    objective: Objective,
    inputs: Tensors,
    counts: Sequence[int],
    chunk_size: int,
    *,
    backward: Callable[[torch.Tensor], None],
    no_sync: Callable[[], AbstractContextManager],
    is_last: bool = True,
) -> torch.Tensor:
    """Add the gradients of a whole batch to the parameters; return the reported loss, detached.

    Args:
        model: as it was prepared for several processes; its gradients are averaged with the last portion.
        objective: see `emoclip.training.objective`.
        inputs: the batch of this process.
        counts: rows of every process.
        chunk_size: rows at a time.
        backward: of the loss, scaled where the number format wants it.
        no_sync: a block in which gradients stay in this process.
        is_last: average the gradients over processes at the end; false where another batch adds to them.
    """
    parts = list(portions(inputs, chunk_size))
    states, encoded = _encode_without_gradients(model, objective, parts)
    leaves = [rows.requires_grad_() for rows in encoded]
    live = objective.shared(model)
    shared = [tensor.detach().requires_grad_() for tensor in live]
    with nullcontext() if is_last else no_sync():
        loss, report = objective.loss(leaves, shared, inputs, counts)
        backward(loss)
    gradients = [_gradient(leaf) for leaf in leaves]
    start = 0
    for number, (part, state) in enumerate(zip(parts, states, strict=True)):
        ends_here = number == len(parts) - 1
        with nullcontext() if ends_here and is_last else no_sync():
            _set_random_state(state)
            rows = objective.encode(model, part)
            end = start + len(rows[0])
            surrogate = sum(
                ((now.float() * gradient[start:end]).sum() for now, gradient in zip(rows, gradients, strict=True)),
                start=torch.zeros((), device=rows[0].device),
            )
            if ends_here:  # once, and in the pass whose gradients are averaged
                surrogate = surrogate + sum((now * _gradient(leaf)) for now, leaf in zip(live, shared, strict=True))
            surrogate.backward()
        start = end
    return report


def _encode_without_gradients(
    model: nn.Module, objective: Objective, parts: Sequence[Tensors]
) -> tuple[list[list[torch.Tensor]], list[torch.Tensor]]:
    """The random states before each portion, so that dropout can be repeated, and the rows of all portions."""
    states, rows = [], []
    with torch.no_grad():
        for part in parts:
            states.append(_random_state(next(iter(part.values())).device))
            rows.append([output.float() for output in objective.encode(model, part)])
    return states, [torch.cat(column) for column in zip(*rows, strict=True)]


def _random_state(device: torch.device) -> list[torch.Tensor]:
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    return states


def _set_random_state(states: Sequence[torch.Tensor]) -> None:
    torch.set_rng_state(states[0])
    if len(states) > 1:
        torch.cuda.set_rng_state(states[1])


def _gradient(leaf: torch.Tensor) -> torch.Tensor:
    """What flowed back into a leaf; zeros where the loss does not depend on it."""
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


__all__ = ["backward_in_portions", "portions"]
