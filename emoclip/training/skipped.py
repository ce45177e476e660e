# SPDX-License-Identifier: Apache-2.0
"""What a run could not train on: clips that could not be decoded or taught, and steps without any batch that has a loss."""

from collections.abc import Mapping
from typing import Any


# So many steps in a row without a batch end a run, or as many as an epoch has.
MAX_EMPTY_STEPS = 100


class Skipped:
    """Counts over all processes; travels with the checkpoints.

    Args:
        max_empty: steps in a row without a batch that end the run.
    """

    def __init__(self, max_empty: int = MAX_EMPTY_STEPS):
        self._max_empty = max_empty
        self.clips = 0
        self.unfit = 0
        self.steps = 0
        self._in_a_row = 0
        self._reason = ""

    def add_clips(self, count: int, errors: Mapping[str, str]) -> None:
        """Take note of clips that could not be decoded in a step.

        Args:
            count: in all processes.
            errors: clip id -> sentence, of this process.
        """
        self.clips += count
        for clip_id, message in errors.items():
            self._reason = f"; the last clip that could not be read was {clip_id}: {message}. Look what can be read with emoclip data check-media"

    def add_unfit(self, count: int, lacks: Mapping[str, str]) -> None:
        """Take note of clips of a stream that have not what the task needs; otherwise as `add_clips`."""
        self.unfit += count
        for clip_id, message in lacks.items():
            self._reason = f"; the last clip without what the task needs was {clip_id}: {message}"

    def add_step(self, *, trained: bool) -> None:
        """Take note of a step.

        Raises:
            ValueError: an epoch, or very many steps in a row, had nothing to train on.
        """
        if trained:
            self._in_a_row = 0
            return
        self.steps += 1
        self._in_a_row += 1
        if self._in_a_row >= self._max_empty:
            raise ValueError(
                f"At least one step of an epoch must have clips to train on, got {self._in_a_row} in a row without{self._reason}."
            )

    def scalars(self) -> dict[str, int]:
        """What goes into the log, counted since the run began; clips without what the task needs once there are some."""
        unfit = {"unfit_clips": self.unfit} if self.unfit else {}
        return {"skipped_clips": self.clips, "skipped_steps": self.steps, **unfit}

    def state(self) -> dict[str, Any]:
        """What to store in a checkpoint."""
        return {"skipped": {**self.scalars(), "in_a_row": self._in_a_row}}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint's state; older ones have none."""
        counts = state.get("skipped", {})
        self.clips, self.steps = counts.get("skipped_clips", 0), counts.get("skipped_steps", 0)
        self.unfit = counts.get("unfit_clips", 0)
        self._in_a_row = counts.get("in_a_row", 0)


__all__ = ["MAX_EMPTY_STEPS", "Skipped"]
