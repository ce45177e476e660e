# SPDX-License-Identifier: Apache-2.0
"""The part of a report that sets published results beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emoclip.evaluation.document import Block, Folded, Heading, Table, Text
from emoclip.evaluation.wording import METRIC_NAMES, metric_value


def published_blocks(section: Mapping[str, Any]) -> list[Block]:
    """Published values with the difference, main results first, the others folded; nothing where none are known."""
    if not section["published"]:
        return []
    first = [row for row in section["published"] if row["headline"] or row["ours"] is not None]
    others = [row for row in section["published"] if row not in first]
    notes = list(
        dict.fromkeys(f"{row['paper']} {row['table']}: {row['note']}" for row in section["published"] if row["note"])
    )
    blocks: list[Block] = [
        Heading("Beside published results", 3),
        Text(
            "Published value and, where one of our results is the row's counterpart, in brackets ours minus published, in percent and percentage points where the metric is in percent. Ours is the mean over folds where there are folds. Which system is whose counterpart is named in the configuration (`published`). Faces, prompts and test lists of the papers are known only as far as they were published."
        ),
        _published_table(first or others),
    ]
    if first and others:
        blocks.append(Folded(f"All other published rows ({len(others)} values)", [_published_table(others)]))
    if notes:
        blocks.append(Folded("Doubts about published values", [Table(["where: what"], [[note] for note in notes])]))
    return blocks


def _published_table(values: Sequence[Mapping[str, Any]]) -> Table:
    metrics = list(dict.fromkeys(row["metric"] for row in values))
    keys = ("paper", "table", "protocol", "model", "variant", "target", "system", "prompt_set")
    lines: dict[tuple, dict[str, str]] = {}
    for row in values:
        lines.setdefault(tuple(row[key] for key in keys), {})[row["metric"]] = _cell(row)
    rows = []
    for (paper, table, protocol, model, variant, target, system, prompt_set), cells in lines.items():
        name = ", ".join(part for part in (model, variant, target) if part)
        ours = "" if system is None else f"{system} / {prompt_set}"
        places = [name, protocol.replace("_", " "), f"{paper} {table}", ours]
        rows.append([*places, *(cells.get(m, "-") for m in metrics)])
    return Table(["model", "protocol", "source", "ours", *(METRIC_NAMES.get(m, m) for m in metrics)], rows)


def _cell(row: Mapping[str, Any]) -> str:
    text = metric_value(row["metric"], row["value"])
    return text if row["ours"] is None else f"{text} ({metric_value(row['metric'], row['difference'], signed=True)})"


__all__ = ["published_blocks"]
