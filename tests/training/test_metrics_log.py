# SPDX-License-Identifier: Apache-2.0
"""`metrics.jsonl` tells each step once, also after a resume."""

import json
from pathlib import Path

from accelerate import Accelerator

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
