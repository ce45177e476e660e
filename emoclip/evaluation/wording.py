# SPDX-License-Identifier: Apache-2.0
"""How results are named and printed: metrics, protocols, labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emoclip.evaluation.document import percent, plain_number


_TITLES = {
    "zero_shot": "Zero-shot recognition",
    "compound": "Compound classes",
    "leave_one_out": "Leave one class out",
    "linear_probe": "Linear probe",
    "symptoms": "Symptom scores",
    "retrieval": "Retrieval of clips and captions",
    "prompt_sensitivity": "Prompt sensitivity",
    "caption_ablation": "Caption ablation",
}
METRIC_NAMES = {
    "uar": "UAR",
    "war": "WAR",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "auc": "AUC",
    "mean_average_precision": "mAP",
    "top_1": "top-1",
    "mae": "MAE",
    "rmse": "RMSE",
    "mse": "MSE",
    "pcc": "PCC",
    "ccc": "CCC",
    "r2": "R2",
}
# In the unit of the target or a coefficient, so not in percent.
_ERRORS = ("mae", "rmse", "mse")
_PLAIN = (*_ERRORS, "pcc", "ccc", "r2")


def section_title(protocol: str) -> str:
    """`Compound classes: average` for `compound.average`."""
    name, _, way = protocol.partition(".")
    title = _TITLES.get(name, name.replace("_", " ").capitalize())
    return f"{title}: {way.replace('_', ' ')}" if way else title


def in_unit(name: str) -> str:
    """` in the unit of the scores` for errors, ` as a fraction` for shares, and nothing for coefficients."""
    if name in _ERRORS:
        return f" in the {'squared unit' if name == 'mse' else 'unit'} of the scores"
    return "" if name in _PLAIN else " as a fraction"


def metric_value(
    name: str, value: float | None, interval: Sequence[float] | None = None, *, signed: bool = False
) -> str:
    """The value as it is read: in percent, or as a plain number for errors and correlations."""
    return plain_number(value, interval, signed=signed) if name in _PLAIN else percent(value, interval, signed=signed)


def fold_mean_or_value(result: Mapping[str, Any], metric: str) -> Any:
    """The value that papers report: the mean of the folds' values where there are folds, else that of all clips."""
    summary = (result.get("folds") or {}).get(metric)
    return summary["mean"] if summary else result.get(metric)


def result_label(result: Mapping[str, Any]) -> str:
    """`system / prompt set`."""
    return f"{result['system']} / {result['prompt_set']}"


__all__ = ["METRIC_NAMES", "fold_mean_or_value", "in_unit", "metric_value", "result_label", "section_title"]
