# SPDX-License-Identifier: Apache-2.0
"""`run.json`: what made a model, written last, so that its presence says that the run is complete."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip.provenance import command_line, git_commit, package_versions
from emoclip.training.checkpoint import check_same_run, read_record, run_identity
from emoclip.training.config import TrainConfig
from emoclip.training.source import run_fingerprint


if TYPE_CHECKING:
    from emoclip.training.loop import TrainingRun


def write_run_record(run: "TrainingRun") -> Path:
    """Write `run.json` into the run folder and return its path."""
    record: dict[str, Any] = {
        "command": command_line(),
        "commit": git_commit(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "steps": run.step,
        "seed": run.config.seed,
        **run_identity(run.accelerator, run.fingerprint),
        "versions": package_versions(),
    }
    path = run.config.output_dir / "run.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return partial.rename(path)


def check_finished(config: TrainConfig) -> None:
    """Check that the complete run in `output_dir` is the one that this configuration asks for.

    Raises:
        ValueError: it was another configuration, or other data.
    """
    record = read_record(config.output_dir / "run.json")
    check_same_run(config, config.output_dir, record, {"data_fingerprint": run_fingerprint(config.data)})


def is_finished(output_dir: Path) -> bool:
    """Whether the run in this folder is complete."""
    return (output_dir / "run.json").is_file()


__all__ = ["check_finished", "is_finished", "write_run_record"]
