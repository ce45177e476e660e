# SPDX-License-Identifier: Apache-2.0
"""Clip by clip: what a model said, how far it was from the truth, and the best and worst clips with their captions."""

from __future__ import annotations

from typing import Any

import numpy as np

from emoclip.evaluation.predictions import PredictionTable


def clip_margins(table: PredictionTable) -> np.ndarray:
    """Score of the true class minus the highest other score, (clips,): above 0 right, below 0 wrong, 0 a tie."""
    scores = np.asarray(table.scores, dtype=np.float64)
    rows = np.arange(len(scores))
    true = scores[rows, np.asarray(table.references)]
    others = scores.copy()
    others[rows, np.asarray(table.references)] = -np.inf
    return true - others.max(axis=1)


def clip_rows(table: PredictionTable) -> dict[str, list]:
    """Columns of a table with one row a clip: truth, prediction, scores of both, margin, and what else is known."""
    names, rows = np.array(table.class_names), np.arange(len(table.clip_ids))
    scores, predictions = np.asarray(table.scores), np.asarray(table.predictions)
    columns: dict[str, list] = {
        "clip_id": list(table.clip_ids),
        "reference": names[np.asarray(table.references)].tolist(),
        "prediction": names[predictions].tolist(),
        "score_of_reference": scores[rows, np.asarray(table.references)].tolist(),
        "score_of_prediction": scores[rows, predictions].tolist(),
        "margin": clip_margins(table).tolist(),
    }
    for name, values in table.columns.items():
        columns[name] = [_plain_cell(value) for value in values]
    return columns


def _plain_cell(value: Any) -> Any:
    """What a cell of a spreadsheet can hold; tables of other tools may have anything."""
    if isinstance(value, list | tuple):
        return " / ".join(map(str, value))
    return str(value) if isinstance(value, dict) else value


def best_and_worst(table: PredictionTable, count: int = 5) -> dict[str, list[dict[str, Any]]]:
    """The clips that were right by the widest margin and wrong by the widest, at most `count` each, of different classes first.

    One class that is recognised best of all would fill the list alone, so each true class is taken once before any comes again.
    """
    margins = clip_margins(table)
    best = _spread(table, [row for row in np.argsort(-margins, kind="stable") if margins[row] > 0], count)
    worst = _spread(table, [row for row in np.argsort(margins, kind="stable") if margins[row] < 0], count)
    return {
        "best": [_entry(table, row, margins) for row in best],
        "worst": [_entry(table, row, margins) for row in worst],
    }


def shown_clip_ids(table: PredictionTable, count: int) -> list[str]:
    """Ids of the best and the worst clips, at most `count` of each."""
    found = best_and_worst(table, count)
    return [entry["clip_id"] for kind in ("best", "worst") for entry in found[kind]]


def _spread(table: PredictionTable, rows: list[int], count: int) -> list[int]:
    """The first `count` rows, each class once before any class again."""
    rank: dict[int, int] = {}
    turns = []
    for position, row in enumerate(rows):
        reference = table.references[row]
        rank[reference] = rank.get(reference, 0) + 1
        turns.append((rank[reference], position, row))
    return [row for _, _, row in sorted(turns)[:count]]


def _entry(table: PredictionTable, row: int, margins: np.ndarray) -> dict[str, Any]:
    captions = table.columns.get("captions") or table.columns.get("caption")
    caption = captions[row] if captions else None
    if isinstance(caption, list | tuple):
        caption = caption[0] if caption else None
    reference, prediction = table.references[row], table.predictions[row]
    return {
        "clip_id": table.clip_ids[row],
        "reference": table.class_names[reference],
        "prediction": table.class_names[prediction],
        "score_of_reference": float(table.scores[row][reference]),
        "score_of_prediction": float(table.scores[row][prediction]),
        "margin": float(margins[row]),
        "caption": caption,
    }


__all__ = ["best_and_worst", "clip_margins", "clip_rows", "shown_clip_ids"]
