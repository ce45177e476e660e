# SPDX-License-Identifier: Apache-2.0
"""A folder of prediction tables becomes a report, without a model and without the data.

folder/
    predictions/01_trained.synthetic_descriptions.parquet   one table per system and prompt set; the first is the main
    embeddings/trained.parquet                              see emoclip.evaluation.embeddings (optional)
    attention/trained.parquet                               see emoclip.evaluation.subject_attention (optional)
    run.json                                                how the tables were made (optional)
    report.json, report.md, report.html, *.csv, *.png       written here
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emoclip.data.output import check_writable, replacing
from emoclip.evaluation.alignment import align_tables
from emoclip.evaluation.clip_list import best_and_worst
from emoclip.evaluation.comparisons import Table
from emoclip.evaluation.csv_tables import write_csv_tables
from emoclip.evaluation.draw import CONFUSION, draw_attention, draw_embeddings, draw_section
from emoclip.evaluation.embeddings import read_embeddings
from emoclip.evaluation.html_page import render_html
from emoclip.evaluation.markdown import render_markdown
from emoclip.evaluation.predictions import (
    CLASSIFICATION,
    PredictionTable,
    read_arrow,
    read_predictions,
    table_metadata,
    write_predictions,
)
from emoclip.evaluation.report_document import report_blocks
from emoclip.evaluation.results import Resampling, group_tables, summarize
from emoclip.evaluation.target_predictions import read_target_predictions, write_target_predictions


PICTURE = CONFUSION
REPORT = "report.json"
TABLES = "predictions"


def write_tables(folder: str | Path, tables: Sequence[Table]) -> list[Path]:
    """Writes prediction tables of any task so that their order is kept, and returns the files.

    Raises:
        FileExistsError: If one of the files exists.
    """
    target = Path(folder) / TABLES
    target.mkdir(parents=True, exist_ok=True)
    digits = max(2, len(str(len(tables))))
    paths = []
    for number, table in enumerate(tables, start=1):
        parts = [table.system, table.prompt_set, *([] if table.protocol == "zero_shot" else [table.protocol])]
        name = ".".join(re.sub(r"[^\w.-]+", "_", part) for part in parts)
        path = target / f"{number:0{digits}d}_{name[:150]}.parquet"
        if isinstance(table, PredictionTable):
            paths.append(write_predictions(table, path))
        else:
            paths.append(write_target_predictions(table, path))
    return paths


def read_tables(folder: str | Path) -> list[Table]:
    """The prediction tables of a report's folder in the order in which they were written.

    Raises:
        FileNotFoundError: If there are none.
        ValueError: If one is damaged.
    """
    paths = sorted((Path(folder) / TABLES).glob("*.parquet"))
    if not paths:
        raise FileNotFoundError(f"A report needs prediction tables, there are none in {Path(folder) / TABLES}.")
    return [read_table(path) for path in paths]


def read_table(path: str | Path) -> Table:
    """The checked prediction table of any task in a Parquet file.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is damaged.
    """
    path = Path(path)
    task = table_metadata(read_arrow(path), path).get("task", CLASSIFICATION)
    return read_predictions(path) if task == CLASSIFICATION else read_target_predictions(path)


def report_from_predictions(
    folder: str | Path, resampling: Resampling | None = None, *, shared_clips: bool = False
) -> dict[str, Any]:
    """Writes the report of a folder's prediction tables and returns its numbers, as in `report.json`.

    Args:
        folder: Holds `predictions/*.parquet`, and `run.json` where the tables come from `evaluate.py`.
        resampling: How intervals are computed.
        shared_clips: Keep the clips that all tables of a protocol have, instead of refusing tables with others.

    Raises:
        FileNotFoundError: If there are no tables.
        PermissionError: If the folder cannot be written to.
        ValueError: If a table is damaged or they do not belong together.
    """
    folder = Path(folder)
    tables = read_tables(folder)
    check_writable(folder)
    report = summarize(tables, resampling, shared_clips=shared_clips)
    run = folder / "run.json"
    if run.is_file():
        report["run"] = read_json(run)
    groups = [align_tables(group, shared_clips=shared_clips) for group in group_tables(tables)]
    report["pictures"] = _draw(groups, report, folder)
    main = groups[0][0]
    if isinstance(main, PredictionTable):
        report["clips"] = best_and_worst(main)
    write_json(folder / REPORT, report)
    write_csv_tables(report, main, folder)
    blocks = report_blocks(report)
    _write_text(folder / "report.md", render_markdown(blocks))
    _write_text(folder / "report.html", render_html(blocks, folder))
    return report


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes indented JSON; NaN is an error, because JSON has none."""
    _write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object that was written beside tables.

    Raises:
        ValueError: If the file is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged; remove it, and the report is made without it.") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(content).__name__}; remove it.")
    return content


def resampling_of(folder: str | Path) -> Resampling | None:
    """The resampling settings of the report that is in a folder, None where there is none yet.

    Raises:
        ValueError: If the file is damaged.
    """
    path = Path(folder) / REPORT
    if not path.is_file():
        return None
    try:
        return Resampling(**json.loads(path.read_text(encoding="utf-8"))["resampling"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged or no report of ours; remove it to compute the report again.") from error


def _draw(groups: Sequence[Sequence[Table]], report: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    pictures = []
    for number, group in enumerate(groups):
        pictures += draw_section(number, group, report, folder)
    order = list(dict.fromkeys(result["system"] for result in report["results"]))
    embeddings = read_embeddings(folder)
    for table in embeddings:
        if table.manifest_sha256 != report["manifest_sha256"]:
            raise ValueError(
                f"Embeddings must be of the predictions' manifest, got {table.manifest_sha256} of {table.system} beside "
                f"{report['manifest_sha256']}; remove them or make them anew."
            )
    # In the order of the results: the first panel is the main system's.
    embeddings.sort(key=lambda table: order.index(table.system) if table.system in order else len(order))
    return [*pictures, *draw_embeddings(embeddings, folder), *draw_attention(folder)]


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
