# SPDX-License-Identifier: Apache-2.0
"""The accelerator says what is missing before work starts."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from emoclip.config_loading import load_config
from emoclip.training.accelerator import build_accelerator, seed_process
from emoclip.training.config import TrainConfig


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("tracker", "extra"), [("wandb", "wandb"), ("trackio", "trackio")])
def test_a_tracker_that_is_not_installed_is_told_with_its_install_line(
    write_run: Callable[..., Path], tracker: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accelerate logs to nowhere in silence where the package is missing."""
    monkeypatch.setitem(sys.modules, tracker, None)
    with pytest.raises(ImportError, match=rf"`{tracker}` is not installed; run: pip install 'emoclip\[{extra}\]'"):
        build_accelerator(load_config(TrainConfig, write_run(tracker=tracker)))


def test_a_port_that_is_taken_is_one_sentence(write_run: Callable[..., Path]) -> None:
    """Two jobs on one machine is the usual cause; the remedy is an option of the launcher."""
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        places = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": port}
        environment = {
            **os.environ,
            **{name: str(value) for name, value in places.items()},
            "MASTER_ADDR": "localhost",
            "OMP_NUM_THREADS": "1",
            "ACCELERATE_USE_CPU": "true",
        }
        done = subprocess.run(
            [sys.executable, str(ROOT / "train.py"), "--config", str(write_run())],
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    assert done.returncode == 2, done.stderr
    assert f"localhost:{port} is taken by another job" in done.stderr.strip().splitlines()[-1]


def test_processes_drop_other_units(write_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """One seed for all gave every process the same dropout mask; the original adds the rank. The first keeps its stream."""
    masks = []
    for rank in range(3):
        torch.manual_seed(5)
        seed_process(5, rank)
        masks.append(torch.nn.functional.dropout(torch.ones(99)) > 0)
    torch.manual_seed(5)
    assert torch.equal(masks[0], torch.nn.functional.dropout(torch.ones(99)) > 0)
    assert not torch.equal(masks[0], masks[1]) and not torch.equal(masks[1], masks[2])

    from emoclip.training import loop

    told: list[tuple[int, int]] = []
    monkeypatch.setattr(loop, "seed_process", lambda seed, rank: told.append((seed, rank)))
    loop.TrainingRun(load_config(TrainConfig, write_run(seed=7)))
    assert told == [(7, 0)]
