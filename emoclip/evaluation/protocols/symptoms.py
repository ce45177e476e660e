# SPDX-License-Identifier: Apache-2.0
"""Symptom scores of long videos: a regression on stretches of them, averaged to one prediction a video, leave-one-patient-out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import mse_loss

from emoclip.evaluation.clip_features import ClipFeatures
from emoclip.evaluation.clip_rows import Fold
from emoclip.evaluation.probes import MLPSettings, fit_mlp, mlp_outputs
from emoclip.evaluation.protocol_config import ProbeConfig, SymptomsConfig
from emoclip.evaluation.protocols.context import Context
from emoclip.evaluation.protocols.linear_probe import Targets, embeds_of, read_targets
from emoclip.evaluation.systems import Origin, System
from emoclip.evaluation.target_predictions import REGRESSION, TargetTable
from modeling_emoclip import EmoCLIPVideoProcessor
from modeling_emoclip.video_decoding_emoclip import probe_video


PROTOCOL = "symptoms"
logger = logging.getLogger(__name__)


def check_symptoms(context: Context, config: SymptomsConfig) -> None:
    """Checks targets, folds and patients before the first video is decoded.

    Raises:
        ValueError: If a divisor is of no target, there are no folds, or a patient is in several.
    """
    targets = read_targets(context, ProbeConfig(target="targets"))
    unknown = sorted(set(config.divisors) - set(targets.names))
    if unknown:
        raise ValueError(
            f"`symptoms.divisors` must be of the targets {', '.join(targets.names)}, got {', '.join(unknown)}."
        )
    if "file" not in context.clips.rows.column_names:
        raise ValueError(
            f"Stretches of long videos are read from files, {context.clips.path} holds the videos themselves; name the manifest "
            "that it was written from."
        )
    if context.config.clips.fold != "all":
        raise ValueError(
            f"Symptoms are judged leave-one-patient-out: set data.fold=all, got {context.config.clips.fold}."
        )
    folds, subjects = context.clips.column("test_fold"), context.clips.column("subject_id")
    home: dict[str, int] = {}
    for row, (fold, subject) in enumerate(zip(folds, subjects, strict=True)):
        if row in targets.values and subject is not None and home.setdefault(subject, fold) != fold:
            raise ValueError(
                f"A patient must be in one fold, got {subject} in {home[subject]} and {fold}; the regression would be judged "
                "on a patient that it has seen."
            )


def symptom_tables(context: Context, config: SymptomsConfig) -> list[TargetTable]:
    """One table per system, a row per video: the true scores and the mean prediction over its stretches."""
    targets = read_targets(context, ProbeConfig(target="targets"))
    found = []
    for spec in context.config.systems:
        means: dict[int, tuple[np.ndarray, int]] = {}
        origin = Origin()
        for system, folds in context.models(spec):
            origin.add(system)
            wanted = {row for fold in folds for row in (*fold.train.tolist(), *fold.test.tolist())}
            videos = sorted(wanted & set(targets.values))
            windows, owners = window_rows(context, videos, max(config.train_windows, config.test_windows), system)
            features = context.encode([system], np.arange(len(windows)), windows)[system.name]
            if context.is_main:
                means |= _mean_predictions(folds, targets, embeds_of(system, features), owners, config)
        found.append((spec.name, origin, means))
    # Of a video that is cut short one system may find a stretch, and another none.
    common = set.intersection(*(set(means) for _, _, means in found))
    return [
        _table(context, origin, name, targets, {video: means[video] for video in common})
        for name, origin, means in (found if context.is_main else ())
    ]


def window_rows(context: Context, videos: Sequence[int], count: int, system: System) -> tuple[Any, list[int]]:
    """Stretches of videos as rows of a table of their own, and the video of each.

    A stretch is as long as the frames that the model looks at; stretches are evenly spread over the video. A video that is no longer
    than one is one stretch. A video that cannot be read is named in the record and left out.

    Args:
        context: The run.
        videos: Row numbers.
        count: Stretches of a video, at most.
        system: Whose processor says how long a stretch is.

    Raises:
        ValueError: If no video can be read.
    """
    from datasets import Dataset

    length = span(system.encoder.video_processor)
    table: dict[str, list] = {name: [] for name in ("clip_id", "file", "media", "start_frame", "end_frame")}
    owners = []
    for video in videos:
        row = context.clips.rows[video]
        try:
            total = _num_frames(row)
        except ValueError as error:  # of one video; the others go on
            logger.warning("video left out: %s", error)
            context.errors[row["clip_id"]] = str(error)
            continue
        for start, end in stretches(total, length, count):
            values = (f"{row['clip_id']}@{start}", row["file"], row["media"], start, end)
            for name, value in zip(table, values, strict=True):
                table[name].append(value)
            owners.append(video)
    if not owners:
        raise ValueError(
            f"At least one video must be readable, got {len(videos)} that are not: {next(iter(context.errors.values()))}"
        )
    return Dataset.from_dict(table), owners


def stretches(total: int, length: int, count: int) -> list[tuple[int, int]]:
    """Up to `count` stretches of `length` frames, evenly spread over `total`, without repeats: first frame and the one after the last."""
    if total <= length:
        return [(0, total)]
    starts = np.unique(np.linspace(0, total - length, count).astype(int))
    return [(int(start), int(start) + length) for start in starts]


def span(video_processor: EmoCLIPVideoProcessor) -> int:
    """Frames of a video that one look of a model covers."""
    stride = video_processor.frame_stride if video_processor.frame_sampling == "emoclip" else 1
    return video_processor.num_frames * stride


def _num_frames(row: dict[str, Any]) -> int:
    if row.get("num_frames"):
        return int(row["num_frames"])
    info = probe_video(row["file"])
    if info.num_frames is None:
        raise ValueError(f"The number of frames must be known, the header of {row['file']} has none; set num_frames.")
    return info.num_frames


def _mean_predictions(
    folds: Sequence[Fold],
    targets: Targets,
    features: ClipFeatures,
    owners: Sequence[int],
    config: SymptomsConfig,
) -> dict[int, tuple[np.ndarray, int]]:
    """Video -> mean prediction over its stretches by the regression of its fold, and the fold."""
    divisors = np.array([config.divisors.get(name, 1.0) for name in targets.names], dtype=np.float32)
    mean_of: dict[int, tuple[np.ndarray, int]] = {}
    for fold in folds:
        tested = set(fold.test.tolist()) & set(owners)
        trained = _places(features, owners, set(fold.train.tolist()), config.train_windows)
        judged = _places(features, owners, tested, config.test_windows)
        if not trained or not judged:
            continue
        values = torch.from_numpy(targets.of([owners[features.rows[place]] for place in trained]) / divisors)
        settings = MLPSettings(
            config.hidden_size, config.epochs, config.batch_size, config.learning_rate, (15,), config.seed
        )
        head = fit_mlp(features.values[trained], values, len(targets.names), mse_loss, settings)
        outputs = mlp_outputs(head, features.values[judged]).numpy() * divisors
        for video in sorted(tested):
            rows = [row for row, place in enumerate(judged) if owners[features.rows[place]] == video]
            if rows:
                mean_of[video] = (outputs[rows].mean(axis=0), fold.number or 0)
    return mean_of


def _table(
    context: Context, origin: Origin, name: str, targets: Targets, mean_of: dict[int, tuple[np.ndarray, int]]
) -> TargetTable:
    """The table."""
    if not mean_of:
        raise ValueError("Every fold needs videos that can be read, to fit on and to judge, got none that has both.")
    videos = sorted(mean_of)
    return TargetTable(
        task=REGRESSION,
        clip_ids=context.clip_ids(videos),
        references=targets.of(videos),
        scores=np.stack([mean_of[video][0] for video in videos]),
        class_names=targets.names,
        model=origin.model,
        revision=origin.revision,
        prompt_set=PROTOCOL,
        manifest_sha256=context.clips.about.sha256,
        system=name,
        columns={**context.clips.known(videos), "fold": [mean_of[video][1] for video in videos]},
        protocol=PROTOCOL,
        dataset=context.clips.about.dataset,
    )


def _places(features: ClipFeatures, owners: Sequence[int], videos: set[int], count: int) -> list[int]:
    """Places in the features of up to `count` stretches of each of the videos, evenly spread."""
    by_video: dict[int, list[int]] = {}
    for place, row in enumerate(features.rows):
        if owners[row] in videos:
            by_video.setdefault(owners[row], []).append(place)
    chosen = []
    for places in by_video.values():
        wanted = np.unique(np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(int))
        chosen += [places[index] for index in wanted]
    return chosen


__all__ = ["PROTOCOL", "check_symptoms", "span", "stretches", "symptom_tables", "window_rows"]
