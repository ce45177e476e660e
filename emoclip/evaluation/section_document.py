# SPDX-License-Identifier: Apache-2.0
"""The document of one section of a report: tables of one protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emoclip.evaluation.classification_document import (
    folds_blocks,
    groups_blocks,
    per_class_blocks,
    picture_blocks,
    prompt_sets_blocks,
)
from emoclip.evaluation.document import Block, Heading, Table, Text, p_text, percent, plain_number
from emoclip.evaluation.original_scripts import LEAVE_ONE_OUT
from emoclip.evaluation.published_document import published_blocks
from emoclip.evaluation.wording import METRIC_NAMES, metric_value, result_label, section_title


_MAIN_LABELS = ("uar", "war", "macro_f1")
# Below this many drawn subjects the percentile bootstrap is known to be too sure of itself.
FEW_SUBJECTS = 10


def section_blocks(
    section: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    comparisons: Sequence[Mapping[str, Any]],
    pictures: Sequence[Mapping[str, Any]],
    resampling: Mapping[str, Any],
) -> list[Block]:
    """All blocks of a section, its heading first.

    Args:
        section, results, comparisons: Of the report; those of this section.
        pictures: `kind`, `file` and `caption` of the section's pictures.
        resampling: How intervals were computed.
    """
    blocks: list[Block] = [Heading(section_title(section["protocol"])), _about(section)]
    blocks += _results(section, results, resampling)
    blocks += _original_script(results)
    blocks += _comparisons(comparisons)
    if section["task"] == "classification":
        blocks += [
            *prompt_sets_blocks(results, pictures),
            *folds_blocks(results, left_out=section["protocol"] == LEAVE_ONE_OUT),
            *groups_blocks(results),
            *per_class_blocks(section, results, pictures),
        ]
    elif "per_target" in results[0]:
        blocks += _per_target(results[0])
    blocks += picture_blocks(pictures, ("confusion_matrix", "reliability"))
    return blocks + published_blocks(section)


def _original_script(results: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Of leave-one-class-out the number that the original script prints, under its own name."""
    numbers = [(result_label(r), r["original_script_uar"]) for r in results if "original_script_uar" in r]
    if not numbers:
        return []
    values = "; ".join(f"{label}: {percent(value)} %" for label, value in numbers)
    return [
        Text(
            f"UAR as the original script prints it, a class's recall divided by the number of labels that occur: {values}. "
            "The UAR above is the mean of the recalls of the classes that have clips. The clips of each class are scored by another model, so that scores of "
            "different classes cannot be ranked: there is no AUC and no mAP, and precision and F1 mix the models."
        )
    ]


def _about(section: Mapping[str, Any]) -> Block:
    kind = {"regression": "outputs", "multi_label": "labels"}.get(section["task"], "classes")
    text = f"{section['num_clips']} clips, {len(section['class_names'])} {kind}."
    if section["majority_share"] is not None:
        text += (
            f" Guessing gives a UAR of {percent(1 / len(section['class_names']))} %; always naming the most frequent class "
            f"gives a WAR of {percent(section['majority_share'])} %."
        )
    return Text(text)


def _results(
    section: Mapping[str, Any], results: Sequence[Mapping[str, Any]], resampling: Mapping[str, Any]
) -> list[Block]:
    if section["task"] == "retrieval":
        return [*_retrieval(results, resampling), *_few_subjects(results[0])]
    interval, drawn = f"{100 * resampling['confidence']:g} %", _drawn(results[0], resampling)
    if section["task"] == "classification":
        return [*_classification(results, interval, drawn), *_few_subjects(results[0])]
    names = [name for name in METRIC_NAMES if name in results[0]]
    rows = [[result_label(r), *(metric_value(n, r[n], r.get(f"{n}_interval")) for n in names)] for r in results]
    unit = "In percent" if section["task"] == "multi_label" else "Errors in the unit of the scores, means over outputs"
    text = f"{unit}, with {drawn}.{_score_resamples(results)}"
    header = ["system / prompt set", *(METRIC_NAMES[n] for n in names)]
    return [Table(header, rows), Text(text), *_few_subjects(results[0])]


def _drawn(result: Mapping[str, Any], resampling: Mapping[str, Any]) -> str:
    """What intervals are and what a resample draws."""
    over = result["intervals_over"]
    if (subjects := result.get("num_drawn_subjects")) is not None:
        over = f"{subjects} subjects, drawn whole"
    count = result.get("num_resamples", resampling["num_resamples"])
    interval = f"{100 * resampling['confidence']:g} %"
    return f"{interval} percentile bootstrap intervals over {over} ({count} resamples, seed {resampling['seed']})"


def _few_subjects(result: Mapping[str, Any]) -> list[Block]:
    """A warning where so few subjects were drawn that intervals come out too narrow and no p-value can be small."""
    count = result.get("num_drawn_subjects")
    if count is None or count >= FEW_SUBJECTS:
        return []
    lowest = 2 / 2**count
    return [
        Text(
            f"**Only {count} subjects.** Intervals from so few are too narrow, and no test over subjects can give a p below "
            f"{p_text(lowest)}: these numbers say little about other people."
        )
    ]


def _classification(results: Sequence[Mapping[str, Any]], interval: str, drawn: str) -> list[Block]:
    tops = [name for name in ("top_2", "top_3", "top_5") if name in results[0]]
    header = [
        "system / prompt set",
        "UAR",
        "WAR",
        "macro F1",
        "weighted F1",
        "AUC",
        "mAP",
        *(t.replace("_", "-") for t in tops),
    ]
    rows = [
        [
            result_label(r),
            *(percent(r[n], r[f"{n}_interval"]) for n in _MAIN_LABELS),
            *(percent(r[n], r.get(f"{n}_interval")) for n in ("weighted_f1", "auc", "mean_average_precision")),
            *(percent(r[n]) for n in tops),
            plain_number(r["calibration_error"], r.get("calibration_error_interval")),
            _chance(r["chance"]),
        ]
        for r in results
    ]
    text = (
        f"In percent, with {drawn}. UAR is the mean recall of the classes, WAR is accuracy, AUC and mAP are means over the "
        "classes of one against all others. ECE is the expected calibration error, from 0 to 1. **By chance**: "
        f"{interval} interval of the UAR when the same predictions are shuffled over the clips, so that every class is "
        "predicted as often as before, and whether the UAR lies inside."
    )
    return [Table([*header, "ECE", "UAR by chance"], rows), Text(f"{text}{_score_resamples(results)}")]


def _score_resamples(results: Sequence[Mapping[str, Any]]) -> str:
    """How many resamples the intervals of metrics of scores rest on."""
    if not results[0].get("num_score_resamples"):
        return ""
    text = f" Intervals of AUC, mAP and ECE are of {results[0]['num_score_resamples']} resamples."
    left_out = {name: max(r["resamples_left_out"].get(name, 0) for r in results) for name in METRIC_NAMES}
    said = ", ".join(f"{METRIC_NAMES[name]} {count}" for name, count in left_out.items() if count)
    if said:
        text += f" Resamples without any class that has clips on both sides have no value and are left out, at most: {said}."
    return text


def _chance(chance: Mapping[str, Any]) -> str:
    low, high = (100 * end for end in chance["uar_interval"])
    return f"[{low:.1f}, {high:.1f}]: {'inside' if chance['within'] else 'outside'}"


def _retrieval(results: Sequence[Mapping[str, Any]], resampling: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    for direction, title in (
        ("video_to_text", "From a clip to its caption"),
        ("text_to_video", "From a caption to its clip"),
    ):
        first = results[0]["directions"][direction]
        names = [
            name
            for name in first
            if name.split("_at_")[0] in ("recall", "precision", "class_precision") and not name.endswith("interval")
        ]
        header = ["system / captions", *(_retrieval_name(name) for name in names), "median rank"]
        rows = []
        for result in results:
            values = result["directions"][direction]
            cells = [percent(values.get(n), values.get(f"{n}_interval")) for n in names]
            rows.append([result_label(result), *cells, f"{values['median_rank']:g}"])
        blocks += [Heading(title, 3), Table(header, rows)]
    found = results[0]["directions"]["video_to_text"]
    classes = "Class P@k: share of the first k whose clip has the query's class"
    if (labelled := found.get("num_class_queries", 0)) < found["num_queries"]:
        classes = f"{classes}, of the {labelled} clips that have one, searched among these" if labelled else ""
    return [
        *blocks,
        Text(
            f"In percent, of {found['num_queries']} queries and {found['num_candidates']} candidates. R@k: share of queries with "
            f"a right answer among the first k. P@k: share of right ones among the first k, with one right candidate R@k / k. "
            f"{_right_answers(results)}{classes}{'. ' if classes else ''}Equal similarities count against the query. In brackets: "
            f"{_drawn(results[0], resampling)}."
        ),
    ]


def _right_answers(results: Sequence[Mapping[str, Any]]) -> str:
    """What counts as right, which may differ by row: whole captions may all differ where their parts do not."""
    shared = [result_label(result) for result in results if result["exact_by"] == "caption"]
    if not shared:
        return "Right is a query's own caption or clip alone. "
    of = "" if len(shared) == len(results) else f", in {'; '.join(shared)}, where several clips share a caption,"
    return f"Right is a query's own caption or clip{' and' if of else ', or'}{of} one with an equal caption. "


def _retrieval_name(name: str) -> str:
    kind, k = name.split("_at_")
    return f"{ {'recall': 'R', 'precision': 'P', 'class_precision': 'class P'}[kind] }@{k}"


def _comparisons(comparisons: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not comparisons:
        return []
    header = ["systems", "prompt set", "metric", "difference", "p", "p corrected", "p over folds"]
    rows = [_comparison_row(entry) for entry in comparisons]
    compared = max(entry["num_compared"] for entry in comparisons)
    # Columns that say nothing: a single pair needs no correction, and there may be no folds.
    kept = [c for c in header if not (c == "p corrected" and compared == 1)]
    kept = [c for c in kept if not (c == "p over folds" and all(row[-1] == "-" for row in rows))]
    rows = [[row[header.index(column)] for column in kept] for row in rows]
    tests = " and ".join(sorted({entry["test"] for entry in comparisons}))
    text = (
        "In percentage points where the metric is in percent; the interval is that of the paired bootstrap, both systems on the same "
        f"resampled clips. p: {tests}; it is the chance of so large a difference if the systems were interchangeable."
    )
    if compared > 1:
        text += (
            f" Corrected: by Holm's rule for the {compared} pairs that are compared by the same metric; those below 0.05 hold "
            "together."
            f"{' p over folds is not corrected.' if 'p over folds' in kept else ''}"
        )
    return [Heading("Comparison on the same clips", 3), Table(kept, rows), Text(text)]


def _comparison_row(entry: Mapping[str, Any]) -> list[str]:
    name, places = entry["metric"], entry.get("direction", "").replace("_", " ")
    folds = entry.get("fold_p_value")
    return [
        f"{entry['system']} - {entry['other']}",
        entry["prompt_set"],
        f"{METRIC_NAMES.get(name, name.replace('recall_at_', 'R@'))} {places}".strip(),
        metric_value(name, entry["difference"], entry["interval"], signed=True),
        p_text(entry["p_value"]),
        p_text(entry["p_holm"]),
        "-" if folds is None else p_text(folds),
    ]


def _per_target(result: Mapping[str, Any]) -> list[Block]:
    targets = result["per_target"]
    columns = list(next(iter(targets.values())))
    rows = [
        [name, *(metric_value(c, v[c]) if c != "positives" else f"{v[c]:g}" for c in columns)]
        for name, v in targets.items()
    ]
    return [
        Heading(f"Each output: {result_label(result)}", 3),
        Table(["output", *(METRIC_NAMES.get(c, c.replace("_", " ")) for c in columns)], rows),
    ]


__all__ = ["section_blocks"]
