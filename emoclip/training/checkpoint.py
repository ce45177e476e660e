# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: written under a temporary name and renamed, found again, and held against the configuration.

output_dir/
    config.yaml                     the resolved configuration
    metrics.jsonl                   scalars
    checkpoints/00000500/
        training_state/             weights, optimiser and random states, as Accelerate saves them
        trainer_state.json          step, data fingerprint
        config.yaml
    model/                          the Hub folder, once the run is complete
    run.json                        command, versions, times
"""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml
from accelerate import Accelerator
from safetensors import SafetensorError

from emoclip.config_loading import config_to_dict, dump_config
from emoclip.training.config import FREE_ON_RESUME, TrainConfig


def save_checkpoint(accelerator: Accelerator, config: TrainConfig, step: int, fingerprint: str) -> Path:
    """Write `checkpoints/<step>` as a whole or not at all; then drop the oldest beyond `keep_checkpoints`."""
    folder = config.output_dir / "checkpoints" / f"{step:08d}"
    partial = folder.with_name(f".{folder.name}.partial")
    if accelerator.is_main_process:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    accelerator.wait_for_everyone()
    accelerator.save_state(str(partial / "training_state"))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        state = {"step": step, **run_identity(accelerator, fingerprint)}
        (partial / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
        (partial / "config.yaml").write_text(dump_config(config), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
        for old in list_checkpoints(config.output_dir)[: -config.keep_checkpoints]:
            shutil.rmtree(old)
    accelerator.wait_for_everyone()
    return folder


def run_identity(accelerator: Accelerator, fingerprint: str) -> dict[str, Any]:
    """What a resumed run must share beside the configuration: the data, the order of clips, the number format."""
    return {
        "data_fingerprint": fingerprint,
        "num_processes": accelerator.num_processes,
        "precision": accelerator.mixed_precision,
    }


def list_checkpoints(output_dir: Path) -> list[Path]:
    """The complete checkpoints of a run, oldest first."""
    return sorted(path for path in (output_dir / "checkpoints").glob("[0-9]*") if path.is_dir())


def find_checkpoint(output_dir: Path, resume: str) -> Path | None:
    """The checkpoint to go on from: `auto` is the newest of the run or None, anything else a path.

    Raises:
        FileNotFoundError: the path is no checkpoint.
    """
    if resume == "auto":
        checkpoints = list_checkpoints(output_dir)
        return checkpoints[-1] if checkpoints else None
    path = Path(resume)
    if not (path / "trainer_state.json").is_file():
        raise FileNotFoundError(
            f"A checkpoint is a folder with trainer_state.json, such as RUN/checkpoints/00000500, got {path}."
        )
    return path


def load_checkpoint(accelerator: Accelerator, config: TrainConfig, checkpoint: Path, fingerprint: str) -> int:
    """Restore weights, optimiser and random states; return the number of steps done.

    Checkpoints of the same run that come after this one belong to a course that is abandoned now, and are removed.

    Raises:
        ValueError: the checkpoint is damaged, or belongs to another configuration, other data or other processes.
    """
    state = read_record(checkpoint / "trainer_state.json")
    check_same_run(config, checkpoint, state, run_identity(accelerator, fingerprint))
    try:
        accelerator.load_state(str(checkpoint / "training_state"))
    except (RuntimeError, SafetensorError, EOFError) as error:
        raise ValueError(
            f"{checkpoint} is damaged and cannot be read ({error}); resume from an earlier one."
        ) from error
    if accelerator.is_main_process and checkpoint.parent == config.output_dir / "checkpoints":
        for later in list_checkpoints(config.output_dir):
            if later.name > checkpoint.name:
                shutil.rmtree(later)
    return int(state["step"])


def read_record(path: Path) -> dict[str, Any]:
    """A JSON object that training wrote.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} must hold a JSON object, but it is damaged ({error}); resume from elsewhere."
        ) from error


def check_same_run(config: TrainConfig, checkpoint: Path, state: dict[str, Any], identity: dict[str, Any]) -> None:
    """Compare a folder with `config.yaml` (a checkpoint or a run) and its record with the run that wants to go on.

    Raises:
        ValueError: something differs that changes weights; the message names every key with both values.
    """
    saved = yaml.safe_load((checkpoint / "config.yaml").read_text(encoding="utf-8"))
    theirs, ours = flatten(saved), flatten(config_to_dict(config))
    differing = [key for key in sorted(theirs.keys() | ours.keys()) if theirs.get(key) != ours.get(key)]
    differing = [key for key in differing if key not in FREE_ON_RESUME]
    if differing:
        listed = ", ".join(f"{key} ({theirs.get(key)!r} there, {ours.get(key)!r} now)" for key in differing)
        raise ValueError(
            f"{checkpoint} belongs to another configuration: {listed}. Restore these values, or start anew in another "
            "output_dir."
        )
    if state["data_fingerprint"] != identity["data_fingerprint"]:
        raise ValueError(
            f"{checkpoint} was trained on other data: {config.data.manifest} has changed since. Restore the manifest, or "
            "start anew in another output_dir."
        )
    for key in ("num_processes", "precision"):
        if key in identity and state[key] != identity[key]:
            raise ValueError(
                f"{checkpoint} was made with {key}={state[key]}, got {identity[key]} now; go on with the same, or start anew in "
                "another output_dir."
            )


def flatten(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


__all__ = [
    "check_same_run",
    "find_checkpoint",
    "flatten",
    "list_checkpoints",
    "load_checkpoint",
    "read_record",
    "run_identity",
    "save_checkpoint",
]
