# SPDX-License-Identifier: Apache-2.0
"""What saves time or memory must change no result beyond rounding."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from emoclip.config_loading import load_config
from emoclip.training.compute import prepare_compute
from emoclip.training.config import TrainConfig
from emoclip.training.engine_config import ComputeConfig
from emoclip.training.loop import TrainingRun
from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel


# AdamW would blow the rounding of gradients that are nil, such as those of a key's bias, up to a whole step.
SGD = {"optimizer__name": "sgd", "optimizer__lr": 1e-2, "optimizer__schedule": "constant"}


def weights_after(config: Path, output: Path, *overrides: str) -> dict[str, torch.Tensor]:
    run = TrainingRun(load_config(TrainConfig, config, [f"output_dir={output}", *overrides]))
    return load_file(run.train() / "model.safetensors")


@pytest.mark.parametrize(
    "override",
    ["compute.gradient_checkpointing=true", "compute.kernels=fused", "compute.kernels=loop", "model.attention=eager"],
)
def test_same_weights_after_three_steps(write_run: Callable[..., Path], tmp_path: Path, override: str) -> None:
    """A switch for speed that trains something else would be found only in the final figures."""
    config = write_run(max_steps=3, **SGD)
    plain, switched = (
        weights_after(config, tmp_path / "plain"),
        weights_after(config, tmp_path / "switched", override),
    )
    assert plain.keys() == switched.keys()
    for name, tensor in plain.items():
        torch.testing.assert_close(switched[name], tensor, rtol=1e-4, atol=2e-5, msg=name)


def test_checkpointing_reaches_every_layer(tiny_model_folder: Path) -> None:
    """A tower that is left out keeps its memory."""
    model = EmoCLIPModel.from_pretrained(tiny_model_folder)
    prepare_compute(model, ComputeConfig(gradient_checkpointing=True))
    layers = [module for module in model.modules() if hasattr(module, "gradient_checkpointing")]
    names = {type(module).__name__ for module in layers if module.gradient_checkpointing}
    assert {"CLIPEncoderLayer", "EmoCLIPTemporalLayer"} <= names


def test_stride_checkpoints_every_other_layer(tiny_model_folder: Path) -> None:
    """Half the recomputation in each stack."""
    config = EmoCLIPConfig.from_pretrained(tiny_model_folder)
    config.vision_config.num_hidden_layers, config.text_config.num_hidden_layers = 4, 3
    model = EmoCLIPModel(config)
    prepare_compute(model, ComputeConfig(gradient_checkpointing=True, checkpoint_stride=2))
    switched = {
        name: [layer.gradient_checkpointing for layer in getattr(model, name).encoder.layers]
        for name in ("vision_model", "text_model")
    }
    assert switched == {"vision_model": [True, False, True, False], "text_model": [True, False, True]}


def test_stride_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="`checkpoint_stride` must be at least 1, got 0"):
        ComputeConfig(checkpoint_stride=0)


def test_compiled_parts_keep_their_names(tiny_model_folder: Path) -> None:
    """Checkpoints of compiled and plain runs must fit one another."""
    model = EmoCLIPModel.from_pretrained(tiny_model_folder)
    before = list(model.state_dict())
    prepare_compute(model, ComputeConfig(compile=True))
    assert list(model.state_dict()) == before
    assert model.vision_model._compiled_call_impl is not None


@pytest.mark.slow
def test_compiled_training_gives_the_same_weights(write_run: Callable[..., Path], tmp_path: Path) -> None:
    """Compiled for real, forwards and backwards."""
    config = write_run(max_steps=3, **SGD)
    plain = weights_after(config, tmp_path / "plain")
    compiled = weights_after(config, tmp_path / "compiled", "compute.compile=true")
    for name, tensor in plain.items():
        torch.testing.assert_close(compiled[name], tensor, rtol=1e-3, atol=1e-4, msg=name)
