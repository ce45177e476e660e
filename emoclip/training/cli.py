# SPDX-License-Identifier: Apache-2.0
"""The command `train.py`: arguments, the run folder, what to resume, and one run."""

import argparse
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
        return _dry_run(config)
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
    from emoclip.training.checkpoint import find_checkpoint
    from emoclip.training.loop import TrainingRun
    from emoclip.training.run_record import check_finished, is_finished, write_run_record
    from emoclip.training.run_report import write_report

    check_output(config, resume=bool(arguments.resume), overwrite=arguments.overwrite)
    if arguments.resume and is_finished(config.output_dir):
        check_finished(config)
        write_line(f"{config.output_dir} is complete; the model is in {config.output_dir / 'model'}.")
        return 0
    checkpoint = find_checkpoint(config.output_dir, arguments.resume) if arguments.resume else None
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
            folder.
        ValueError: both were asked for.
    """
    folder = config.output_dir
    if resume and overwrite:
        raise ValueError("--resume goes on with a run and --overwrite deletes it, got both; give one of them.")
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
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


def _dry_run(config: TrainConfig) -> int:
    from emoclip.training.loop import TrainingRun
    from emoclip.training.rehearsal import describe_run

    run = TrainingRun(config, is_rehearsal=True)
    for line in describe_run(run):
        if run.accelerator.is_main_process:
            write_line(line)
    return 0


__all__ = ["build_parser", "check_output", "main", "parse_arguments"]
