# SPDX-License-Identifier: Apache-2.0
"""The command `evaluate.py`: arguments, the output folder, one run, one report."""

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip.config_loading import load_config
from emoclip.console import program_name, write_line
from emoclip.evaluation.config import EvaluationConfig
from emoclip.provenance import command_line


if TYPE_CHECKING:
    from emoclip.evaluation.run import EvaluationRun


EXAMPLES = """examples:
  python evaluate.py --config configs/eval/synthetic.yaml
  python evaluate.py --config configs/eval/synthetic.yaml model=outputs/run/model data.batch_size=8 --output outputs/report
  python evaluate.py --from-predictions outputs/report      (the report again, from its prediction tables alone)
"""


def main(argv: list[str] | None = None) -> int:
    """Runs `evaluate.py` and returns the exit code."""
    arguments = build_parser().parse_intermixed_args(argv)
    if arguments.from_predictions is not None:
        return _report_again(arguments)
    if arguments.config is None:
        raise ValueError("`--config` must name a YAML file, got none; see evaluate.py --help.")
    config = load_config(EvaluationConfig, arguments.config, arguments.overrides)
    output = arguments.output or config.output_dir
    if output is None:
        raise ValueError("`output_dir` must be a folder for the report, got null; pass --output FOLDER.")
    return _evaluate(config, output, command_line(), overwrite=arguments.overwrite)


def build_parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=program_name("evaluate.py", "evaluate"),
        description="Judge models zero-shot: prediction tables, metrics with intervals, and a report.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, help="YAML file of the run")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="values that win over the file")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where the report goes (output_dir of the file)")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier report there")
    parser.add_argument(
        "--from-predictions", type=Path, metavar="FOLDER", help="compute the report in this folder again and stop"
    )
    return parser


def _evaluate(config: EvaluationConfig, output: Path, command: str, *, overwrite: bool) -> int:
    # Late, so that `--help` and wrong arguments answer at once.
    from emoclip.evaluation.output import (
        check_features_folder,
        check_output_folder,
        features_folder,
        new_output_folder,
    )
    from emoclip.evaluation.overview import report_of_folder, write_set_names
    from emoclip.evaluation.processes import process_rank, wait_for_all
    from emoclip.evaluation.results import Resampling

    check_output_folder(output, overwrite=overwrite)
    if config.features is not None:
        check_features_folder(config.features, output)
    from emoclip.evaluation.published_check import check_published

    check_published(config)
    from emoclip.evaluation.loading_bars import silence_loading_bars
    from emoclip.evaluation.run import check_evaluation, run_evaluation

    silence_loading_bars()
    runs = config.runs()
    for one in list(runs.values())[1:]:
        # The first is checked where it runs; the others must not fail after hours.
        check_evaluation(one)
    features = features_folder(output)
    if process_rank() > 0:
        for one in runs.values():
            run_evaluation(one, command, features)
        wait_for_all()
        return 0
    with new_output_folder(output, overwrite=overwrite) as folder:
        for name, one in runs.items():
            _write_run(folder / name, run_evaluation(one, command, features))
        if config.sets:
            write_set_names(folder, list(config.sets))
        report = report_of_folder(folder, Resampling(config.num_resamples, config.confidence, config.seed))
    # Another process may still be reading what is kept there.
    wait_for_all()
    # A run that was stopped before this line goes on from it.
    shutil.rmtree(features, ignore_errors=True)
    _print_summary(report, output)
    return 0


def _write_run(folder: Path, run: "EvaluationRun") -> None:
    """Tables, embeddings and record of one run, from which its report is made."""
    from emoclip.evaluation.embeddings import write_embeddings
    from emoclip.evaluation.report import write_json, write_tables
    from emoclip.evaluation.subject_attention import write_attention

    folder.mkdir(exist_ok=True)
    write_tables(folder, run.tables)
    for table in run.embeddings:
        write_embeddings(table, folder)
    for found in run.attention:
        write_attention(found.maps, folder, system=found.system, model=found.model)
    write_json(folder / "run.json", run.record)


def _report_again(arguments: argparse.Namespace) -> int:
    """The report of a folder once more; its own resampling settings are kept."""
    from emoclip.evaluation.overview import report_of_folder
    from emoclip.evaluation.report import resampling_of

    folder = arguments.from_predictions
    extra = [arguments.config, arguments.output, "--overwrite" if arguments.overwrite else "", *arguments.overrides]
    if any(extra):
        raise ValueError(
            f"`--from-predictions` takes no other option, got {next(str(x) for x in extra if x)}; leave it out."
        )
    _print_summary(report_of_folder(folder, resampling_of(folder)), folder)
    return 0


def _print_summary(report: dict[str, Any], output: Path) -> None:
    """One line per system and prompt set, the speed, and where the report is."""
    for name, one in report.get("sets", {}).items():
        write_line(f"{name}:")
        _print_numbers(one)
    if "sets" not in report:
        _print_numbers(report)
    write_line(f"The report is {output / 'report.md'}.")


def _print_numbers(report: dict[str, Any]) -> None:
    from emoclip.evaluation.report_document import summary_lines

    for line in summary_lines(report):
        write_line(line)
    run = report.get("run", {})
    for note in run.get("dataset", {}).get("notes", ()):
        write_line(f"Note: {note}")
    if run.get("left_out"):
        write_line(f"{len(run['left_out'])} clips could not be read and were left out; the report names them.")
    if run.get("speed"):
        write_line(run["speed"])
