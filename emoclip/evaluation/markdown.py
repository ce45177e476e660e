# SPDX-License-Identifier: Apache-2.0
"""A report's numbers as Markdown. Here, and only here, fractions become percent."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml


def render(report: Mapping[str, Any], *, picture: str | None = None) -> str:
    """The report as Markdown text.

    Args:
        report: As `emoclip.evaluation.results.summarize` gives it, with the optional key `run`: how it was made.
        picture: File name of the confusion matrix beside the text.
    """
    run = report.get("run") or {}
    sections = [
        _headline(report, run),
        _notes(run),
        _results(report),
        _comparisons(report),
        _per_class(report),
        _picture(report, picture),
        _left_out(run),
        _texts(run),
        _making(report, run),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is left-aligned, the others right-aligned."""
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def percent(value: float, interval: Sequence[float] | None = None, *, signed: bool = False) -> str:
    """`62.1 [57.9, 66.0]` from fractions."""
    form = "{:+.1f}" if signed else "{:.1f}"
    text = form.format(100 * value)
    return f"{text} [{form.format(100 * interval[0])}, {form.format(100 * interval[1])}]" if interval else text


def _headline(report: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    main = report["results"][0]
    dataset = run.get("dataset", {})
    name = f" on {dataset['name']}" if dataset.get("name") else ""
    split = f" (split `{dataset['split']}`)" if dataset.get("split") else ""
    return (
        f"# Zero-shot evaluation{name}\n\n"
        f"**UAR {percent(report['uar'], report['uar_interval'])} %** over {report['num_classes']} classes on "
        f"{report['num_clips']} clips{split}, by the system `{main['system']}` with the prompt set "
        f"`{main['prompt_set']}`."
    )


def _results(report: Mapping[str, Any]) -> str:
    rows = [
        [
            f"{result['system']} / {result['prompt_set']}",
            *(percent(result[name], result[f"{name}_interval"]) for name in ("uar", "war", "macro_f1")),
            "{}: {}".format(
                "[{:.1f}, {:.1f}]".format(*(100 * end for end in result["chance"]["uar_interval"])),
                "inside" if result["chance"]["within"] else "outside",
            ),
        ]
        for result in report["results"]
    ]
    options = report["resampling"]
    interval = f"{100 * options['confidence']:g} %"
    return (
        "## Results\n\n"
        + table(["system / prompt set", "UAR", "WAR", "macro F1", "UAR by chance"], rows)
        + f"\n\nAll in percent, with {interval} percentile bootstrap intervals over clips "
        f"({options['num_resamples']} resamples, seed {options['seed']}). UAR is the mean recall of the classes, WAR is "
        f"accuracy. *By chance*: {interval} interval of the UAR when the same predictions are shuffled over the clips, so "
        "that every class is predicted as often as before, and whether the UAR lies inside."
    )


def _comparisons(report: Mapping[str, Any]) -> str:
    if not report["comparisons"]:
        return ""
    rows = [
        [
            f"{entry['system']} - {entry['other']}",
            entry["prompt_set"],
            percent(entry["difference"], entry["interval"], signed=True),
            "yes" if entry["excludes_zero"] else "no",
        ]
        for entry in report["comparisons"]
    ]
    return (
        "## Comparison on the same clips\n\n"
        + table(["systems", "prompt set", "difference of UAR", "interval excludes 0"], rows)
        + "\n\nIn percentage points; paired bootstrap, both systems on the same resampled clips."
    )


def _per_class(report: Mapping[str, Any]) -> str:
    prompt_set = report["results"][0]["prompt_set"]
    chosen = [result for result in report["results"] if result["prompt_set"] == prompt_set]
    rows = [
        [
            name,
            str(report["clips_per_class"][name]),
            *(percent(r["per_class_recall"][name]) if name in r["per_class_recall"] else "" for r in chosen),
        ]
        for name in report["class_names"]
    ]
    header = ["class", "clips", *(result["system"] for result in chosen)]
    return f"## Recall of each class\n\nPrompt set `{prompt_set}`, in percent.\n\n" + table(header, rows)


def _picture(report: Mapping[str, Any], picture: str | None) -> str:
    if picture is None:
        return ""
    main = report["results"][0]
    return f"## Confusion matrix\n\n![Confusion matrix of {main['system']} with {main['prompt_set']}]({picture})"


def _notes(run: Mapping[str, Any]) -> str:
    """What the data set's manifest says that a reader of its numbers must know, such as clips shared with other sets."""
    notes = run.get("dataset", {}).get("notes")
    return "**About the data.** " + " ".join(notes) if notes else ""


def _left_out(run: Mapping[str, Any]) -> str:
    left_out = run.get("left_out")
    if not left_out:
        return ""
    lines = [f"- `{entry['clip_id']}`: {entry['error']}" for entry in left_out]
    return f"## Clips left out\n\n{len(lines)} clips could not be read and are in no number above.\n\n" + "\n".join(
        lines
    )


def _texts(run: Mapping[str, Any]) -> str:
    parts = [
        f"### {name}\n\n" + "\n".join(f"- **{label}**: {text}" for label, text in texts.items())
        for name, texts in run.get("texts", {}).items()
    ]
    return "## What stood for the classes\n\n" + "\n\n".join(parts) if parts else ""


def _making(report: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    models = {result["system"]: f"`{result['model']}` ({result['revision']})" for result in report["results"]}
    facts = {
        "command": f"`{run['command']}`" if run.get("command") else "",
        "commit": run.get("commit") or "",
        **{f"system `{name}`": text for name, text in models.items()},
        "manifest": f"`{run['dataset']['manifest']}`" if run.get("dataset") else "",
        "manifest sha256": report["manifest_sha256"],
        "licence of the data": run.get("dataset", {}).get("licence", ""),
        "speed": run.get("speed", ""),
        "number format": run.get("number_format", ""),
        "versions": json.dumps(run["versions"]).strip("{}").replace('"', "") if run.get("versions") else "",
    }
    text = "## How it was made\n\n" + "\n".join(f"- {name}: {value}" for name, value in facts.items() if value)
    if run.get("config"):
        text += "\n\n```yaml\n" + yaml.safe_dump(run["config"], sort_keys=False, allow_unicode=True) + "```"
    return text
