# SPDX-License-Identifier: Apache-2.0
"""A folder of prediction tables becomes a report, without a model and without the data.

folder/
    predictions/01_trained.synthetic_descriptions.parquet   one table per system and prompt set; the first is the main
    run.json                                                how the tables were made (optional)
    report.json, report.md, confusion_matrix.png            written here
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emoclip.evaluation.markdown import render
from emoclip.evaluation.plots import plot_confusion_matrix
from emoclip.evaluation.predictions import PredictionTable, read_predictions, write_predictions
from emoclip.evaluation.results import Resampling, summarize
from emoclip.evaluation.target_predictions import RetrievalTable, TargetTable, write_target_predictions


PICTURE = "confusion_matrix.png"
REPORT = "report.json"


def write_tables(folder: str | Path, tables: Sequence[PredictionTable | TargetTable | RetrievalTable]) -> list[Path]:
    """Writes prediction tables so that their order is kept, and returns the files.

    Raises:
        FileExistsError: If one of the files exists.
    """
    target = Path(folder) / "predictions"
    target.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, table in enumerate(tables, start=1):
        path = target / f"{number:02d}_{table.system}.{table.prompt_set}.parquet"
        if isinstance(table, PredictionTable):
            paths.append(write_predictions(table, path))
        else:
            paths.append(write_target_predictions(table, path))
    return paths


def report_from_predictions(folder: str | Path, resampling: Resampling | None = None) -> dict[str, Any]:
    """Writes the report of a folder's prediction tables and returns its numbers, as in `report.json`.

    Args:
        folder: Holds `predictions/*.parquet`, and `run.json` where the tables come from `evaluate.py`.
        resampling: How intervals are computed.

    Raises:
        FileNotFoundError: If there are no tables.
        ValueError: If a table is damaged or they do not belong together.
    """
    folder = Path(folder)
    paths = sorted((folder / "predictions").glob("*.parquet"))
    if not paths:
        raise FileNotFoundError(f"A report needs prediction tables, there are none in {folder / 'predictions'}.")
    report = summarize([read_predictions(path) for path in paths], resampling)
    run = folder / "run.json"
    if run.is_file():
        report["run"] = json.loads(run.read_text(encoding="utf-8"))
    main = report["results"][0]
    title = f"{main['system']}, {main['prompt_set']}: UAR {100 * main['uar']:.1f} %, {report['num_clips']} clips"
    plot_confusion_matrix(main["confusion_matrix"], report["class_names"], folder / PICTURE, title=title)
    write_json(folder / REPORT, report)
    (folder / "report.md").write_text(render(report, picture=PICTURE), encoding="utf-8")
    return report


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes indented JSON; NaN is an error, because JSON has none."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def resampling_of(folder: str | Path) -> Resampling | None:
    """The resampling settings of the report that is in a folder, None where there is none yet."""
    path = Path(folder) / REPORT
    if not path.is_file():
        return None
    return Resampling(**json.loads(path.read_text(encoding="utf-8"))["resampling"])
