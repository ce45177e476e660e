# SPDX-License-Identifier: Apache-2.0
"""`run.json`: what made a model, written last, so that its presence says that the run is complete."""

import json
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from emoclip.training.loop import TrainingRun

PACKAGES = ("emoclip", "torch", "transformers", "accelerate", "datasets")


def write_run_record(run: "TrainingRun", command: str) -> Path:
    """Write `run.json` into the run folder and return its path."""
    record: dict[str, Any] = {
        "command": command,
        "commit": git_commit(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "steps": run.step,
        "seed": run.config.seed,
        "precision": run.accelerator.mixed_precision,
        "processes": run.accelerator.num_processes,
        "data_fingerprint": run.fingerprint,
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
    }
    path = run.config.output_dir / "run.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return partial.rename(path)


def is_finished(output_dir: Path) -> bool:
    """Whether the run in this folder is complete."""
    return (output_dir / "run.json").is_file()


def git_commit() -> str | None:
    """The commit of the working directory's repository, with `-dirty` if files differ from it; None outside of one."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


__all__ = ["git_commit", "is_finished", "write_run_record"]
