# SPDX-License-Identifier: Apache-2.0
"""The command `emoclip report`: reports from prediction tables alone, and runs side by side."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip.console import write_line
from emoclip.evaluation.resampling_options import Resampling
from emoclip.provenance import command_line


if TYPE_CHECKING:
    from emoclip.evaluation.comparisons import Table

EXAMPLES = """examples:
  emoclip report outputs/report                             the report again, from its prediction tables alone
  emoclip report outputs/a outputs/b outputs/c              compares three runs with the first, on the same clips
  emoclip report outputs/a outputs/b --output outputs/ab    the same as a report of its own, with pictures
  emoclip report table.parquet                              the numbers of one table
  emoclip report outputs/report --compact results/mine      a small copy: numbers, pictures and tables, without page and clips
  emoclip report outputs/report --model-card my-emoclip     writes the results into the card of a model folder
"""


def main(argv: list[str] | None = None) -> int:
    """Runs `emoclip report` and returns the exit code."""
    arguments = build_parser().parse_args(argv)
    # Late, so that `--help` and wrong arguments answer at once.
    from emoclip.evaluation.output import check_output_folder

    _check_partners(arguments)
    if arguments.output is not None:
        check_output_folder(arguments.output, overwrite=arguments.overwrite)
    _check_runs(arguments)
    if arguments.compact is not None:
        return _compact(arguments)
    if arguments.attention_model is not None:
        _write_attention(arguments)
    report, folder = _report(arguments)
    _print(report, folder)
    if arguments.model_card is not None:
        from emoclip.evaluation.hub_results import write_hub_results

        for one in _by_data_set(report).values():
            hub = {"hub_dataset": arguments.hub_dataset, "hub_task": arguments.hub_task or "default"}
            for path in write_hub_results(one, arguments.model_card, **hub):
                write_line(f"Written: {path}")
    return 0


def _compact(arguments: argparse.Namespace) -> int:
    """The small copy of one report."""
    if len(arguments.runs) > 1 or not arguments.runs[0].is_dir():
        raise ValueError(f"`--compact` needs one report folder, got {', '.join(map(str, arguments.runs))}.")
    from emoclip.evaluation.compact_report import compact_copy

    _print(compact_copy(arguments.runs[0], arguments.compact, overwrite=arguments.overwrite), arguments.compact)
    return 0


# Option -> options of which one must be given with it.
_PARTNERS = {
    "overwrite": ("output", "compact"),
    "manifest": ("attention_model",),
    "hub_dataset": ("model_card",),
    "hub_task": ("hub_dataset",),
}
# What says how a report is computed or where else it goes; the small copy keeps the settings of its report.
_NOT_WITH_COMPACT = (
    *("output", "attention_model", "manifest", "model_card", "hub_dataset", "hub_task"),
    *("shared_clips", "num_resamples", "confidence", "seed"),
)


def _check_partners(arguments: argparse.Namespace) -> None:
    """Refuse options that would be ignored.

    Raises:
        ValueError: If one is given without its partner, or with `--compact`.
    """
    given = {name for name, value in vars(arguments).items() if value is not None and value is not False}
    if arguments.compact is not None and (others := [_option(name) for name in _NOT_WITH_COMPACT if name in given]):
        raise ValueError(
            f"`--compact` copies a report as it is, and takes no {', '.join(others)}; make the report with that first."
        )
    for name, partners in _PARTNERS.items():
        if name in given and not given & set(partners):
            raise ValueError(
                f"`{_option(name)}` is for {' or '.join(map(_option, partners))}; add it or leave it out."
            )


def _check_runs(arguments: argparse.Namespace) -> None:
    """Refuse runs that do not exist or would be lost to what is written, and several data sets where one is asked for."""
    for run in arguments.runs:
        if not run.exists():
            raise FileNotFoundError(f"A run must be a report folder or a prediction table, {run} does not exist.")
        for name in ("output", "compact"):
            target = getattr(arguments, name)
            if target is not None and run.resolve().is_relative_to(target.resolve()):
                raise ValueError(
                    f"`{_option(name)}` must be another folder than the run's, got {target}, which it would replace; a single run is "
                    "reported in place without it."
                )
        if arguments.hub_dataset is not None:
            _check_one_data_set(run, "A benchmark is one data set")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def build_parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    parser = argparse.ArgumentParser(
        prog="emoclip report",
        description="Reports from prediction tables alone, and runs compared on the same clips.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="report folder of evaluate.py, or a prediction table (.parquet)",
    )
    add(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="write a report of all runs there (one folder: rewritten in place)",
    )
    add("--overwrite", action="store_true", help="replace an earlier report there")
    add(
        "--compact",
        type=Path,
        metavar="FOLDER",
        help="one folder only: write a small copy of the report there, for a repository",
    )
    add("--shared-clips", action="store_true", help="keep the clips that all runs have, instead of refusing others")
    add("--num-resamples", type=int, metavar="N", help="draws of intervals and p-values (the run's own, else 2000)")
    add("--confidence", type=float, metavar="C", help="share inside the intervals (the run's own, else 0.95)")
    add("--seed", type=int, metavar="S", help="of the draws (the run's own, else 0)")
    add(
        "--attention-model",
        metavar="M",
        help="one folder only: draw where this model's subject token looks; see --manifest",
    )
    add("--manifest", type=Path, metavar="FILE", help="with --attention-model: the clips (that of the run)")
    add("--model-card", type=Path, metavar="FOLDER", help="write the results into README.md of this model folder")
    add("--hub-dataset", metavar="ID", help="with --model-card: benchmark data set on the Hub, for .eval_results")
    add("--hub-task", metavar="TASK", help="with --hub-dataset: its task (default)")
    return parser


def _report(arguments: argparse.Namespace) -> tuple[dict[str, Any], Path | None]:
    """The report and the folder that it was written to, if any."""
    from emoclip.evaluation.output import new_output_folder
    from emoclip.evaluation.overview import report_of_folder
    from emoclip.evaluation.report import report_from_predictions, write_json, write_tables
    from emoclip.evaluation.results import summarize

    resampling, shared = _resampling(arguments), arguments.shared_clips
    if arguments.output is None and len(arguments.runs) == 1 and arguments.runs[0].is_dir():
        (folder,) = arguments.runs
        return report_of_folder(folder, resampling, shared_clips=shared), folder
    runs = _read_runs(arguments.runs)
    tables = [table for own in runs.values() for table in own]
    alone = without_counterpart(runs)
    if arguments.output is None:
        return summarize(tables, resampling, shared_clips=shared) | {"run": {"without_counterpart": alone}}, None
    # Refused here, tables that do not belong together cost no folder.
    with new_output_folder(arguments.output, overwrite=arguments.overwrite) as folder:
        write_tables(folder, tables)
        _copy_embeddings(arguments.runs, folder)
        _copy_attention(arguments.runs, folder)
        write_json(folder / "run.json", _record(arguments.runs) | {"without_counterpart": alone})
        report = report_from_predictions(folder, resampling, shared_clips=shared)
    return report, arguments.output


def read_runs(runs: Sequence[Path]) -> list[Table]:
    """The tables of all runs, the first run's first; systems that several runs have get the run's name.

    Raises:
        FileNotFoundError: If a run does not exist or holds no tables.
        ValueError: If a table is damaged.
    """
    return [table for tables in _read_runs(runs).values() for table in tables]


def _read_runs(runs: Sequence[Path]) -> dict[str, list[Table]]:
    """Name of a run -> its tables; see `read_runs`."""
    from emoclip.evaluation.report import read_table, read_tables

    for run in runs:
        _check_one_data_set(run)
    read = [read_tables(run) if run.is_dir() else [read_table(run)] for run in runs]
    names = _run_names(runs)
    owners: dict[str, set[str]] = {}
    for name, tables in zip(names, read, strict=True):
        for table in tables:
            owners.setdefault(table.system, set()).add(name)
    renamed: dict[str, list[Table]] = {}
    for name, tables in zip(names, read, strict=True):
        alone = len({table.system for table in tables}) == 1
        for table in tables:
            shared = len(owners[table.system]) > 1
            system = (name if alone else f"{name}.{table.system}") if shared else table.system
            renamed.setdefault(name, []).append(replace(table, system=system))
    return renamed


def without_counterpart(runs: Mapping[str, Sequence[Table]]) -> list[str]:
    """A sentence for each run that has a protocol which the first run, with which all are compared, has not.

    Args:
        runs: Name -> tables, the first run first.
    """
    from emoclip.evaluation.results import section_key
    from emoclip.evaluation.wording import section_title

    first, *others = runs
    known = {section_key(table) for table in runs[first]}
    sentences = []
    for name in others:
        alone = {section_key(t): f"{section_title(t.protocol)} ({len(t.class_names)})" for t in runs[name]}
        alone = {key: said for key, said in alone.items() if key not in known}
        if alone:
            sentences.append(
                f"{name} has no counterpart in {first}, and is compared in nothing, for: {', '.join(alone.values())}."
            )
    return sentences


def _check_one_data_set(run: Path, rule: str = "Runs are compared on one data set") -> None:
    from emoclip.evaluation.overview import set_names
    from emoclip.evaluation.report import TABLES

    names = set_names(run) if run.is_dir() and not (run / TABLES).is_dir() else []
    if names:
        raise ValueError(
            f"{rule}, {run} has several; name one of {', '.join(str(run / name) for name in names)}, and the same folder of other runs."
        )


def _run_names(runs: Sequence[Path]) -> list[str]:
    """Short names that differ: the last part of each path, with as many parents as that takes."""
    parts = [(run.parent / run.stem if run.suffix == ".parquet" else run).resolve().parts for run in runs]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["_".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    repeated = next(str(run) for i, run in enumerate(runs) if parts[i] in parts[:i])
    raise ValueError(f"Every run must be named once, got {repeated} twice.")


def _write_attention(arguments: argparse.Namespace) -> None:
    """Attention of the best and worst clips of a report folder, written beside its predictions."""
    from emoclip.evaluation.report import read_tables

    if len(arguments.runs) > 1 or not arguments.runs[0].is_dir() or arguments.output is not None:
        raise ValueError("`--attention-model` needs one report folder and no --output; run it for each folder.")
    (folder,) = arguments.runs
    main = read_tables(folder)[0]
    manifest = arguments.manifest or _manifest_of(folder)
    from emoclip.analysis.source_model import load_model
    from emoclip.evaluation.clip_list import shown_clip_ids
    from emoclip.evaluation.clip_rows import ClipRows
    from emoclip.evaluation.loading_bars import silence_loading_bars
    from emoclip.evaluation.predictions import PredictionTable
    from emoclip.evaluation.subject_attention import clip_attention, write_attention

    silence_loading_bars()
    clips = ClipRows(manifest)
    if clips.about.sha256 != main.manifest_sha256:
        raise ValueError(f"The manifest must be the one of the predictions, {manifest} has another checksum.")
    shown = shown_clip_ids(main, 3) if isinstance(main, PredictionTable) else []
    loaded = load_model(arguments.attention_model)
    chosen = shown or list(main.clip_ids[:6])
    maps = clip_attention(loaded.model.float().eval(), loaded.processor.video_processor, clips.rows, chosen)
    write_attention(maps, folder, system=main.system, model=loaded.name)


def _manifest_of(folder: Path) -> Path:
    from emoclip.evaluation.report import read_json

    run = folder / "run.json"
    known = read_json(run).get("dataset", {}) if run.is_file() else {}
    if not known.get("manifest"):
        raise ValueError(f"`--manifest` must name the clips, {folder} does not say which they are.")
    return Path(known["manifest"])


def _resampling(arguments: argparse.Namespace) -> Resampling:
    from emoclip.evaluation.report import resampling_of

    own = resampling_of(arguments.runs[0]) if arguments.runs[0].is_dir() else None
    given = {name: getattr(arguments, name) for name in ("num_resamples", "confidence", "seed")}
    return replace(own or Resampling(), **{name: value for name, value in given.items() if value is not None})


def _record(runs: Sequence[Path]) -> dict[str, Any]:
    """What the new report knows of its making: of one run all that the run knew, of several what is true of all."""
    from emoclip.evaluation.report import read_json

    known = [read_json(file) if (file := run / "run.json").is_file() else {} for run in runs]
    about: dict[str, Any] = {"runs": [str(run) for run in runs]}
    if len(known) == 1 and known[0]:
        return known[0] | about
    datasets = [record.get("dataset") or {} for record in known]
    # The same manifest may lie elsewhere.
    where = {name: value for name, value in datasets[0].items() if name != "manifest"}
    if all({name: value for name, value in one.items() if name != "manifest"} == where for one in datasets) and where:
        about["dataset"] = datasets[0]
    left_out = {entry["clip_id"]: entry for record in known for entry in record.get("left_out") or ()}
    return about | {"command": command_line(), "left_out": [left_out[name] for name in sorted(left_out)]}


def _copy_attention(runs: Sequence[Path], folder: Path) -> None:
    """Maps of attention of a single run, whose systems keep their names."""
    from emoclip.evaluation.subject_attention import FOLDER

    if len(runs) == 1 and (runs[0] / FOLDER).is_dir():
        shutil.copytree(runs[0] / FOLDER, folder / FOLDER)


def _copy_embeddings(runs: Sequence[Path], folder: Path) -> None:
    """Embeddings of the runs, under the run's name where systems share a name."""
    from emoclip.evaluation.embeddings import read_embeddings, write_embeddings

    read = [(name, table) for name, run in zip(_run_names(runs), runs, strict=True) for table in read_embeddings(run)]
    systems = [table.system for _, table in read]
    for name, table in read:
        system = f"{name}.{table.system}" if systems.count(table.system) > 1 else table.system
        write_embeddings(replace(table, system=system), folder)


def _print(report: dict[str, Any], folder: Path | None) -> None:
    from emoclip.evaluation.report_document import summary_lines

    for name, one in _by_data_set(report).items():
        for line in [f"{name}:", *summary_lines(one)] if name else summary_lines(one):
            write_line(line)
        for sentence in (one.get("run") or {}).get("without_counterpart", ()):
            write_line(f"Note: {sentence}")
    if folder is None:
        write_line("Pass --output FOLDER for tables, pictures and a page.")
    else:
        page = f" and {folder / 'report.html'}" if (folder / "report.html").is_file() else ""
        write_line(f"The report is {folder / 'report.md'}{page}.")


def _by_data_set(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The reports of several data sets by name, or the one report without a name."""
    return report.get("sets") or {"": report}


__all__ = ["build_parser", "main", "read_runs"]
