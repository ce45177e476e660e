# SPDX-License-Identifier: Apache-2.0
"""DeepSpeed learns what it cannot read from the loader, and what it cannot do is refused; DeepSpeed itself is not needed for that."""

from collections.abc import Callable
from pathlib import Path

import pytest
from accelerate.utils import DeepSpeedPlugin

from emoclip.config_loading import load_config
from emoclip.training.accelerator import build_accelerator
from emoclip.training.config import TrainConfig
from emoclip.training.deepspeed_settings import fit_deepspeed


@pytest.mark.parametrize(("bound", "clipping"), [(0.7, 0.7), (None, 0.0)])
def test_plugin_gets_batch_size_and_bound(
    write_run: Callable[..., Path], bound: float | None, clipping: float
) -> None:
    """Without a batch size DeepSpeed stops with a traceback; without a bound it clips at 1."""
    plugin = DeepSpeedPlugin()
    fit_deepspeed(plugin, load_config(TrainConfig, write_run(data__batch_size=3, optimizer__max_grad_norm=bound)))
    assert plugin.get_value("train_micro_batch_size_per_gpu") == 3
    assert plugin.get_value("gradient_clipping") == clipping


@pytest.mark.parametrize(
    ("contrast", "message"),
    [
        ({"chunk_size": 2}, "`contrast.chunk_size` must be null with DeepSpeed.* got 2; set"),
        ({"accumulate": 3}, "`contrast.accumulate` must be 1 with DeepSpeed.* got 3; raise"),
    ],
)
def test_several_backward_passes_are_refused(
    write_run: Callable[..., Path], contrast: dict, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DeepSpeed would update the weights with a part of the gradient, and say nothing."""
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(ValueError, match=message):
        build_accelerator(load_config(TrainConfig, write_run(contrast=contrast)))
