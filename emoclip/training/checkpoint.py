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
        state = {"step": step, "data_fingerprint": fingerprint}
        (partial / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
        (partial / "config.yaml").write_text(dump_config(config), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
        for old in list_checkpoints(config.output_dir)[: -config.keep_checkpoints]:
            shutil.rmtree(old)
    accelerator.wait_for_everyone()
    return folder


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

    Raises:
        ValueError: the checkpoint belongs to another configuration or to other data.
    """
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    _check_same_run(config, checkpoint, state, fingerprint)
    accelerator.load_state(str(checkpoint / "training_state"))
    return int(state["step"])


def _check_same_run(config: TrainConfig, checkpoint: Path, state: dict[str, Any], fingerprint: str) -> None:
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
    if state["data_fingerprint"] != fingerprint:
        raise ValueError(
            f"{checkpoint} was trained on other data: {config.data.manifest} has changed since. Restore the manifest, or "
            "start anew in another output_dir."
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


__all__ = ["find_checkpoint", "flatten", "list_checkpoints", "load_checkpoint", "save_checkpoint"]
