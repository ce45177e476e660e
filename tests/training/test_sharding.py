# SPDX-License-Identifier: Apache-2.0
"""FSDP2 spreads the weights over processes and gathers them to the folder that DistributedDataParallel writes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env
from safetensors.torch import load_file

from emoclip.config_loading import load_config
from emoclip.training.config import TrainConfig
from emoclip.training.sharding import check_sharding
from modeling_emoclip import EmoCLIPModel
from tests.training.processes.launch import ROOT, Launched


WORKER = Path(__file__).parent / "processes" / "fsdp_worker.py"


def launcher_environment() -> dict[str, str]:
    """What Accelerate's launcher makes of our file."""
    file = ROOT / "configs" / "accelerate" / "fsdp2.yaml"
    arguments = launch_command_parser().parse_args(["--config_file", str(file), "--num_processes", "2", "train.py"])
    arguments, _, _ = _validate_launch_command(arguments)
    return {name: value for name, value in prepare_multi_gpu_env(arguments).items() if "FSDP" in name}


@pytest.mark.slow
def test_fsdp_and_ddp_write_the_same_folder(write_run: Callable[..., Path], tmp_path: Path) -> None:
    """Weights that are gathered wrongly, or a logit scale that drifts apart, show in the result; resuming is part of it."""
    config = write_run(
        max_steps=5,
        log_every=1,
        checkpoint_every=3,
        # AdamW would make full steps of what is rounding alone, such as the gradients of the keys' biases.
        optimizer__name="sgd",
        optimizer__lr=0.5,
        optimizer__max_grad_norm=0.5,
        contrast={"accumulate": 2, "negatives": "local"},  # so that the scale's gradients differ between processes
        data__batch_size=3,
        epochs=9,
    )
    plain, spread = tmp_path / "plain", tmp_path / "spread"
    printed = Launched(tmp_path, config, f"output_dir={plain}", processes=2).finish()
    assert (plain / "run.json").exists(), printed
    fsdp = {"processes": 2, "script": WORKER, "environment": launcher_environment()}
    printed = Launched(tmp_path, config, f"output_dir={spread}", **fsdp).finish()
    assert (spread / "run.json").exists(), printed
    resumed = tmp_path / "resumed"
    start = spread / "checkpoints" / "00000003"
    printed = Launched(tmp_path, config, f"output_dir={resumed}", "--resume", str(start), **fsdp).finish()
    assert (resumed / "run.json").exists(), printed
    expected = load_file(plain / "model" / "model.safetensors")
    start_scale = load_config(TrainConfig, config).model.config.get("logit_scale_init_value", 2.6592)
    assert abs(expected["logit_scale"].item() - start_scale) > 1e-3
    for folder in (spread, resumed):
        weights = load_file(folder / "model" / "model.safetensors")
        assert weights.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=1e-6, msg=f"{folder.name}: {name}")
        assert type(EmoCLIPModel.from_pretrained(folder / "model")) is EmoCLIPModel
        assert (folder / "model" / "config.json").read_text() == (plain / "model" / "config.json").read_text()


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"optimizer__word_prediction": 0.5}, "optimizer.word_prediction"),
        ({"data__cache_features": True, "optimizer__train_vision": "none"}, "data.cache_features"),
        ({"lora": {"rank": 3}, "optimizer__train_vision": "none", "optimizer__train_text": "none"}, "lora"),
    ],
)
def test_what_reads_whole_weights_is_refused(write_run: Callable[..., Path], changes: dict, name: str) -> None:
    """It would fail in the middle of the run, inside of PyTorch."""
    with pytest.raises(ValueError, match=rf"`{name}` must not be set with FSDP"):
        check_sharding(load_config(TrainConfig, write_run(**changes)))


def test_portions_are_refused(write_run: Callable[..., Path]) -> None:
    """Processes with different numbers of portions would wait for one another's weights without end."""
    with pytest.raises(ValueError, match=r"`contrast.chunk_size` must be null with FSDP, .* got 2"):
        check_sharding(load_config(TrainConfig, write_run(contrast={"chunk_size": 2})))


def test_the_older_fsdp_is_refused(write_run: Callable[..., Path]) -> None:
    """Its flat weights have no names to choose by, and it would fail inside of PyTorch."""
    config = load_config(TrainConfig, write_run())
    check_sharding(config)
    with pytest.raises(ValueError, match=r"must be of version 2, got version 1; set `fsdp_version: 2`"):
        check_sharding(config, is_version_2=False)
