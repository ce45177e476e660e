# SPDX-License-Identifier: Apache-2.0
"""Published results as data: every table of the three papers, and the log of Exp-CLIP's released heads.

`published/*.csv` hold one value a line, as printed, with what it was measured on. A report puts its own value beside those of the
same data set, number of classes and protocol. A difference is no verdict: test lists, faces and prompts of the papers are only
known as far as they were published, and `note` says what is doubtful.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


_FILES = ("emoclip.csv", "emotionclip.csv", "expclip.csv", "expclip_logs.csv")
# What else is set beside a protocol: numbers of trained models beside zero-shot ones tell how far there is to go.
_NEIGHBOURS = {
    "zero_shot": ("zero_shot", "linear_probe", "supervised"),
    "linear_probe": ("linear_probe", "supervised", "zero_shot"),
    "supervised": ("supervised", "linear_probe"),
    "compound": ("compound", "supervised"),
    "leave_one_out": ("leave_one_out", "zero_shot"),
    "symptoms": ("symptoms",),
}
_PERCENT = "percent"


@dataclass(frozen=True)
class PublishedValue:
    """One published number.

    Args:
        paper: `emoclip`, `emotionclip` or `expclip`.
        table: Of the paper, or `log` for the log of a released checkpoint.
        dataset: As manifests name it, without the task.
        num_classes: Classes or outputs.
        protocol: `zero_shot`, `compound`, `leave_one_out`, `linear_probe`, `supervised`, `symptoms`.
        model: As printed.
        variant: Prompts, instruction, encoder, training: what sets the row apart.
        target: Output or split of the value, empty where there is one.
        metric: Name as in reports.
        value: Fraction for metrics in percent, else as printed.
        headline: Whether the row is one of the paper's main results.
        note: What is doubtful about it.
    """

    paper: str
    table: str
    dataset: str
    num_classes: int
    protocol: str
    model: str
    variant: str
    target: str
    metric: str
    value: float
    headline: bool
    note: str


@cache
def published_values() -> tuple[PublishedValue, ...]:
    """All published numbers, in the order of papers and tables."""
    folder = resources.files("emoclip.evaluation") / "published"
    lines = [line for name in _FILES for line in csv.DictReader((folder / name).read_text("utf-8").splitlines())]
    return tuple(_value(line) for line in lines)


def published_beside(dataset: str, num_classes: int, protocol: str) -> list[PublishedValue]:
    """The published numbers of a data set and a protocol, those of the same protocol first.

    Args:
        dataset: Name of a manifest, such as `mafw/single` or `MAFW`; what follows the slash is the task.
        num_classes: Classes of the table; AffectNet with 7 and with 8 classes are two things. MAFW's compound classes were
            printed as 43 and are found for 42 too.
        protocol: Of the table; a part after a full stop, such as in `compound.average`, is not looked at.
    """
    name = _plain(dataset.split("/")[0])
    kind = protocol.split(".")[0]
    wanted = 43 if (name, num_classes) == ("mafw", 42) else num_classes
    neighbours = _NEIGHBOURS.get(kind, (kind,))
    found = [
        v
        for v in published_values()
        if _plain(v.dataset) == name and v.num_classes == wanted and v.protocol in neighbours
    ]
    return sorted(found, key=lambda v: neighbours.index(v.protocol))


def beside(dataset: str, num_classes: int, protocol: str, ours: Mapping[str, float]) -> list[dict[str, Any]]:
    """Published numbers with ours and the difference, ours minus published, as plain JSON values.

    Args:
        dataset, num_classes, protocol: As in `published_beside`.
        ours: Our value of each metric; those that we lack are left out. Of outputs with names of their own the key is
            `metric/target`.
    """
    rows = []
    for value in published_beside(dataset, num_classes, protocol):
        key = f"{value.metric}/{value.target}" if f"{value.metric}/{value.target}" in ours else value.metric
        if ours.get(key) is None:
            continue
        fields = {name: getattr(value, name) for name in PublishedValue.__dataclass_fields__}
        rows.append(fields | {"ours": ours[key], "difference": ours[key] - value.value})
    return rows


def _value(line: dict[str, str]) -> PublishedValue:
    number = float(line["value"])
    return PublishedValue(
        **{
            name: line[name]
            for name in ("paper", "table", "dataset", "protocol", "model", "variant", "target", "metric")
        },
        num_classes=int(line["num_classes"]),
        # Printed to two decimals: 36.76 % is 0.3676, not 0.36760000000000004.
        value=round(number / 100, 8) if line["unit"] == _PERCENT else number,
        headline=line["headline"] == "yes",
        note=line["note"],
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


__all__ = ["PublishedValue", "beside", "published_beside", "published_values"]
