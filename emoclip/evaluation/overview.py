# SPDX-License-Identifier: Apache-2.0
"""Reports of several data sets in one folder, and a table of each task over all of them: systems below each other, data sets beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emoclip.evaluation.markdown import markdown_table
from emoclip.evaluation.report import REPORT, TABLES, read_json, report_from_predictions, resampling_of, write_json
from emoclip.evaluation.results import Resampling
from emoclip.evaluation.wording import METRIC_NAMES, metric_value, section_title


HEADLINE = (
    "task",
    *("uar", "uar_interval", "war", "war_interval", "macro_f1", "macro_f1_interval"),
    "num_classes",
    "class_names",
)
RUN = "run.json"
TASK_METRICS: dict[str, tuple[str, ...]] = {
    "classification": ("uar", "war"),
    "multi_label": ("mean_average_precision", "auc", "top_1"),
    "regression": ("mae", "rmse", "mse", "pcc", "r2"),
    "retrieval": (),  # its numbers are of two directions
}
_TITLES = {
    "classification": "Classes",
    "multi_label": "Several labels at once",
    "regression": "Numbers",
    "retrieval": "Retrieval",
}


def report_of_folder(
    folder: str | Path, resampling: Resampling | None = None, *, shared_clips: bool = False
) -> dict[str, Any]:
    """Writes the reports of a folder's prediction tables, of one data set or of several in folders of their own.

    Args:
        folder: Holds `predictions`, or folders that do.
        resampling: How intervals are computed.
        shared_clips: Keep the clips that all tables of a protocol have, instead of refusing tables with others.

    Returns:
        The report; of several data sets one whose `sets` are name -> report, with the headline numbers of the first.

    Raises:
        FileNotFoundError: If there are no tables.
        ValueError: If a table is damaged or they do not belong together.
    """
    folder = Path(folder)
    names = [] if (folder / TABLES).is_dir() else set_names(folder)
    if not names:
        return report_from_predictions(folder, resampling, shared_clips=shared_clips)
    reports = {
        name: report_from_predictions(
            folder / name, resampling or resampling_of(folder / name), shared_clips=shared_clips
        )
        for name in names
    }
    first = reports[names[0]]
    report = {name: first[name] for name in HEADLINE if name in first}
    report |= {"resampling": first["resampling"], "sets": reports, "table": overview(reports)}
    write_json(folder / REPORT, report)
    (folder / "report.md").write_text(render_overview(report), encoding="utf-8")
    return report


def set_names(folder: Path) -> list[str]:
    """Names of the folders with tables of a run over several data sets, in the order of the configuration; none where there are none.

    Raises:
        ValueError: If there are such folders, but of runs that are not the data sets of one.
    """
    found = sorted(path.parent.name for path in folder.glob("*/predictions"))
    known: list[str] = []
    for file in (folder / RUN, folder / REPORT):
        if file.is_file() and not known:
            known = list(read_json(file).get("sets") or ())
    if found and not known:
        raise ValueError(
            f"A report's folder holds `predictions`, or the data sets of one run, {folder} holds runs that do not belong together; name "
            f"one or several of {', '.join(str(folder / name) for name in found[:5])}."
        )
    return [name for name in known if name in found]


def write_set_names(folder: Path, names: Sequence[str]) -> None:
    """Keeps the order of the data sets, for every report that is made of the folder."""
    write_json(folder / RUN, {"sets": list(names)})


def overview(reports: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry per task, protocol, system and prompt set, with its numbers on each data set.

    `sets` is name -> metric -> value and `METRIC_interval`: with folds the mean over folds and the interval between them, else the
    value over all clips and its bootstrap interval. Metrics are those of `TASK_METRICS`.
    """
    entries: dict[tuple[str, str, str, str, int], dict[str, Any]] = {}
    for name, report in reports.items():
        for result in report["results"]:
            classes = len(report["sections"][result["section"]]["class_names"])
            # Data sets of other classes stand side by side; compound classes are counted both ways.
            ways = classes if result["protocol"] == "compound" else 0
            key = (result["task"], result["protocol"], result["system"], result["prompt_set"], ways)
            entries.setdefault(key, {})[name] = _values(result)
    names = ("task", "protocol", "system", "prompt_set", "num_compound_classes")
    return [{**dict(zip(names, key, strict=True)), "sets": values} for key, values in entries.items()]


def render_overview(report: dict[str, Any]) -> str:
    """A table of each task over all data sets as Markdown, with links to their reports."""
    parts = ["# Evaluation on several data sets"]
    for task, title in _TITLES.items():
        entries = [entry for entry in report["table"] if entry["task"] == task]
        if entries:
            parts += [f"## {title}", _task_table(entries, list(report["sets"])), _legend(task, entries)]
    links = [f"- [{name}]({name}/report.md): {one['num_clips']} clips" for name, one in report["sets"].items()]
    return "\n\n".join([*parts, "All other numbers are in the reports:", "\n".join(links)]) + "\n"


def _values(result: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    folds = result.get("folds") or {}
    for metric in TASK_METRICS[result["task"]]:
        summary = folds.get(metric)
        values[metric] = summary["mean"] if summary else result.get(metric)
        values[f"{metric}_interval"] = summary["interval"] if summary else result.get(f"{metric}_interval")
    for direction, numbers in (result.get("directions") or {}).items():
        recalls = [name for name in numbers if name.startswith("recall_at_") and not name.endswith("_interval")]
        for name in (*recalls[:1], "median_rank"):
            values[f"{direction}/{name}"] = numbers[name]
            values[f"{direction}/{name}_interval"] = numbers.get(f"{name}_interval")
    return values


def _task_table(entries: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Systems below each other; of the data sets those that have the task."""
    present = [name for name in names if any(name in entry["sets"] for entry in entries)]
    rows = [
        [
            " / ".join([entry["system"], entry["prompt_set"], *_other(entry)]),
            *(_cell(entry["sets"].get(name)) for name in present),
        ]
        for entry in entries
    ]
    return markdown_table(["system / prompt set", *present], rows)


def _legend(task: str, entries: Sequence[Mapping[str, Any]]) -> str:
    first = next(iter(entries[0]["sets"].values()))
    said = " / ".join(_metric_name(name) for name in first if not name.endswith("_interval"))
    unit = {"regression": "errors in the unit of the scores", "retrieval": "recall in percent"}.get(task, "in percent")
    text = f"{said}, {unit}, with bootstrap intervals in brackets."
    if task == "classification":
        text += (
            " With folds the value is the plain mean of the folds' values and the interval is Student's between folds, none for a "
            "single fold."
        )
    return text


def _metric_name(name: str) -> str:
    direction, _, metric = name.rpartition("/")
    said = METRIC_NAMES.get(metric, metric.replace("recall_at_", "R@").replace("_", " "))
    return f"{said} {direction.replace('_', ' ')}".strip()


def _other(entry: Mapping[str, Any]) -> list[str]:
    """What sets a row apart from zero-shot recognition."""
    if entry["num_compound_classes"]:
        return [f"{entry['num_compound_classes']} compound classes"]
    return [] if entry["protocol"] in ("zero_shot", "retrieval") else [section_title(entry["protocol"]).lower()]


def _cell(values: Mapping[str, Any] | None) -> str:
    if values is None:
        return ""
    names = [name for name in values if not name.endswith("_interval")]
    return " / ".join(
        f"{values[n]:g}" if n.endswith("median_rank") else metric_value(n, values[n], values[f"{n}_interval"])
        for n in names
    )


__all__ = ["TASK_METRICS", "overview", "render_overview", "report_of_folder", "set_names", "write_set_names"]
