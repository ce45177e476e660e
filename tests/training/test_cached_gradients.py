# SPDX-License-Identifier: Apache-2.0
"""Batches that go through the model in portions. That gradients equal the big batch's is shown in `test_negatives.py`."""

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import nn

from emoclip.training.cached_gradients import backward_in_portions, portions


class RowSquares:
    """The mean square of what a model with dropout makes of each row, and every encoding it was asked for."""

    def __init__(self) -> None:
        self.encodings: list[torch.Tensor] = []

    def encode(self, model: nn.Module, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        rows = model(inputs["x"])
        self.encodings.append(rows.detach().clone())
        return (rows,)

    def shared(self, model: nn.Module) -> tuple[torch.Tensor, ...]:
        return ()

    def loss(
        self, encoded: Sequence[torch.Tensor], shared: object, inputs: object, counts: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        loss = encoded[0].square().mean()
        return loss, loss.detach()

    def can_train(self, counts: Sequence[int]) -> bool:
        return True


def test_portions_cover_the_batch_in_order() -> None:
    """Seven rows by three: 3, 3 and 1."""
    parts = list(portions({"x": torch.arange(7), "y": torch.arange(14).view(7, 2)}, 3))
    assert [part["x"].tolist() for part in parts] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [len(part["y"]) for part in parts] == [3, 3, 1]


def test_both_passes_drop_the_same_units() -> None:
    """Gradients of one dropout applied to the outputs of another are those of no loss at all."""
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(4, 6), nn.Dropout(0.5))
    inputs = torch.randn(7, 4)
    objective = RowSquares()
    backward_in_portions(model, objective, {"x": inputs}, [7], 3, backward=torch.Tensor.backward, no_sync=nullcontext)
    first, second = objective.encodings[:3], objective.encodings[3:]
    assert len(second) == 3
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(first, second, strict=True))
    # By hand: the mean of 42 squares passes 2 r / 42 on, through units that were kept and so doubled.
    rows = torch.cat(first)
    expected = (2 * rows / 42 * 2 * (rows != 0)).T @ inputs
    torch.testing.assert_close(model[0].weight.grad, expected)
