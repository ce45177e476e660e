# SPDX-License-Identifier: Apache-2.0
"""`run.json` says what made a model, and that the run is complete."""

import json
from collections.abc import Callable
from pathlib import Path

from emoclip.config_loading import load_config
from emoclip.provenance import command_line
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun
from emoclip.training.run_record import is_finished, write_run_record


def test_record_names_command_versions_and_data(write_run: Callable[..., Path]) -> None:
    """A model whose making is not written down cannot be made again."""
    run = TrainingRun(load_config(TrainConfig, write_run()))
    assert not is_finished(run.config.output_dir)
    run.config.output_dir.mkdir()
    record = json.loads(write_run_record(run).read_text())
    assert record["command"] == command_line()
    assert record["data_fingerprint"] == run.fingerprint
    assert record["versions"]["torch"].startswith("2.")
    assert is_finished(run.config.output_dir)
