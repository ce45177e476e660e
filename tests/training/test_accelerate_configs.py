# SPDX-License-Identifier: Apache-2.0
"""The launcher's files are read by Accelerate itself, and become what they say."""

from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env

import modeling_emoclip.temporal_emoclip as temporal


ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "configs" / "accelerate"
FILES = sorted(FOLDER.glob("*.yaml"))


def test_all_kinds_are_there() -> None:
    """An empty folder would make the other tests pass with nothing checked."""
    assert {path.stem for path in FILES} == {"ddp", "fsdp2", "deepspeed_zero2", "multi_node"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_accelerate_reads_the_file(path: Path) -> None:
    """A key that a release has renamed makes the launcher stop with a traceback."""
    config = load_config_from_file(str(path))
    assert config.num_processes >= 8
    assert f"configs/accelerate/{path.name} " in path.read_text()


def environment_of(path: Path) -> dict[str, str]:
    """What the launcher tells its processes."""
    arguments = launch_command_parser().parse_args(["--config_file", str(path), "--num_processes", "2", "train.py"])
    arguments, _, _ = _validate_launch_command(arguments)
    return prepare_multi_gpu_env(arguments)


def test_fsdp_wraps_every_kind_of_layer() -> None:
    """A layer whose name has changed would be gathered whole with the rest of the model."""
    environment = environment_of(FOLDER / "fsdp2.yaml")
    assert environment["FSDP_VERSION"] == "2"
    wrapped = environment["FSDP_TRANSFORMER_CLS_TO_WRAP"].split(",")
    assert {name for name in wrapped if name.startswith("EmoCLIP")} == {
        name for name in vars(temporal) if name.endswith("Layer") and name.startswith("EmoCLIP")
    }
