# SPDX-License-Identifier: Apache-2.0
"""Each class is judged by a model that was trained without it, on the clips of that class alone, among all classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emoclip.evaluation.config import SystemConfig
from emoclip.evaluation.predictions import PredictionTable
from emoclip.evaluation.prompts import prompt_set_name
from emoclip.evaluation.protocol_config import LeaveOneOutConfig
from emoclip.evaluation.protocols.context import Context, Rows
from emoclip.evaluation.protocols.zero_shot import labelled_rows
from emoclip.evaluation.systems import Origin, filled


PROTOCOL = "leave_one_out"


def leave_one_out_tables(context: Context, config: LeaveOneOutConfig) -> list[PredictionTable]:
    """One table per prompt set: every clip scored by the model that has not seen its class.

    A class whose clips cannot be read is missing; the record of the run names the clips.

    Raises:
        ValueError: If no clip can be read.
    """
    labels = context.clips.column("label")
    wanted = set(labelled_rows(context).tolist())
    collected: dict[str, Rows] = {}
    origin = Origin()
    for fold in context.folds:
        for label, name in enumerate(context.class_names):
            rows = np.array([n for n in fold.test.tolist() if n in wanted and labels[n] == label], dtype=np.int64)
            if not len(rows):
                continue
            system = context.load(SystemConfig(PROTOCOL, model=config.model), **_places(name, fold.number))
            origin.add(system)
            features = context.encode([system], rows, allow_none=True)[PROTOCOL]
            if context.is_main and features.rows:
                for prompt_set in context.config.prompt_sets:
                    trees = context.trees(system, prompt_set, context.class_names)
                    scores = context.scores(system, features.values, trees, context.class_names)
                    kept = collected.setdefault(prompt_set_name(prompt_set), Rows())
                    kept.add(features.rows, fold.number, [label] * len(features.rows), scores)
    if context.is_main and not collected:
        raise ValueError(f"Leave-one-class-out needs clips that can be read, got {len(context.errors)} that cannot.")
    return [
        rows.table(context, origin, PROTOCOL, prompt_set, context.class_names, PROTOCOL)
        for prompt_set, rows in collected.items()
    ]


def check_leave_one_out(context: Context, config: LeaveOneOutConfig) -> None:
    """Checks that there is a model for every class that has clips, before the first is decoded.

    Raises:
        FileNotFoundError: If folders are missing.
    """
    labels = context.clips.column("label")
    missing = []
    for fold in context.folds:
        for label in sorted({labels[row] for row in fold.test.tolist()} - {None}):
            name = filled(config.model, **_places(context.class_names[label], fold.number))
            # What is no path may be an id of the Hub.
            if name is not None and name.count("/") > 1 and not Path(name).is_dir():
                missing.append(name)
    if missing:
        raise FileNotFoundError(
            f"Leave-one-class-out needs a model for every class, there is none in {', '.join(missing[:5])}"
            f"{' and others' if len(missing) > 5 else ''}; train them first."
        )


def _places(class_name: str, fold: int | None) -> dict[str, str | int]:
    return {"class": class_name} if fold is None else {"class": class_name, "fold": fold}


__all__ = ["PROTOCOL", "check_leave_one_out", "leave_one_out_tables"]
