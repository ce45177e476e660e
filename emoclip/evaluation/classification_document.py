# SPDX-License-Identifier: Apache-2.0
"""The parts of a report on single-label recognition: wording, folds, subjects, subgroups and classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emoclip.evaluation.document import Block, Folded, Heading, Picture, Table, Text, percent
from emoclip.evaluation.wording import METRIC_NAMES, fold_mean_or_value, result_label


_SPREAD = ("uar", "war")


def prompt_sets_blocks(results: Sequence[Mapping[str, Any]], pictures: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Spread over prompt sets, of UAR and WAR of each system that has several; with folds of their means.

    Probes have none: they read no texts.
    """
    rows: list[list[str]] = []
    if results[0]["protocol"].split(".")[0] == "linear_probe":
        return []
    for system in dict.fromkeys(result["system"] for result in results):
        own = [result for result in results if result["system"] == system]
        if len(own) > 1:
            rows += [[system, *_spread({r["prompt_set"]: fold_mean_or_value(r, m) for r in own}, m)] for m in _SPREAD]
    if not rows:
        return []
    header = ["system", "metric", "prompt sets", "mean", "standard deviation", "lowest", "highest"]
    of = "Means over folds, in" if any(result["folds"] for result in results) else "In"
    text = f"{of} percent. Results that differ by less than this spread may differ by the wording alone."
    return [
        Heading("What wording does", 3),
        Table(header, rows),
        Text(text),
        *picture_blocks(pictures, ("prompt_sensitivity",)),
    ]


def _spread(values: Mapping[str, float], metric: str) -> list[str]:
    """Metric, number of prompt sets, mean, standard deviation, and the lowest and highest value with their prompt sets."""
    low, high = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
    mean = sum(values.values()) / len(values)
    std = (sum((v - mean) ** 2 for v in values.values()) / (len(values) - 1)) ** 0.5
    ends = (f"{percent(values[name])} ({name})" for name in (low, high))
    return [METRIC_NAMES[metric], str(len(values)), percent(mean), percent(std), *ends]


def folds_blocks(results: Sequence[Mapping[str, Any]], *, left_out: bool = False) -> list[Block]:
    """Each fold, their mean, and the value over all clips; the classes that folds lack.

    Args:
        results: Of one section.
        left_out: They are of leave-one-class-out, where a class without clips is in no mean.
    """
    with_folds = [result for result in results if result["folds"]]
    if not with_folds:
        return []
    folds = list(with_folds[0]["folds"]["num_clips"])
    rows = []
    for result in with_folds:
        for name in ("uar", "war"):
            summary = result["folds"][name]
            each = [percent(summary["values"].get(fold)) for fold in folds]
            rows.append(
                [
                    f"{result_label(result)}: {METRIC_NAMES[name]}",
                    *each,
                    percent(summary["mean"], summary["interval"]),
                    percent(summary["std"]),
                    percent(result[name]),
                ]
            )
    blocks: list[Block] = [
        Heading("Folds", 3),
        Table(
            [
                "system / prompt set",
                *(f"fold {fold}" for fold in folds),
                "mean of folds",
                "standard deviation",
                "all clips",
            ],
            rows,
        ),
        Text(
            "In percent. The mean of the folds' values is what the papers report, with Student's interval between folds; the last column takes the clips of all folds together."
        ),
    ]
    absent = with_folds[0]["folds"]["absent_classes"]
    if absent:
        said = "; ".join(f"fold {fold}: {', '.join(names)}" for fold, names in absent.items())
        blocks.append(
            Text(
                f"**Classes without a clip in a fold.** {said}. "
                + (
                    "They are in no mean over classes of that fold."
                    if left_out
                    else "Where such a class was predicted, it counts 0 in that fold's UAR."
                )
            )
        )
    return blocks


def groups_blocks(results: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Balance over subjects and the subgroups of the main result."""
    blocks: list[Block] = []
    rows = [
        [
            result_label(r),
            str(s["num_subjects"]),
            percent(s["balanced_uar"]),
            percent(s["balanced_war"]),
            percent(s["worst_war"]),
            percent(s["best_war"]),
        ]
        for r in results
        if (s := r["subjects"])
    ]
    if rows:
        header = ["system / prompt set", "subjects", "balanced UAR", "balanced WAR", "worst WAR", "best WAR"]
        text = Text("In percent. Balanced: every subject counts the same, however many clips there are of each.")
        blocks += [Heading("Subjects", 3), Table(header, rows), text]
    for column, groups in results[0]["subgroups"].items():
        values = [[group, str(v["clips"]), percent(v["uar"]), percent(v["war"])] for group, v in groups.items()]
        uars = [v["uar"] for v in groups.values()]
        text = Text(
            f"{result_label(results[0])}, in percent. Largest difference of UAR: {percent(max(uars) - min(uars))} points. Subgroups may differ in their classes as well."
        )
        blocks += [Heading(f"Subgroups: {column}", 3), Table([column, "clips", "UAR", "WAR"], values), text]
    return blocks


def per_class_blocks(
    section: Mapping[str, Any], results: Sequence[Mapping[str, Any]], pictures: Sequence[Mapping[str, Any]]
) -> list[Block]:
    """Recall of each class by every system, and the other metrics of the main result."""
    prompt_set = results[0]["prompt_set"]
    chosen = [result for result in results if result["prompt_set"] == prompt_set]
    rows = [
        [name, str(section["clips_per_class"][name]), *(percent(r["per_class_recall"].get(name)) for r in chosen)]
        for name in section["class_names"]
    ]
    columns = ("recall", "precision", "f1", "auc", "average_precision")
    details = [
        [name, *(percent(results[0]["per_class"][name][c]) for c in columns)] for name in section["class_names"]
    ]
    return [
        Heading("Recall of each class", 3),
        Text(f"Prompt set `{prompt_set}`, in percent."),
        Table(["class", "clips", *(result["system"] for result in chosen)], rows),
        *picture_blocks(pictures, ("class_recall",)),
        Folded(
            f"Precision, F1, AUC and average precision of {result_label(results[0])}",
            [Table(["class", *(c.replace("_", " ") for c in columns)], details)],
        ),
    ]


def picture_blocks(pictures: Sequence[Mapping[str, Any]], kinds: Sequence[str]) -> list[Block]:
    """The pictures of these kinds."""
    return [Picture(picture["file"], picture["caption"]) for picture in pictures if picture["kind"] in kinds]


__all__ = ["folds_blocks", "groups_blocks", "per_class_blocks", "picture_blocks", "prompt_sets_blocks"]
