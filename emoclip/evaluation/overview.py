# SPDX-License-Identifier: Apache-2.0
"""Reports of several data sets in one folder, and the table over all of them: systems below each other, data sets side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emoclip.evaluation.markdown import markdown_table
from emoclip.evaluation.report import REPORT, report_from_predictions, resampling_of, write_json
from emoclip.evaluation.results import Resampling


HEADLINE = ("task", "uar", "war", "macro_f1", "num_classes", "class_names")


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
    names = set_names(folder)
    if (folder / "predictions").is_dir() or not names:
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
    """Names of the folders with prediction tables, in the order in which they were made."""
    found = [path.parent for path in folder.glob("*/predictions")]
    return [path.name for path in sorted(found, key=lambda path: (path / "run.json").stat().st_mtime_ns)]


def overview(reports: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry per protocol, system and prompt set, with UAR and WAR on each data set: the mean over folds where there are folds."""
    entries: dict[tuple[str, str, str, int], dict[str, Any]] = {}
    for name, report in reports.items():
        for result in report["results"]:
            if result.get("uar") is not None:
                classes = len(report["sections"][result["section"]]["class_names"])
                # Data sets of other classes stand side by side; compound classes are counted both ways.
                ways = classes if result["protocol"] == "compound" else 0
                key = (result["protocol"], result["system"], result["prompt_set"], ways)
                folds = result.get("folds") or {}
                values = {metric: folds.get(metric, {}).get("mean", result[metric]) for metric in ("uar", "war")}
                entries.setdefault(key, {})[name] = values
    names = ("protocol", "system", "prompt_set", "num_compound_classes")
    return [{**dict(zip(names, key, strict=True)), "sets": values} for key, values in entries.items()]


def render_overview(report: dict[str, Any]) -> str:
    """The table over all data sets as Markdown, with links to their reports."""
    names = list(report["sets"])
    rows = [
        [
            " / ".join([entry["system"], entry["prompt_set"], *_other(entry)]),
            *(_cell(entry["sets"].get(name)) for name in names),
        ]
        for entry in report["table"]
    ]
    links = "\n".join(f"- [{name}]({name}/report.md): {report['sets'][name]['num_clips']} clips" for name in names)
    return (
        "# Evaluation on several data sets\n\n"
        + markdown_table(["system / prompt set", *names], rows)
        + "\n\nUAR / WAR in percent; with folds the plain mean of the folds' values. Intervals are in the reports:\n\n"
        + links
        + "\n"
    )


def _other(entry: dict[str, Any]) -> list[str]:
    """What sets a row apart from zero-shot recognition."""
    if entry["num_compound_classes"]:
        return [f"{entry['num_compound_classes']} compound classes"]
    return [] if entry["protocol"] == "zero_shot" else [entry["protocol"].replace("_", " ")]


def _cell(values: dict[str, float] | None) -> str:
    return "" if values is None else f"{100 * values['uar']:.2f} / {100 * values['war']:.2f}"


__all__ = ["overview", "render_overview", "report_of_folder"]
