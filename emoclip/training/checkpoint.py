# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: written under a temporary name and renamed, found again, loaded, and dropped.

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
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from safetensors import SafetensorError

from emoclip.config_loading import dump_config
from emoclip.provenance import command_line, git_commit, package_versions
from emoclip.training.config import TrainConfig
from emoclip.training.same_run import check_same_run, read_record
from emoclip.training.whole_folder import (
    clear_leftovers,
    flush,
    partial_of,
    put_in_place,
    remove_folder,
    telling_full_disk,
)


def save_checkpoint(
    accelerator: Accelerator,
    config: TrainConfig,
    step: int,
    identity: Mapping[str, Any],
    *,
    progress: Mapping[str, Any] | None = None,
    data_state: Mapping[str, Any] | None = None,
) -> Path:
    """Write `checkpoints/<step>` as a whole or not at all; then drop those that need not be kept. Every process must call it.

    Args:
        accelerator: holds what is saved.
        config: the run.
        step: optimiser steps done.
        identity: what a run that goes on must share (`emoclip.training.same_run.run_identity`).
        progress: JSON values to find again in the loaded state.
        data_state: of this process's data; nothing is written where it is empty.

    Raises:
        OSError: it could not be written; earlier checkpoints are as they were.
    """
    folder = config.output_dir / "checkpoints" / f"{step:08d}"
    partial = partial_of(folder)
    kept = list_checkpoints(config.output_dir)
    remedy = f"go on from {kept[-1]} with --resume" if kept else "start again"
    try:
        with telling_full_disk(f"The checkpoint of step {step}", folder.parent, remedy):
            if accelerator.is_main_process:
                clear_leftovers(folder.parent)
                partial.mkdir(parents=True)
            accelerator.wait_for_everyone()
            accelerator.save_state(str(partial / "training_state"))
            if data_state:
                torch.save(dict(data_state), partial / _data_state_name(accelerator.process_index))
            accelerator.wait_for_everyone()
            if accelerator.is_main_process:
                state = {"step": step, **identity, **(progress or {}), **_provenance()}
                (partial / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
                (partial / "config.yaml").write_text(dump_config(config), encoding="utf-8")
                flush(partial)
                put_in_place(partial, folder)
                drop_old(config, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    accelerator.wait_for_everyone()
    return folder


def drop_old(config: TrainConfig, newest: Path) -> None:
    """Remove checkpoints beyond the newest `keep_checkpoints` and those kept for good, and best weights that none of the rest names.

    Args:
        config: the run.
        newest: the one just written, which stays whatever the others' numbers.
    """
    every = config.keep_every
    others = [path for path in list_checkpoints(config.output_dir) if path.name != newest.name]
    for old in others[: max(0, len(others) - config.keep_checkpoints + 1)]:
        if every is None or int(old.name) % every:
            remove_folder(old)
    kept = {read_record(path / "trainer_state.json").get("best_step") for path in list_checkpoints(config.output_dir)}
    for best in (config.output_dir / "best").glob("[0-9]*"):
        if int(best.name) not in kept:
            remove_folder(best)


def _provenance() -> dict[str, Any]:
    return {"command": command_line(), "commit": git_commit(), "versions": package_versions()}


def _data_state_name(process: int) -> str:
    return f"data_state_{process}.pt"


def list_checkpoints(output_dir: Path) -> list[Path]:
    """The complete checkpoints of a run, oldest first."""
    found = (output_dir / "checkpoints").glob("[0-9]*")
    return sorted(path for path in found if (path / "trainer_state.json").is_file())


def find_checkpoint(output_dir: Path, resume: str) -> Path | None:
    """The checkpoint to go on from: `auto` is the newest of the run or None, anything else a path.

    Raises:
        FileExistsError: the path is another run's, and `output_dir` has checkpoints of its own course.
        FileNotFoundError: the path is no checkpoint.
    """
    own = list_checkpoints(output_dir)
    if resume == "auto":
        return own[-1] if own else None
    path = Path(resume)
    if not (path / "trainer_state.json").is_file():
        raise FileNotFoundError(
            f"A checkpoint is a folder with trainer_state.json, such as RUN/checkpoints/00000500, got {path}."
        )
    theirs = own[-1] if own else output_dir / "run.json"
    if theirs.exists() and not _is_own(output_dir, path):
        raise FileExistsError(
            f"`output_dir` must have no checkpoints of its own and no finished run where a run goes on from elsewhere ({path}), but "
            f"{theirs} is there; choose a new output_dir, or go on with these by --resume alone."
        )
    return path


def _is_own(output_dir: Path, checkpoint: Path) -> bool:
    """Whether a checkpoint lies in a run's folder, however the two paths are spelt."""
    return checkpoint.resolve().parent == (output_dir / "checkpoints").resolve()


def abandon_later(output_dir: Path, checkpoint: Path) -> None:
    """Remove the checkpoints of the same run after this one, whose course is given up; to be called once everything is loaded.

    With it goes `run.json`: a run that goes on is not complete.
    """
    if not _is_own(output_dir, checkpoint):
        return
    (output_dir / "run.json").unlink(missing_ok=True)
    for later in list_checkpoints(output_dir):
        if later.name > checkpoint.resolve().name:
            remove_folder(later)


def load_checkpoint(
    accelerator: Accelerator, config: TrainConfig, checkpoint: Path, identity: Mapping[str, Any]
) -> dict[str, Any]:
    """Restore weights, optimiser and random states; return the saved state with `step`, and `data` where there is some.

    Raises:
        ValueError: the checkpoint is damaged, or belongs to another configuration, other data or other processes.
    """
    state = read_record(checkpoint / "trainer_state.json")
    check_same_run(config, checkpoint, state, identity)
    data = checkpoint / _data_state_name(accelerator.process_index)
    try:
        accelerator.load_state(str(checkpoint / "training_state"))
        state["data"] = torch.load(data, weights_only=True) if data.exists() else {}
    except (RuntimeError, SafetensorError, EOFError, OSError) as error:
        raise ValueError(
            f"{checkpoint} is damaged and cannot be read ({error}); resume from an earlier one."
        ) from error
    return state


__all__ = ["abandon_later", "find_checkpoint", "list_checkpoints", "load_checkpoint", "save_checkpoint"]
