# SPDX-License-Identifier: Apache-2.0
"""Which weights a run hands out: the last ones, those with the lowest training loss, or those that validate best."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from emoclip.training.whole_folder import whole_folder


class Selection:
    """Keeps the best weights so far in `best/<step>/`; what it knows travels with the checkpoints.

    Args:
        output_dir: the run's folder.
        higher_is_better: whether a larger value wins.
    """

    def __init__(self, output_dir: Path, *, higher_is_better: bool):
        self._output_dir = output_dir
        self._higher_is_better = higher_is_better
        self.best_step: int | None = None
        self.best_value: float | None = None

    def is_better(self, value: float) -> bool:
        """Whether a value beats the best so far; of equal ones the first wins, and what is no number never does."""
        if value != value:  # NaN
            return False
        if self.best_value is None:
            return True
        return value > self.best_value if self._higher_is_better else value < self.best_value

    def take(self, step: int, value: float, weights: Mapping[str, torch.Tensor] | None) -> None:
        """Make these the best.

        Args:
            step: steps done.
            value: what they were chosen by.
            weights: by name; None in processes that write nothing.

        Raises:
            OSError: they could not be written.
        """
        self.best_step, self.best_value = step, value
        if weights is None:
            return
        with whole_folder(self._folder(step), f"The best weights, of step {step},") as partial:
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, _file(partial))

    def weights(self) -> dict[str, torch.Tensor] | None:
        """The best weights, None where none were chosen yet."""
        return None if self.best_step is None else load_file(_file(self._folder(self.best_step)))

    def state(self) -> dict[str, Any]:
        """What to store in a checkpoint."""
        return {"best_step": self.best_step, "best_value": self.best_value}

    def load_state(self, state: Mapping[str, Any], source: Path, *, copies: bool = True) -> None:
        """Go on from a checkpoint's state.

        Args:
            state: see `state`.
            source: the run's folder that the checkpoint comes from.
            copies: the best weights of another run; one process alone does it.

        Raises:
            FileNotFoundError: its best weights are gone.
        """
        step = state.get("best_step")
        if step is None:
            return
        theirs, ours = source / "best" / f"{step:08d}", self._folder(step)
        if not _file(theirs).is_file():
            raise FileNotFoundError(
                f"The best weights so far should be in {theirs}, which is missing; resume from an earlier checkpoint."
            )
        if copies and theirs.resolve() != ours.resolve():
            with whole_folder(ours, "A copy of the best weights so far") as partial:
                shutil.copytree(theirs, partial, dirs_exist_ok=True)
        self.best_step, self.best_value = step, state["best_value"]

    def _folder(self, step: int) -> Path:
        return self._output_dir / "best" / f"{step:08d}"


class MeanLoss:
    """The mean of the training losses of one process since the last reading, exact over interruptions."""

    def __init__(self) -> None:
        self._sum: torch.Tensor | float = 0.0
        self._count = 0

    def add(self, loss: torch.Tensor) -> None:
        """Take note of one step; does not wait for the device."""
        self._sum = self._sum + loss.double()
        self._count += 1

    def read(self) -> float:
        """The mean, NaN if there was no step; then start anew."""
        mean = float(self._sum) / self._count if self._count else float("nan")
        self._sum, self._count = 0.0, 0
        return mean

    def state(self, of_all: Callable[[float], list[float]] = lambda own: [own]) -> dict[str, Any]:
        """What to store in a checkpoint.

        Args:
            of_all: gives the sums of all processes for this one's: with negatives of their own, or with heads, they differ.
        """
        return {"loss_sums": of_all(float(self._sum)), "loss_count": self._count}

    def load_state(self, state: Mapping[str, Any], rank: int = 0) -> None:
        """Go on from a checkpoint's state, in the process `rank`; older ones have the sum of the first process alone."""
        self._sum = state["loss_sums"][rank] if "loss_sums" in state else state["loss_sum"]
        self._count = state["loss_count"]


def _file(folder: Path) -> Path:
    return folder / "weights.safetensors"


__all__ = ["MeanLoss", "Selection"]
