# SPDX-License-Identifier: Apache-2.0
"""Scalars of a run: one JSON object a line in `metrics.jsonl`, and the tracker that the configuration names."""

import json
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from emoclip.data.output import replacing


class MetricsLog:
    """Writes scalars from the main process; on resume, lines after the checkpoint are dropped so that none is double.

    Args:
        accelerator: hands the scalars to its trackers and knows the main process.
        path: the `metrics.jsonl` to write.
        first_step: steps already done; later lines of an earlier attempt are removed.
    """

    def __init__(self, accelerator: Accelerator, path: Path, first_step: int = 0):
        self._accelerator = accelerator
        self._path = path
        if accelerator.is_main_process:
            path.parent.mkdir(parents=True, exist_ok=True)
        if accelerator.is_main_process and path.exists():
            before = path.read_text(encoding="utf-8")
            kept = "".join(f"{line}\n" for line in before.splitlines() if _step_of(line) <= first_step)
            if kept != before:
                with replacing(path) as temporary:
                    temporary.write_text(kept, encoding="utf-8")

    def write(self, step: int, scalars: dict[str, Any]) -> None:
        """Append one line and log the numbers to the trackers."""
        if self._accelerator.is_main_process:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **scalars}) + "\n")
        self._accelerator.log(scalars, step=step)


def tracker_arguments(tracker: str, first_step: int) -> dict[str, dict[str, Any]]:
    """Arguments of a tracker by its name, with which what an earlier attempt has logged after `first_step` is no longer shown."""
    return {"tensorboard": {"purge_step": first_step + 1}} if tracker == "tensorboard" and first_step else {}


def _step_of(line: str) -> float:
    """The step of a line; a line cut short by a kill counts as infinitely late."""
    try:
        return json.loads(line)["step"]
    except (json.JSONDecodeError, KeyError):
        return float("inf")


__all__ = ["MetricsLog", "tracker_arguments"]
