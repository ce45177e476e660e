# SPDX-License-Identifier: Apache-2.0
"""The command `train.py`: arguments, the run folder, what to resume, and one run."""

import argparse
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from emoclip.config_loading import dump_config, load_config, read_yaml
from emoclip.console import program_name, write_line
from emoclip.data.output import replacing
from emoclip.training.config import TrainConfig
from emoclip.training.engine_config import HubConfig


if TYPE_CHECKING:
    from emoclip.training.loop import TrainingRun

EXAMPLES = """examples:
  accelerate launch --cpu train.py --config configs/train/demo_stills.yaml
  accelerate launch train.py --config configs/train/emoclip_captions.yaml data.manifest=my.parquet optimizer.lr=5e-4
  accelerate launch train.py --config configs/train/emoclip_captions.yaml --resume
"""


def main(argv: list[str] | None = None) -> int:
    """Run `train.py`; returns the exit code."""
    arguments = parse_arguments(argv)
    config = load_config(TrainConfig, arguments.config, arguments.overrides)
    if arguments.dry_run:
        return _dry_run(config, arguments)
    return _train(config, arguments)


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """The arguments; overrides may stand anywhere, also right after a bare `--resume`."""
    arguments = build_parser().parse_intermixed_args(argv)
    if arguments.resume and "=" in arguments.resume and not Path(arguments.resume).exists():
        arguments.overrides.append(arguments.resume)
        arguments.resume = "auto"
    return arguments


def build_parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=program_name("train.py", "train"),
        description="Train an EmoCLIP model from captioned clips.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, type=Path, help="YAML file of the run")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="values that win over the file")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="auto|PATH",
        help="go on from the newest checkpoint of output_dir (start afresh where there is none), or from PATH",
    )
    parser.add_argument("--overwrite", action="store_true", help="delete an earlier run in output_dir first")
    parser.add_argument("--dry-run", action="store_true", help="build everything, print its sizes and stop")
    return parser


def _train(config: TrainConfig, arguments: argparse.Namespace) -> int:
    # Late, so that `--help` and wrong arguments answer at once.
    from emoclip.training.loop import TrainingRun
    from emoclip.training.run_record import write_run_record
    from emoclip.training.run_report import write_report

    if _is_complete(config, arguments):
        return 0
    check_push(config)
    checkpoint = _checkpoint(config, arguments.resume)
    # Builds and checks everything; only then may an earlier run go.
    run = TrainingRun(config, checkpoint)
    if run.accelerator.is_main_process:
        _prepare_output(config, overwrite=arguments.overwrite)
        if checkpoint is not None:
            write_line(f"Going on from {checkpoint} (step {run.step} of {run.total_steps}).")
    run.accelerator.wait_for_everyone()
    model_folder = run.train()
    if model_folder is None:
        return _stopped(run)
    if run.accelerator.is_main_process:
        report = write_report(run)
        write_run_record(run)
        write_line(f"The model is in {model_folder}, the report is {report}.")
        if config.push_to_hub is not None:
            _push(config.push_to_hub, model_folder)
    run.accelerator.end_training()
    return 0


def _is_complete(config: TrainConfig, arguments: argparse.Namespace) -> bool:
    """Whether there is nothing to do, which is said; else the run folder may be used as the arguments say."""
    from emoclip.training.run_record import check_finished, is_finished

    check_output(config, resume=bool(arguments.resume), overwrite=arguments.overwrite)
    # From a checkpoint that is named the run goes on, complete or not.
    if arguments.resume != "auto" or not is_finished(config.output_dir):
        return False
    check_finished(config)
    write_line(f"{config.output_dir} is complete; the model is in {config.output_dir / 'model'}.")
    return True


def _checkpoint(config: TrainConfig, resume: str | None) -> Path | None:
    from emoclip.training.checkpoint import find_checkpoint

    return find_checkpoint(config.output_dir, resume) if resume else None


def check_push(config: TrainConfig) -> None:
    """Refuse before the run what the push at its end would; the first process pushes, so others need no token."""
    if config.push_to_hub is not None and os.environ.get("RANK", "0") == "0":
        from emoclip.export.publishing import check_target

        check_target(config.push_to_hub.repo_id)


def _push(target: HubConfig, folder: Path) -> None:
    """Push the finished model; what fails here can be done again by `emoclip push`."""
    from emoclip.export.publishing import plan_push, push

    write_line(f"Pushed to {push(plan_push(folder, target.repo_id, private=target.private))}.")


def _stopped(run: "TrainingRun") -> int:
    """Say where the run stopped; the exit code is the one of a process that the signal ended."""
    number = run.stopper.signal or signal.SIGTERM
    if run.accelerator.is_main_process:
        write_line(f"Stopped by {number.name} and saved at step {run.step} of {run.total_steps}; go on with --resume.")
    run.accelerator.end_training()
    return 128 + number


def check_output(config: TrainConfig, *, resume: bool, overwrite: bool) -> None:
    """Say why an existing run folder must not be used; changes nothing.

    Raises:
        FileExistsError: the folder holds something, and neither resuming nor overwriting was asked for, or it is no run
            folder, or a file.
        ValueError: both were asked for, or overwriting would delete what the run reads.
    """
    folder = config.output_dir
    if resume and overwrite:
        raise ValueError("--resume goes on with a run and --overwrite deletes it, got both; give one of them.")
    in_the_way = next((path for path in (folder, *folder.parents) if path.exists() and not path.is_dir()), None)
    if in_the_way is not None:
        raise FileExistsError(
            f"`output_dir` must be a folder, got {folder}, but {in_the_way} is a file; choose another."
        )
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not resume and not overwrite:
        raise FileExistsError(
            f"`output_dir` must be new or empty, but {folder} holds an earlier run; pass --resume to go on with it, "
            "--overwrite to delete it, or choose another output_dir."
        )
    if not _is_run_folder(folder):
        wish = "--resume goes on with" if resume else "--overwrite deletes"
        raise FileExistsError(
            f"{wish} run folders only, and {folder} has no config.yaml of a run; choose another output_dir."
        )
    if overwrite:
        _check_spared(config)


def _check_spared(config: TrainConfig) -> None:
    """Refuse to delete what the new run reads."""
    for key, name in _inputs(config).items():
        path = Path(name).resolve()
        if path.exists() and path.is_relative_to(config.output_dir.resolve()):
            raise ValueError(
                f"--overwrite deletes {config.output_dir}, in which `{key}` of the new run lies, {name}; choose another output_dir."
            )
    if config.data.cache_features and config.data.features_dir.resolve().is_relative_to(config.output_dir.resolve()):
        # Filled, if it is not yet, before the earlier run goes.
        raise ValueError(
            f"--overwrite deletes {config.output_dir}, in which `data.features_dir` of the new run lies, {config.data.features_dir}; "
            "choose another of the two."
        )


def _inputs(config: TrainConfig) -> dict[str, str | Path]:
    """What a run reads by name, by its key; of models, texts and data on the Hub no such path exists."""
    model, data, task, validation = config.model, config.data, config.task, config.validation
    read: dict[str, str | Path | None] = {
        "model.name": None if model.init == "scratch" else model.name,
        "model.tokenizer": model.tokenizer,
        "model.class_descriptions": model.class_descriptions,
        "data.manifest": data.manifest,
        **{f"data.mix.{number}": manifest for number, manifest in enumerate(data.mix)},
        "task.class_texts": task.class_texts if task.kind == "class_texts" else None,
        "task.fill_captions": task.fill_captions,
        "validation.manifest": None if validation is None else validation.manifest,
        "validation.prompt_set": None if validation is None else validation.prompt_set,
    }
    return {key: name for key, name in read.items() if name is not None}


def _is_run_folder(folder: Path) -> bool:
    """By its own configuration or that of a checkpoint: a full disk may have cost the one, a kill before the first the others."""
    from emoclip.training.checkpoint import list_checkpoints

    return any(_is_run_config(path / "config.yaml") for path in (folder, *list_checkpoints(folder)))


def _is_run_config(path: Path) -> bool:
    try:
        content = read_yaml(path)
    except (FileNotFoundError, ValueError):  # no file, or none of ours
        return False
    return isinstance(content, dict) and {"output_dir", "model", "optimizer"} <= content.keys()


def _prepare_output(config: TrainConfig, *, overwrite: bool) -> None:
    if overwrite and config.output_dir.exists():
        shutil.rmtree(config.output_dir)
    config.output_dir.mkdir(parents=True, exist_ok=True)
    with replacing(config.output_dir / "config.yaml") as temporary:
        temporary.write_text(dump_config(config), encoding="utf-8")


def _dry_run(config: TrainConfig, arguments: argparse.Namespace) -> int:
    from emoclip.training.loop import TrainingRun
    from emoclip.training.rehearsal import describe_run

    if _is_complete(config, arguments):
        return 0
    check_push(config)
    checkpoint = _checkpoint(config, arguments.resume)
    run = TrainingRun(config, checkpoint, is_rehearsal=True)
    if checkpoint is not None and run.accelerator.is_main_process:
        write_line(f"Would go on from {checkpoint} (step {run.step} of {run.total_steps}).")
    for line in describe_run(run):
        if run.accelerator.is_main_process:
            write_line(line)
    return 0


__all__ = ["build_parser", "check_output", "check_push", "main", "parse_arguments"]
