# SPDX-License-Identifier: Apache-2.0
"""`run.json`: what made a model, written last, so that its presence says that the run is complete."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip.data.output import replacing
from emoclip.provenance import command_line, git_commit, package_versions
from emoclip.training.config import TrainConfig
from emoclip.training.same_run import check_same_run, file_digests, read_record
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
        **run.identity,
        "versions": package_versions(),
    }
    path = run.config.output_dir / "run.json"
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return path


def check_finished(config: TrainConfig) -> None:
    """Check that the complete run in `output_dir` is the one that this configuration asks for.

    Raises:
        ValueError: it was another configuration, or other data.
    """
    record = read_record(config.output_dir / "run.json")
    identity = {"data_fingerprint": run_fingerprint(config.data), "files": file_digests(config)}
    check_same_run(config, config.output_dir, record, identity)


def is_finished(output_dir: Path) -> bool:
    """Whether the run in this folder is complete."""
    return (output_dir / "run.json").is_file()


__all__ = ["check_finished", "is_finished", "write_run_record"]
