# SPDX-License-Identifier: Apache-2.0
"""The command `evaluate.py`: arguments, the output folder, one run, one report."""

import argparse
import shutil
from pathlib import Path
from typing import Any

from emoclip.config_loading import load_config
from emoclip.console import write_line
from emoclip.evaluation.config import EvaluationConfig
from emoclip.provenance import command_line


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
        prog="evaluate.py",
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
    from emoclip.evaluation.embeddings import write_embeddings
    from emoclip.evaluation.output import check_output_folder, features_folder, new_output_folder
    from emoclip.evaluation.processes import process_rank
    from emoclip.evaluation.report import report_from_predictions, write_json, write_tables
    from emoclip.evaluation.results import Resampling

    check_output_folder(output, overwrite=overwrite)
    from emoclip.evaluation.run import run_evaluation

    _silence_loading_bars()
    run = run_evaluation(config, command, features_folder(output))
    if process_rank() > 0:
        return 0
    with new_output_folder(output, overwrite=overwrite) as folder:
        write_tables(folder, run.tables)
        for table in run.embeddings:
            write_embeddings(table, folder)
        write_json(folder / "run.json", run.record)
        report = report_from_predictions(folder, Resampling(config.num_resamples, config.confidence, config.seed))
    # A run that was stopped before this line goes on from what is kept there.
    shutil.rmtree(features_folder(output), ignore_errors=True)
    _print_summary(report, output)
    return 0


def _silence_loading_bars() -> None:
    """Leaves the bar over the clips as the only one; reading tables and weights takes no time worth a bar."""
    import datasets
    from transformers.utils import logging

    datasets.disable_progress_bars()
    logging.disable_progress_bar()


def _report_again(arguments: argparse.Namespace) -> int:
    """The report of a folder once more; its own resampling settings are kept."""
    from emoclip.evaluation.report import report_from_predictions, resampling_of

    folder = arguments.from_predictions
    extra = [arguments.config, arguments.output, *arguments.overrides]
    if any(extra):
        raise ValueError(
            f"`--from-predictions` takes no other option, got {next(str(x) for x in extra if x)}; leave it out."
        )
    _print_summary(report_from_predictions(folder, resampling_of(folder)), folder)
    return 0


def _print_summary(report: dict[str, Any], output: Path) -> None:
    """One line per system and prompt set, the speed, and where the report is."""
    from emoclip.evaluation.markdown import percent

    for result in report["results"]:
        chance = "inside" if result["chance"]["within"] else "outside"
        write_line(
            f"{result['system']} / {result['prompt_set']}: UAR {percent(result['uar'], result['uar_interval'])} %, "
            f"WAR {percent(result['war'])} %, macro F1 {percent(result['macro_f1'])} % ({chance} the chance interval)"
        )
    for entry in report["comparisons"]:
        difference = percent(entry["difference"], entry["interval"], signed=True)
        write_line(f"{entry['system']} - {entry['other']} / {entry['prompt_set']}: {difference} points of UAR")
    run = report.get("run", {})
    for note in run.get("dataset", {}).get("notes", ()):
        write_line(f"Note: {note}")
    if run.get("left_out"):
        write_line(f"{len(run['left_out'])} clips could not be read and were left out; the report names them.")
    if run.get("speed"):
        write_line(run["speed"])
    write_line(f"The report is {output / 'report.md'}.")
