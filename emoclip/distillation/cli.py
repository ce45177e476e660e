# SPDX-License-Identifier: Apache-2.0
"""The command `emoclip distill`: an LLM's view of faces into a projection behind CLIP.

emoclip distill --config configs/distill/demo.yaml
emoclip distill --config configs/distill/expclip_paper_code.yaml data.manifest=caer_s.parquet --dry-run
emoclip distill --config configs/distill/expclip_paper_code.yaml data.manifest=caer_s.parquet --only teacher
"""

from __future__ import annotations

import argparse
from pathlib import Path

from emoclip.config_loading import load_config
from emoclip.console import run_command, write_line
from emoclip.distillation.config import DistillConfig


EPILOG = """examples:
  emoclip distill --config configs/distill/demo.yaml
  emoclip distill --config configs/distill/expclip_paper_code.yaml data.manifest=caer_s.parquet --dry-run
  emoclip distill --config configs/distill/expclip_paper_code.yaml data.manifest=caer_s.parquet --only teacher

Every step keeps what it has done; a run that was stopped goes on where it was when it is started again."""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip distill`."""
    parser = argparse.ArgumentParser(
        prog="emoclip distill",
        description="Fit Exp-CLIP's projection: an LLM's features of pictures, CLIP's of the same, a head between them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, type=Path, help="YAML file of the run")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="values that win over the file")
    parser.add_argument(
        "--only",
        choices=("teacher", "features"),
        help="stop after the teacher's features, or after CLIP's as well; start again without it for the rest",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the model of an earlier run in output_dir")
    parser.add_argument("--dry-run", action="store_true", help="check everything, say what there is to do and stop")
    return parser


def _main(argv: list[str] | None) -> None:
    arguments = build_parser().parse_intermixed_args(argv)
    config = load_config(DistillConfig, arguments.config, arguments.overrides)
    output = config.output_dir / "model"
    if output.exists() and not arguments.overwrite and not arguments.only and not arguments.dry_run:
        raise FileExistsError(f"{output} is there already; pass --overwrite or choose another output_dir.")
    # Late, so that `--help` and wrong arguments answer at once.
    from transformers.utils.logging import disable_progress_bar

    from emoclip.distillation.run import DistillationRun

    disable_progress_bar()
    run = DistillationRun(config)
    for line in run.plan():
        write_line(line)
    if arguments.dry_run:
        return
    if arguments.only:
        run.make_teacher_features()
        if arguments.only == "features":
            run.make_pairs()
        write_line(f"Features: {run.features_dir}")
    else:
        _finish(run)
    if run.skipped:
        write_line(
            f"{len(run.skipped)} clips could not be read and were left out; see skipped.csv or the messages above"
        )


def _finish(run: DistillationRun) -> None:  # type: ignore[name-defined]  # noqa: F821 - imported late
    written = run.run()
    for record in run.records:
        figures = ", ".join(f"{name} {value:.4f}" for name, value in record.items() if name != "epoch")
        write_line(f"epoch {record['epoch']:.0f}: {figures}")
    write_line(f"Written: {written}")


if __name__ == "__main__":
    raise SystemExit(main())
