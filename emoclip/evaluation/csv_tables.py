# SPDX-License-Identifier: Apache-2.0
"""A report's numbers as CSV files for spreadsheets and plots of one's own: one value, or one clip, a line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from emoclip.data.output import replacing
from emoclip.evaluation.clip_list import clip_rows
from emoclip.evaluation.predictions import PredictionTable


_ABOUT = ("protocol", "task", "system", "prompt_set")
_METRIC_FIELDS = (*_ABOUT, "scope", "of", "metric", "value", "low", "high")


def write_csv_tables(report: Mapping[str, Any], main: Any, folder: str | Path) -> list[Path]:
    """Writes `metrics.csv`, and `comparisons.csv`, `published.csv` and `clips.csv` where there is something to say.

    Args:
        report: As `emoclip.evaluation.results.summarize` gives it.
        main: The main prediction table, whose clips are listed.
        folder: Where to write.
    """
    folder = Path(folder)
    written = [_write(folder / "metrics.csv", _METRIC_FIELDS, metric_rows(report))]
    if report["comparisons"]:
        fields = list(dict.fromkeys(name for entry in report["comparisons"] for name in entry if name != "interval"))
        rows = [
            {**entry, "low": entry["interval"][0], "high": entry["interval"][1]} for entry in report["comparisons"]
        ]
        written.append(_write(folder / "comparisons.csv", [*fields, "low", "high"], rows))
    published = [row for section in report["sections"] for row in section["published"]]
    if published:
        written.append(_write(folder / "published.csv", list(published[0]), published))
    if isinstance(main, PredictionTable):
        with replacing(folder / "clips.csv") as temporary:
            pyarrow.csv.write_csv(pa.table({k: pa.array(v) for k, v in clip_rows(main).items()}), temporary)
        written.append(folder / "clips.csv")
    return written


def metric_rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every number of the results with what it is of: all clips, a fold, a class, a target, a subgroup or a direction."""
    rows: list[dict[str, Any]] = []
    for result in report["results"]:
        about = {name: result[name] for name in _ABOUT}
        for scope, of, values in _scopes(result):
            rows.extend({**about, "scope": scope, "of": of, **row} for row in _numbers(values))
    return rows


def _scopes(result: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """What numbers are of, its name, and the numbers."""
    yield "all clips", "", result
    for scope, key in (("class", "per_class"), ("target", "per_target"), ("direction", "directions")):
        for name, values in (result.get(key) or {}).items():
            yield scope, name, values
    for column, groups in (result.get("subgroups") or {}).items():
        for group, values in groups.items():
            yield f"subgroup {column}", group, values
    yield "subjects", "", result.get("subjects") or {}
    for metric, summary in (result.get("folds") or {}).items():
        if "mean" in summary:
            yield "mean of folds", "", {metric: summary["mean"], f"{metric}_interval": summary["interval"]}
            for fold, value in summary["values"].items():
                yield "fold", fold, {metric: value}


def _numbers(values: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Metric, value and interval of each plain number."""
    for name, value in values.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and name != "section":
            low, high = values.get(f"{name}_interval") or (None, None)
            yield {"metric": name, "value": value, "low": low, "high": high}


def _write(path: Path, fields: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Path:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


__all__ = ["metric_rows", "write_csv_tables"]
