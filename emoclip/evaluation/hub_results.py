# SPDX-License-Identifier: Apache-2.0
"""A report's results where the Hub looks for them: `model-index` in a model's card, and `.eval_results/*.yaml`.

`model-index` is the older form, shown by the model's page and read by many tools. `.eval_results` feeds the leaderboards of benchmark
data sets on the Hub: each entry names a data set there and one of its tasks. Both are written by `huggingface_hub`'s own classes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResultEntry, ModelCard, eval_result_entries_to_yaml
from huggingface_hub.repocard_data import EvalResult

from emoclip.data.output import replacing
from emoclip.evaluation.wording import METRIC_NAMES, fold_mean_or_value, in_unit


TASK_TYPE = "video-classification"
# Written besides the intervals; the others are in the report.
_METRICS = (
    *("uar", "war", "macro_f1", "weighted_f1"),
    *("mean_average_precision", "auc", "top_1"),
    *("mae", "rmse", "mse", "pcc", "ccc", "r2"),
)


def model_index_results(report: Mapping[str, Any]) -> list[EvalResult]:
    """The metrics of every section's first result, as entries of a `model-index`; fractions, not percent.

    Only the main system's: a card tells of one model. The value over folds is the mean of the folds' values.
    """
    dataset = (report.get("run") or {}).get("dataset", {})
    name = dataset.get("name") or report["dataset"] or "unnamed"
    entries = []
    for number, section in enumerate(report["sections"]):
        result = next(entry for entry in report["results"] if entry["section"] == number)
        if result["system"] != report["results"][0]["system"]:
            continue
        for metric, value in _values(result).items():
            entries.append(
                EvalResult(
                    task_type=TASK_TYPE,
                    task_name=f"{section['protocol'].replace('_', ' ')}, {len(section['class_names'])} classes",
                    dataset_type=_plain(name),
                    dataset_name=name,
                    dataset_split=dataset.get("split"),
                    # Two numbers of classes of one protocol are two results.
                    dataset_config=f"{section['protocol']}, {len(section['class_names'])} classes",
                    metric_type=metric,
                    metric_name=f"{METRIC_NAMES[metric]} (prompt set {result['prompt_set']})",
                    metric_value=round(value, 6),
                )
            )
    return entries


def write_hub_results(
    report: Mapping[str, Any], folder: str | Path, *, hub_dataset: str | None = None, hub_task: str = "default"
) -> list[Path]:
    """Writes the results into a model folder's card, and `.eval_results` if a benchmark is named, and returns the files.

    Entries of the card about the same data set, task and metric are replaced; others stay.

    Args:
        report: As `emoclip.evaluation.report.report_from_predictions` gives it.
        folder: Holds the `README.md` of a model.
        hub_dataset: Benchmark data set on the Hub, such as `mteb/RAVDESS_AV`; None writes no `.eval_results`.
        hub_task: Its task.

    Raises:
        FileNotFoundError: If the folder has no card.
        ValueError: If the data set is no name of the Hub, or the main result has no metric that it could take.
    """
    readme = Path(folder) / "README.md"
    if not readme.is_file():
        raise FileNotFoundError(f"A model folder must have a card, {readme} does not exist; save the model first.")
    if hub_dataset is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", hub_dataset):
        raise ValueError(f"`--hub-dataset` must be OWNER/NAME of a data set on the Hub, got {hub_dataset!r}.")
    if hub_dataset is not None and not _values(report["results"][0]):
        main = report["results"][0]
        raise ValueError(
            f"`.eval_results` takes one metric of the main result, that of {main['protocol']} has none of {', '.join(_METRICS)}; "
            "leave --hub-dataset out, or report a table of classes, labels or numbers first."
        )
    card = ModelCard.load(readme, ignore_metadata_errors=False)
    results = model_index_results(report)
    card.data.model_name = card.data.get("model_name") or _title(card.text) or Path(folder).resolve().name
    new = {(entry.unique_identifier, entry.metric_type) for entry in results}
    kept = [e for e in card.data.eval_results or [] if (e.unique_identifier, e.metric_type) not in new]
    card.data.eval_results = [*kept, *results]
    with replacing(readme) as temporary:
        card.save(temporary)
    return [readme] if hub_dataset is None else [readme, _write_entry(report, Path(folder), hub_dataset, hub_task)]


def _write_entry(report: Mapping[str, Any], folder: Path, hub_dataset: str, hub_task: str) -> Path:
    """One file per benchmark; its value is the main metric of the main result."""
    main = report["results"][0]
    values = _values(main)
    metric = next(iter(values))
    entry = EvalResultEntry(
        dataset_id=hub_dataset,
        task_id=hub_task,
        value=round(values[metric], 6),
        notes=f"{METRIC_NAMES[metric]}{in_unit(metric)}, {main['protocol']}, prompt set {main['prompt_set']}, "
        f"{report['num_clips']} clips",
    )
    path = folder / ".eval_results" / f"{_plain(hub_dataset.split('/')[1])}.yaml"
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as temporary:
        text = yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False, allow_unicode=True)
        temporary.write_text(text, encoding="utf-8")
    return path


def _values(result: Mapping[str, Any]) -> dict[str, float]:
    """Metric -> value, the mean of folds where there are folds; of retrieval nothing, which has no name of its own there."""
    found = {name: fold_mean_or_value(result, name) for name in _METRICS}
    return {name: value for name, value in found.items() if value is not None}


def _title(text: str) -> str | None:
    match = re.search(r"^# (.+)$", text, flags=re.MULTILINE)
    return match.group(1).strip() if match else None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


__all__ = ["model_index_results", "write_hub_results"]
