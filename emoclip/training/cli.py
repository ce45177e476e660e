# SPDX-License-Identifier: Apache-2.0
"""The command `train.py`: arguments, the run folder, what to resume, and one run."""

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from emoclip.config_loading import dump_config, load_config
from emoclip.console import write_line
from emoclip.training.config import TrainConfig


if TYPE_CHECKING:
    from emoclip.training.loop import TrainingRun

EXAMPLES = """examples:
  accelerate launch --cpu train.py --config configs/train/demo_stills.yaml
  accelerate launch train.py --config configs/train/mafw_captions.yaml data.manifest=mafw.parquet optimizer.lr=5e-4
  accelerate launch train.py --config configs/train/mafw_captions.yaml --resume
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
        prog="train.py",
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
    from emoclip.training.run_record import is_finished, write_run_record

    if arguments.resume and is_finished(config.output_dir):
        write_line(f"{config.output_dir} is complete; the model is in {config.output_dir / 'model'}.")
        return 0
    is_main = _is_main_process()
    if is_main:
        prepare_output(config, resume=bool(arguments.resume), overwrite=arguments.overwrite)
    checkpoint = find_checkpoint(config.output_dir, arguments.resume) if arguments.resume else None
    run = TrainingRun(config, checkpoint)
    if is_main:
        (config.output_dir / "config.yaml").write_text(dump_config(config), encoding="utf-8")
        if checkpoint is not None:
            write_line(f"Going on from {checkpoint} (step {run.step} of {run.total_steps}).")
    model_folder = run.train()
    if is_main:
        write_run_record(run)
        write_line(f"The model is in {model_folder}.")
    return 0


def _is_main_process() -> bool:
    from accelerate import PartialState

    return PartialState().is_main_process


def prepare_output(config: TrainConfig, *, resume: bool, overwrite: bool) -> None:
    """Make the run folder, or say why an existing one must not be used.

    Raises:
        FileExistsError: the folder holds something, and neither resuming nor overwriting was asked for; or it is to be
            overwritten and is no run folder.
    """
    folder = config.output_dir
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not resume:
        if not overwrite:
            raise FileExistsError(
                f"`output_dir` must be new or empty, but {folder} holds an earlier run; pass --resume to go on with it, "
                "--overwrite to delete it, or choose another output_dir."
            )
        if not (folder / "config.yaml").is_file():
            raise FileExistsError(
                f"--overwrite deletes run folders only, and {folder} has no config.yaml; choose another output_dir."
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


def _dry_run(config: TrainConfig) -> int:
    from emoclip.training.loop import TrainingRun

    for line in describe_run(TrainingRun(config)):
        write_line(line)
    return 0


def describe_run(run: "TrainingRun") -> list[str]:
    """Sizes of a run, one line each: parameters per group, clips, steps."""
    groups = [
        f"group {group['name']}: {sum(p.numel() for p in group['params']):,} parameters at rate {group['initial_lr']:g}"
        for group in run.optimizer.param_groups
    ]
    total = sum(parameter.numel() for parameter in run.model.parameters())
    return [
        f"model: {total:,} parameters",
        *groups,
        f"data: {len(run.data.clip_ids):,} clips, {len(run.data):,} steps an epoch",
        f"steps: {run.total_steps:,}, precision {run.accelerator.mixed_precision}",
    ]


__all__ = ["build_parser", "describe_run", "main", "parse_arguments", "prepare_output"]
