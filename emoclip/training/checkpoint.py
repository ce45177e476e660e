# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: written under a temporary name and renamed, found again, and held against the configuration.

output_dir/
    config.yaml                     the resolved configuration
    metrics.jsonl                   scalars
    checkpoints/00000500/
        training_state/             weights, optimiser and random states, as Accelerate saves them
        data_state_0.pt             where the data of process 0 stand, for streams
        trainer_state.json          step, data fingerprint, best so far, command, commit, versions
        config.yaml
    best/00000400/                  the weights chosen so far, where the rule is not the last ones
    model/                          the Hub folder, once the run is complete
    run.json                        command, versions, times
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from accelerate import Accelerator
from safetensors import SafetensorError

from emoclip.config_loading import config_to_dict, dump_config
from emoclip.provenance import command_line, git_commit, package_versions
from emoclip.training.config import FREE_ON_RESUME, TrainConfig


def save_checkpoint(
    accelerator: Accelerator,
    config: TrainConfig,
    step: int,
    fingerprint: str,
    *,
    progress: Mapping[str, Any] | None = None,
    data_state: Mapping[str, Any] | None = None,
) -> Path:
    """Write `checkpoints/<step>` as a whole or not at all; then drop those that need not be kept. Every process must call it.

    Args:
        accelerator: holds what is saved.
        config: the run.
        step: optimiser steps done.
        fingerprint: of the data.
        progress: JSON values to find again in the loaded state.
        data_state: of this process's data; nothing is written where it is empty.

    Raises:
        OSError: it could not be written; earlier checkpoints are as they were.
    """
    folder = config.output_dir / "checkpoints" / f"{step:08d}"
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        if accelerator.is_main_process:
            _clear_leftovers(folder.parent)
            partial.mkdir(parents=True)
        accelerator.wait_for_everyone()
        accelerator.save_state(str(partial / "training_state"))
        if data_state:
            torch.save(dict(data_state), partial / _data_state_name(accelerator.process_index))
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            state = {"step": step, **run_identity(accelerator, fingerprint), **(progress or {}), **_provenance()}
            (partial / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
            (partial / "config.yaml").write_text(dump_config(config), encoding="utf-8")
            _flush(partial)
            _put_in_place(partial, folder)
            drop_old(config)
    except (OSError, RuntimeError, SafetensorError) as error:
        # PyTorch and safetensors tell a full disk as errors of their own.
        shutil.rmtree(partial, ignore_errors=True)
        kept = list_checkpoints(config.output_dir)
        remedy = f"go on from {kept[-1]} with --resume" if kept else "start again"
        raise OSError(
            f"The checkpoint of step {step} could not be written to {folder.parent} ({error}); make room there and {remedy}."
        ) from error
    accelerator.wait_for_everyone()
    return folder


def _clear_leftovers(folder: Path) -> None:
    """Remove what kills during saving left behind, so that it does not fill the disk."""
    for name in (".*.partial", ".*.replaced"):
        for path in folder.glob(name):
            shutil.rmtree(path, ignore_errors=True)


def _flush(folder: Path) -> None:
    """Wait until the files are on the disk: a rename that outlives a power cut must not name empty files."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _put_in_place(partial: Path, folder: Path) -> None:
    aside = folder.with_name(f".{folder.name}.replaced")
    if folder.exists():
        folder.rename(aside)
    partial.rename(folder)
    shutil.rmtree(aside, ignore_errors=True)


def drop_old(config: TrainConfig) -> None:
    """Remove checkpoints beyond the newest `keep_checkpoints` and those kept for good, and best weights that none of the rest names."""
    every = config.keep_every
    for old in list_checkpoints(config.output_dir)[: -config.keep_checkpoints]:
        if every is None or int(old.name) % every:
            shutil.rmtree(old)
    kept = {read_record(path / "trainer_state.json").get("best_step") for path in list_checkpoints(config.output_dir)}
    for best in (config.output_dir / "best").glob("[0-9]*"):
        if int(best.name) not in kept:
            shutil.rmtree(best)


def _provenance() -> dict[str, Any]:
    return {"command": command_line(), "commit": git_commit(), "versions": package_versions()}


def _data_state_name(process: int) -> str:
    return f"data_state_{process}.pt"


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


def load_checkpoint(
    accelerator: Accelerator, config: TrainConfig, checkpoint: Path, fingerprint: str
) -> dict[str, Any]:
    """Restore weights, optimiser and random states; return the saved state with `step`, and `data` where there is some.

    Checkpoints of the same run that come after this one belong to a course that is abandoned now, and are removed.

    Raises:
        ValueError: the checkpoint is damaged, or belongs to another configuration, other data or other processes.
    """
    state = read_record(checkpoint / "trainer_state.json")
    check_same_run(config, checkpoint, state, run_identity(accelerator, fingerprint))
    data = checkpoint / _data_state_name(accelerator.process_index)
    try:
        accelerator.load_state(str(checkpoint / "training_state"))
        state["data"] = torch.load(data, weights_only=True) if data.exists() else {}
    except (RuntimeError, SafetensorError, EOFError, OSError) as error:
        raise ValueError(
            f"{checkpoint} is damaged and cannot be read ({error}); resume from an earlier one."
        ) from error
    if accelerator.is_main_process and checkpoint.parent == config.output_dir / "checkpoints":
        for later in list_checkpoints(config.output_dir):
            if later.name > checkpoint.name:
                shutil.rmtree(later)
    return state


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
