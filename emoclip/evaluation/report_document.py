# SPDX-License-Identifier: Apache-2.0
"""A report's numbers as a document: headline, sections, clips, pictures of embeddings, and how it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from emoclip.evaluation.document import Block, Code, Heading, Items, Picture, Table, Text, percent
from emoclip.evaluation.section_document import section_blocks
from emoclip.evaluation.wording import METRIC_NAMES, metric_value, result_label, section_title


def report_blocks(report: Mapping[str, Any]) -> list[Block]:
    """The document of a report.

    Args:
        report: As `emoclip.evaluation.results.summarize` gives it, with the optional keys `run` (how it was made), `pictures` and
            `clips` (best and worst).
    """
    run, pictures = report.get("run") or {}, report.get("pictures") or []
    blocks = [*_headline(report, run), *_notes(run)]
    for number, section in enumerate(report["sections"]):
        blocks += section_blocks(
            section,
            [result for result in report["results"] if result["section"] == number],
            [entry for entry in report["comparisons"] if entry["section"] == number],
            [picture for picture in pictures if picture["section"] == number],
            report["resampling"],
        )
    blocks += [*_clips(report.get("clips")), *_kind(pictures, "embeddings", "Embeddings")]
    blocks += [*_kind(pictures, "attention", "Where the subject token looks"), *_left_out(run), *_texts(run)]
    return blocks + _making(report, run)


def summary_lines(report: Mapping[str, Any]) -> list[str]:
    """What a command prints: one line per result and comparison, section by section."""
    lines = []
    for number, section in enumerate(report["sections"]):
        if len(report["sections"]) > 1:
            lines.append(f"{section_title(section['protocol'])} ({section['num_clips']} clips)")
        lines += [_result_line(result) for result in report["results"] if result["section"] == number]
        compared = [entry for entry in report["comparisons"] if entry["section"] == number]
        # The report has all metrics; of labels one a pair is enough here.
        lines += [_comparison_line(entry) for entry in compared if entry["metric"] not in ("war", "macro_f1")]
    return lines


def _result_line(result: Mapping[str, Any]) -> str:
    name = result_label(result)
    if result["task"] == "classification":
        chance = "inside" if result["chance"]["within"] else "outside"
        folds = f", mean of folds {percent(result['folds']['uar']['mean'])} %" if result["folds"] else ""
        return (
            f"{name}: UAR {percent(result['uar'], result['uar_interval'])} %{folds}, WAR {percent(result['war'])} %, "
            f"macro F1 {percent(result['macro_f1'])} % ({chance} the chance interval)"
        )
    if result["task"] == "retrieval":
        parts = [
            f"{direction.replace('_', ' ')} {_first_recall(values)}, median rank {values['median_rank']:g}"
            for direction, values in result["directions"].items()
        ]
        return f"{name}: {'; '.join(parts)}"
    known = [metric for metric in METRIC_NAMES if metric in result]
    return f"{name}: " + ", ".join(f"{METRIC_NAMES[m]} {metric_value(m, result[m])}" for m in known)


def _first_recall(values: Mapping[str, Any]) -> str:
    """`R@1 33.3 %`, at the smallest k that was asked for; without one that the clips are enough for only their number."""
    name = next((name for name in values if name.startswith("recall_at_")), None)
    if name is None:
        return f"{values['num_candidates']} candidates, fewer than every k"
    return f"{name.replace('recall_at_', 'R@')} {percent(values[name])} %"


def _comparison_line(entry: Mapping[str, Any]) -> str:
    metric = entry["metric"]
    direction = entry.get("direction", "").replace("_", " ")
    name = f"{METRIC_NAMES.get(metric, metric.replace('recall_at_', 'R@'))} {direction}".strip()
    difference = metric_value(metric, entry["difference"], entry["interval"], signed=True)
    corrected = f" ({entry['p_holm']:.3g} corrected for {entry['num_compared']})" if entry["num_compared"] > 1 else ""
    pair = f"{entry['system']} - {entry['other']} / {entry['prompt_set']}"
    return f"{pair}: {difference} of {name}, p = {entry['p_value']:.3g}{corrected}"


def _headline(report: Mapping[str, Any], run: Mapping[str, Any]) -> list[Block]:
    main = report["results"][0]
    dataset = run.get("dataset", {})
    known = dataset.get("name") or report["dataset"]
    split = f" (split `{dataset['split']}`)" if dataset.get("split") else ""
    title = Heading(
        f"{'Zero-shot evaluation' if main['protocol'] == 'zero_shot' else 'Evaluation'}{f' on {known}' if known else ''}",
        1,
    )
    by = f"by the system `{main['system']}` with the prompt set `{main['prompt_set']}`"
    if "uar" in report:
        text = f"**UAR {percent(report['uar'], report['uar_interval'])} %** over {report['num_classes']} classes on {report['num_clips']} clips{split}, {by}."
    else:
        text = f"{section_title(main['protocol'])} of {report['num_clips']} clips{split}, {by}."
    return [title, Text(text)]


def _notes(run: Mapping[str, Any]) -> list[Block]:
    """What a reader must know: the manifest's notes, such as clips shared with other sets, and runs that are not compared."""
    notes, alone = run.get("dataset", {}).get("notes"), run.get("without_counterpart")
    return [
        *([Text("**About the data.** " + " ".join(notes))] if notes else []),
        *([Text("**Not compared.** " + " ".join(alone))] if alone else []),
    ]


def _clips(clips: Mapping[str, Any] | None) -> list[Block]:
    """Best and worst clips of the main result."""
    blocks: list[Block] = []
    for kind, title in (("best", "Right by the widest margin"), ("worst", "Wrong by the widest margin")):
        entries: Sequence[Mapping[str, Any]] = (clips or {}).get(kind, [])
        if entries:
            header = [
                "clip",
                "true class",
                "recognised as",
                "score of the true class",
                "score of the other or next",
                "caption",
            ]
            rows = [_clip_row(entry) for entry in entries]
            blocks += [Heading(title, 3), Table(header, rows)]
    return (
        [
            Heading("Best and worst clips"),
            Text("Of the main result; every class once before one comes again."),
            *blocks,
        ]
        if blocks
        else []
    )


def _clip_row(entry: Mapping[str, Any]) -> list[str]:
    other = entry["score_of_reference"] - entry["margin"]
    numbers = [f"{entry['score_of_reference']:.3f}", f"{other:.3f}"]
    return [f"`{entry['clip_id']}`", entry["reference"], entry["prediction"], *numbers, entry["caption"] or "-"]


def _kind(pictures: Sequence[Mapping[str, Any]], kind: str, title: str) -> list[Block]:
    chosen: list[Block] = [
        Picture(picture["file"], picture["caption"]) for picture in pictures if picture["kind"] == kind
    ]
    return [Heading(title), *chosen] if chosen else []


def _left_out(run: Mapping[str, Any]) -> list[Block]:
    left_out = run.get("left_out")
    if not left_out:
        return []
    lines = [f"`{entry['clip_id']}`: {entry['error']}" for entry in left_out]
    return [
        Heading("Clips left out"),
        Text(f"{len(lines)} clips could not be read and are in no number above."),
        Items(lines),
    ]


def _texts(run: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    for name, texts in run.get("texts", {}).items():
        said = {label: text if isinstance(text, str) else " / ".join(text) for label, text in texts.items()}
        blocks += [Heading(name, 3), Items([f"**{label}**: {text}" for label, text in said.items()])]
    return [Heading("What stood for the classes"), *blocks] if blocks else []


def _making(report: Mapping[str, Any], run: Mapping[str, Any]) -> list[Block]:
    models = {result["system"]: f"`{result['model']}` ({result['revision']})" for result in report["results"]}
    facts = {
        "command": f"`{run['command']}`" if run.get("command") else "",
        "commit": run.get("commit") or "",
        **{f"system `{name}`": text for name, text in models.items()},
        "manifest": f"`{run['dataset']['manifest']}`" if run.get("dataset", {}).get("manifest") else "",
        "manifest sha256": report["manifest_sha256"],
        "licence of the data": run.get("dataset", {}).get("licence", ""),
        "speed": run.get("speed", ""),
        "number format": run.get("number_format", ""),
        "versions": json.dumps(run["versions"]).strip("{}").replace('"', "") if run.get("versions") else "",
    }
    blocks: list[Block] = [
        Heading("How it was made"),
        Items([f"{name}: {value}" for name, value in facts.items() if value]),
    ]
    if run.get("config"):
        blocks.append(Code(yaml.safe_dump(run["config"], sort_keys=False, allow_unicode=True), "yaml"))
    return blocks


__all__ = ["report_blocks", "summary_lines"]
