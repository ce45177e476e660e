# SPDX-License-Identifier: Apache-2.0
"""Rates are those of training, not of what comes between its steps."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from emoclip.config_loading import load_config
from emoclip.training import loop
from emoclip.training import meter as meter_module
from emoclip.training.config import TrainConfig
from emoclip.training.meter import Meter, MeteredStep


class Clock:
    """Time that goes on when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(meter_module, "time", clock)
    monkeypatch.setattr(loop, "time", clock)
    return clock


def test_a_pause_is_no_time(clock: Clock) -> None:
    """Also one that ends in an error."""
    meter = Meter()
    clock.now = 4.0
    meter.add(MeteredStep(1, torch.tensor(0.5), ("a", "b"), 1.0))
    with pytest.raises(OSError), meter.paused():
        clock.now = 100.0
        raise OSError
    assert meter.read() == {"loss": 0.5, "clips_per_second": 0.5, "data_wait": 0.25}


def test_validation_and_checkpoints_do_not_slow_the_rate(
    write_run: Callable[..., Path], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An epoch's validation made a run look ten times as slow, and the waiting for clips as nothing."""
    validation = {"split": "test", "prompt_set": "synthetic_descriptions", "every": 1}
    changes = {"checkpoint_every": 1, "selection": "train_loss", "validation": validation}
    run = loop.TrainingRun(load_config(TrainConfig, write_run(epochs=1, log_every=1, **changes)))

    def slowed(function: Callable, seconds: float) -> Callable:
        def call(*arguments, **options):
            clock.now += seconds
            return function(*arguments, **options)

        return call

    run.updater.update = slowed(run.updater.update, 2.0)
    run.validation = slowed(run.validation, 1000.0)
    run.validation.config = run.config.validation
    run.selection.take = slowed(run.selection.take, 1000.0)
    monkeypatch.setattr(loop, "save_checkpoint", slowed(loop.save_checkpoint, 1000.0))
    run.train()
    lines = map(json.loads, (run.config.output_dir / "metrics.jsonl").read_text().splitlines())
    assert [line["clips_per_second"] for line in lines if "loss" in line] == [2.0] * 5
