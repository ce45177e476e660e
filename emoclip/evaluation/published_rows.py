# SPDX-License-Identifier: Apache-2.0
"""Published results as data: every table of the three papers, and the log of Exp-CLIP's released heads.

`published/*.csv` hold one value a line, as printed, with what it was measured on. A report shows those of the same data set, number of
classes and protocol, and sets a result beside the rows that its system names as counterparts. A difference is no verdict: test lists, faces and prompts of the papers are only
known as far as they were published, and `note` says what is doubtful.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
# A target that is a split -> its names in manifests.
_SPLITS = {"val": ("val", "validation", "dev"), "test": ("test",)}


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
            printed as 43 and are found for 42 too. Values of single outputs are found for any number of outputs.
        protocol: Of the table; a part after a full stop, such as in `compound.average`, is not looked at.
    """
    name = _plain(dataset.split("/")[0])
    kind = protocol.split(".")[0]
    wanted = 43 if (name, num_classes) == ("mafw", 42) else num_classes
    neighbours = _NEIGHBOURS.get(kind, (kind,))
    found = [
        v
        for v in published_values()
        if _plain(v.dataset) == name and (v.num_classes == wanted or _is_output(v)) and v.protocol in neighbours
    ]
    return sorted(found, key=lambda v: neighbours.index(v.protocol))


@dataclass(frozen=True)
class Ours:
    """One of our results, as it may stand beside published rows.

    Args:
        system, prompt_set: Whose it is.
        rows: What published rows must have to be its counterpart: field -> value, for each kind of row; see `PublishedRow`.
        values: Metric -> our value; of outputs with names of their own the key is `metric/target`.
    """

    system: str
    prompt_set: str
    rows: Sequence[Mapping[str, str]]
    values: Mapping[str, float]


def beside(dataset: str, num_classes: int, protocol: str, results: Sequence[Ours]) -> list[dict[str, Any]]:
    """Published numbers as plain JSON values, each beside the results that are its counterpart.

    `system`, `prompt_set`, `ours` and `difference`, ours minus published, are None where no result is. Numbers of a metric, an
    output or a split that none of the results has are left out.

    Args:
        dataset, num_classes, protocol: As in `published_beside`.
        results: Of one protocol; the part of its name after a full stop is the split.
    """
    split = protocol.partition(".")[2]
    results = [replace(r, values={_plain_key(key): value for key, value in r.values.items()}) for r in results]
    found = []
    for value in published_beside(dataset, num_classes, protocol):
        key = _key(value, split)
        if key is None or not any(key in result.values for result in results):
            continue
        fields = {name: getattr(value, name) for name in PublishedValue.__dataclass_fields__}
        # Whose split is not known is no counterpart.
        ours = [
            r
            for r in results
            if _is_counterpart(r, value) and key in r.values and (split or value.target not in _SPLITS)
        ]
        found += [
            fields
            | {"system": r.system, "prompt_set": r.prompt_set, "ours": r.values[key]}
            | {"difference": r.values[key] - value.value}
            for r in ours
        ] or [fields | dict.fromkeys(("system", "prompt_set", "ours", "difference"))]
    return found


def _is_counterpart(result: Ours, value: PublishedValue) -> bool:
    return any(all(getattr(value, name) == wanted for name, wanted in row.items()) for row in result.rows)


def _key(value: PublishedValue, split: str) -> str | None:
    """Name of our value that a published one is compared with; None if it is of another split."""
    if not value.target:
        return value.metric
    if value.target in _SPLITS:
        return value.metric if not split or split in _SPLITS[value.target] else None
    return _plain_key(f"{value.metric}/{value.target}")


def _plain_key(key: str) -> str:
    """Outputs by letters and digits alone: `N1: Blunted Affect` is `N1 Blunted Affect`."""
    metric, slash, target = key.partition("/")
    return f"{metric}{slash}{_plain(target)}"


def _is_output(value: PublishedValue) -> bool:
    return bool(value.target) and value.target not in _SPLITS


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


__all__ = ["Ours", "PublishedValue", "beside", "published_beside", "published_values"]
