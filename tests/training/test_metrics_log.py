# SPDX-License-Identifier: Apache-2.0
"""`metrics.jsonl` tells each step once, also after a resume."""

import json
from collections.abc import Callable
from pathlib import Path

from accelerate import Accelerator
from tensorboard.backend.event_processing import event_accumulator

from emoclip.console import run_command
from emoclip.training.cli import main
from emoclip.training.metrics_log import MetricsLog


def test_lines_after_the_checkpoint_are_dropped(tmp_path: Path) -> None:
    """Steps that are done again would stand twice in every curve; a line cut short by a kill would break readers."""
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 2, "loss": 1.0}\n{"step": 4, "loss": 0.5}\n{"step": 6, "lo', encoding="utf-8")
    log = MetricsLog(Accelerator(cpu=True), path, first_step=2)
    log.write(3, {"loss": 0.75})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"step": 2, "loss": 1.0},
        {"step": 3, "loss": 0.75},
    ]


def test_tensorboard_shows_a_step_once(write_run: Callable[..., Path]) -> None:
    """Steps that a resumed run does again stood twice in its curves, with the lines of the course that was given up."""
    config = write_run(max_steps=4, checkpoint_every=2, log_every=1, tracker="tensorboard")
    assert run_command(main, ["--config", str(config)]) == 0
    folder = config.parent / "run"
    assert run_command(main, ["--config", str(config), "--resume", str(folder / "checkpoints" / "00000002")]) == 0
    events = event_accumulator.EventAccumulator(str(folder / "emoclip"))
    events.Reload()
    assert [event.step for event in events.Scalars("lr")] == [1, 2, 3, 4]
