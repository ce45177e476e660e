# SPDX-License-Identifier: Apache-2.0
"""What a distillation leaves beside the model: how it was made, and what was left out."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emoclip.config_loading import dump_config
from emoclip.data.manifest import fingerprint, read_manifest
from emoclip.data.output import replacing
from emoclip.distillation.config import DistillConfig
from emoclip.distillation.instructions import shown
from emoclip.distillation.pairs import FeaturePairs
from emoclip.export.card import hub_licence
from emoclip.provenance import command_line, git_commit, package_versions


def run_record(
    config: DistillConfig,
    pairs: FeaturePairs,
    features: Sequence[Mapping[str, Any]],
    seconds: Mapping[str, float],
    skipped: int,
) -> dict[str, Any]:
    """The content of `run.json`, as JSON takes it.

    Args:
        config: Of the run.
        pairs: What was fitted to.
        features: What each kept feature of a teacher depends on.
        seconds: How long the steps took.
        skipped: Clips that could not be read.
    """
    return {
        "command": command_line(),
        "commit": git_commit(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_fingerprint": data_fingerprint(config),
        "features": list(features),
        "pairs": len(pairs),
        "clips": pairs.num_clips,
        "skipped": skipped,
        "seconds": dict(seconds),
        "versions": package_versions(),
    }


def training_story(config: DistillConfig, pairs: FeaturePairs) -> str:
    """What the card says of the training, as Markdown."""
    teachers = "; ".join(
        f"`{teacher.name}` under {', '.join(repr(shown(name)) for name in teacher.instructions)}"
        for teacher in config.teachers
    )
    sources = [f"features of {teachers}"] if config.fit.teacher_weight else []
    sources += ["the captions of the clips"] if config.fit.caption_weight else []
    return (
        f"The towers are those of {config.model.name}, untouched. The projection behind them was fitted to "
        f"{' and '.join(sources)}: {len(pairs):,} pictures of {pairs.num_clips:,} clips of `{config.data.manifest}` (sha256 "
        f"`{data_fingerprint(config)}`), seed {config.seed}, commit `{git_commit() or 'unknown'}`.\n\n"
        f"```bash\n{command_line()}\n```\n\nThe resolved configuration:\n\n```yaml\n{dump_config(config)}```"
    )


def licence_of(config: DistillConfig) -> str:
    """The licence of the data as the Hub spells it, `unknown` for what is no manifest."""
    if not Path(config.data.manifest).is_file():
        return "unknown"
    return hub_licence(read_manifest(config.data.manifest, check_media=False, checked_only=True).licence)


def data_fingerprint(config: DistillConfig) -> str:
    """SHA-256 of the manifest, `unknown` for what is none."""
    return fingerprint(config.data.manifest) if Path(config.data.manifest).is_file() else "unknown"


def write_skipped(path: Path, rows: Any, skipped: Mapping[int, str]) -> None:
    """Write the clips that could not be read as a table `clip_id, error`; no file where there are none.

    Args:
        path: Of the table.
        rows: Of the data.
        skipped: A sentence for each row.
    """
    path.unlink(missing_ok=True)
    if not skipped:
        return
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["clip_id", "error"])
        writer.writerows([rows[row]["clip_id"], error] for row, error in sorted(skipped.items()))


def write_text(path: Path, text: str) -> None:
    """Write a file, which appears under its name when it is complete."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


__all__ = ["data_fingerprint", "licence_of", "run_record", "training_story", "write_skipped", "write_text"]
