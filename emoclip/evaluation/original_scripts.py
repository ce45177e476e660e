# SPDX-License-Identifier: Apache-2.0
"""Numbers as the original scripts print them where these differ from what the papers define; reports give both, with their names."""

from __future__ import annotations

from typing import Any

import numpy as np

from emoclip.evaluation.predictions import PredictionTable


LEAVE_ONE_OUT = "leave_one_out"


def original_leave_one_out_uar(table: PredictionTable) -> float:
    """The mean of what EmoCLIP's `train_loo.py` prints as UAR for each left-out class (and fold): a fraction.

    The script's clips are all of one class, and it averages the recall over every label that occurs in truth or prediction. The
    labels that were only predicted have recall 0, so a recall of 0.4 with three labels is printed as 0.133.

    Args:
        table: Of the protocol leave-one-class-out.
    """
    references, predictions = np.asarray(table.references), np.asarray(table.predictions)
    folds = np.asarray([str(fold) for fold in table.columns.get("fold", [None] * len(references))])
    printed = []
    for fold in np.unique(folds):
        for label in np.unique(references[folds == fold]):
            predicted = predictions[(folds == fold) & (references == label)]
            labels = set(predicted.tolist()) | {int(label)}
            printed.append(float((predicted == label).mean()) / len(labels))
    return float(np.mean(printed))


def without_rankings(result: dict[str, Any]) -> dict[str, Any]:
    """The numbers of leave-one-class-out without AUC and average precision, which would rank scores of different models.

    Every clip is scored by the model that has not seen its class: the clips of one class by one model, all others by others. A class
    without clips has no model, and so no recall.
    """
    rankings = ("auc", "mean_average_precision", "average_precision")
    hidden = {f"{name}{end}": None for name in rankings[:2] for end in ("", "_interval")}
    per_class = {
        name: {key: None if key in rankings else value for key, value in values.items()}
        for name, values in result["per_class"].items()
    }
    folds = {key: value for key, value in (result["folds"] or {}).items() if key != "auc"} or None
    judged = {name: r for name, r in result["per_class_recall"].items() if result["per_class"][name]["clips"]}
    return {**result, **hidden, "per_class": per_class, "per_class_recall": judged, "folds": folds}


__all__ = ["LEAVE_ONE_OUT", "original_leave_one_out_uar", "without_rankings"]
