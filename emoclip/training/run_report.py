# SPDX-License-Identifier: Apache-2.0
"""`report.md` and `curves.png`: one page on a finished run, from its log and records."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip.console import require
from emoclip.data.output import replacing
from emoclip.provenance import command_line, git_commit, package_versions
from emoclip.training.result import source_names


if TYPE_CHECKING:
    from emoclip.training.loop import TrainingRun

# What the picture shows, one axis each, where the log has it.
CURVES = ("loss", "validation", "lr", "logit_scale")


def write_report(run: "TrainingRun") -> Path:
    """Write both into the run folder and return the page."""
    folder = run.config.output_dir
    lines = read_log(folder / "metrics.jsonl")
    try:
        draw_curves(lines, folder / "curves.png")
        picture = "![Loss and rates over the steps](curves.png)"
    except ImportError as error:
        # The run is worth more than its picture.
        picture = f"No curves: {error}"
    page = folder / "report.md"
    with replacing(page) as temporary:
        temporary.write_text(report_text(run, lines, picture), encoding="utf-8")
    return page


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of `metrics.jsonl`."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def report_text(run: "TrainingRun", lines: Sequence[dict[str, Any]], picture: str) -> str:
    """The page as Markdown.

    Args:
        run: that is finished.
        lines: of its log.
        picture: Markdown in place of the curves.
    """
    config = run.config
    unfit = f" {run.skipped.unfit:,} without what the task needs," if run.skipped.unfit else ""
    trained = sum(p.numel() for group in run.optimizer.param_groups for p in group["params"])
    rows = [
        ("steps", f"{run.step:,} in {-(-run.step // run.steps_per_epoch):,} epochs"),
        ("clips", f"{run.data.extent} of {source_names(config.data)}"),
        ("skipped", f"{run.skipped.clips:,} clips that could not be read,{unfit} {run.skipped.steps:,} steps"),
        ("data, sha256", f"`{run.fingerprint}`"),
        ("parameters that learned", f"{trained:,}"),
        ("processes, number format", f"{run.accelerator.num_processes}, {run.accelerator.mixed_precision}"),
        ("seed", str(config.seed)),
        ("commit", f"`{git_commit() or 'unknown'}`"),
        ("versions", ", ".join(f"{name} {version}" for name, version in package_versions().items())),
    ]
    table = "\n".join(["| what | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
    return (
        f"# Training run {config.output_dir.name}\n\n"
        f"The model is in `model/`. {selection_story(run)}\n\n"
        f"{picture}\n\n{_figures(lines)}\n\n{table}\n\n"
        f"```bash\n{command_line()}\n```\n\nThe whole configuration is in `config.yaml`, every figure in `metrics.jsonl`.\n"
    )


def selection_story(run: "TrainingRun") -> str:
    """Which weights the model has, and what that means for figures on the same clips."""
    config, best = run.config, run.selection
    if best.best_step is None:
        return "Its weights are the last ones."
    if config.selection == "train_loss":
        return f"Its weights are those of step {best.best_step:,}, with the lowest mean training loss, {best.best_value:.4g}."
    validation = config.validation
    if validation is None:
        return ""
    story = (
        f"Its weights are those of step {best.best_step:,}, with the best {validation.metric} on the split "
        f"`{validation.split}`, {best.best_value:.4f}."
    )
    if validation.is_test:
        story += (
            " **These weights were selected on the test split:** figures on that split are too good and must not be reported as a "
            "test of this model."
        )
    elif run.validation is not None and run.validation.num_reported:
        story += (
            f" **{run.validation.num_reported:,} of these {len(run.validation.rows):,} clips are kept for the test:** figures on them "
            "are too good and must not be reported as a test of this model."
        )
    return story


def _figures(lines: Sequence[dict[str, Any]]) -> str:
    """First, lowest or highest and last value of each curve, as a table."""
    names = [name for name in _names(lines) if name == "loss" or name.startswith("validation_")]
    names += [name for name in ("clips_per_second", "data_wait", "peak_memory_gb") if name in _names(lines)]
    rows = []
    for name in names:
        values = [line[name] for line in lines if name in line]
        rows.append(f"| {name} | {values[0]:.4g} | {min(values):.4g} | {max(values):.4g} | {values[-1]:.4g} |")
    return "\n".join(["| figure | first | lowest | highest | last |", "|---|---|---|---|---|", *rows])


def _names(lines: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for line in lines for name in line))


def draw_curves(lines: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw what the log has of `CURVES` over the steps, one below the other."""
    require("matplotlib", "train")
    from matplotlib.figure import Figure

    groups = {
        curve: [name for name in _names(lines) if name == curve or name.startswith(f"{curve}_")] for curve in CURVES
    }
    groups = {curve: names for curve, names in groups.items() if names}
    figure = Figure(figsize=(8, 2.2 * max(1, len(groups))), layout="constrained")
    axes = figure.subplots(max(1, len(groups)), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (curve, names) in zip(axes, groups.items(), strict=False):
        for name in names:
            points = [(line["step"], line[name]) for line in lines if name in line]
            axis.plot(*zip(*points, strict=True), marker="." if len(points) < 60 else None, label=name)
        axis.set_ylabel(curve)
        axis.grid(alpha=0.3)
        if len(names) > 1:
            axis.legend(fontsize="small")
    axes[-1].set_xlabel("step")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


__all__ = ["draw_curves", "read_log", "report_text", "selection_story", "write_report"]
