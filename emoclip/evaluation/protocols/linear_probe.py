# SPDX-License-Identifier: Apache-2.0
"""Probes: the features of clips stay as they are, a small model is fitted on those of the training clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from emoclip.evaluation.clip_features import ClipFeatures
from emoclip.evaluation.clip_rows import Fold
from emoclip.evaluation.predictions import PredictionTable
from emoclip.evaluation.probes import (
    MLPSettings,
    fit_mlp,
    logistic_scores,
    mlp_outputs,
    one_vs_rest_scores,
    ridge_values,
    smoothed,
    unit_length,
)
from emoclip.evaluation.protocol_config import ProbeConfig
from emoclip.evaluation.protocols.context import Context, Part
from emoclip.evaluation.systems import Origin, System
from emoclip.evaluation.target_predictions import MULTI_LABEL, REGRESSION, TargetTable


PROTOCOL = "linear_probe"
CLASSES, LABELS, NUMBERS = "classes", "labels", "numbers"


@dataclass(frozen=True)
class Targets:
    """What a probe is to say of each clip.

    Args:
        kind: `classes`, `labels` or `numbers`.
        names: Of the outputs.
        values: Row number -> class id, or float32 (outputs,); rows without a value are not in it.
    """

    kind: str
    names: list[str]
    values: dict[int, int | np.ndarray]

    def of(self, numbers: Sequence[int]) -> np.ndarray:
        """Values of rows: int64 (clips,) or float32 (clips, outputs)."""
        return np.array([self.values[number] for number in numbers])


def read_targets(context: Context, config: ProbeConfig) -> Targets:
    """The targets of every row that has them.

    Raises:
        ValueError: If the manifest lacks the column, or no row has a value.
    """
    columns = (config.target,) if isinstance(config.target, str) else config.target
    values: dict[int, int | np.ndarray] = {}
    if columns == ("label",) and config.kind in ("mlp", "logistic"):
        names, kind = context.class_names, CLASSES
        values = {row: label for row, label in enumerate(context.clips.column("label")) if label is not None}
    elif columns == ("labels",) and config.kind in ("mlp", "one_vs_rest"):
        names, kind = context.class_names, LABELS
        for row, labels in enumerate(context.clips.column("labels")):
            # No label at all is an answer too, where a set has been annotated.
            if labels is not None:
                values[row] = np.isin(np.arange(len(names)), labels).astype(np.float32)
    elif config.kind in ("mlp", "ridge"):
        kind = NUMBERS
        names, values = _numbers(context, columns)
    else:
        raise ValueError(
            f"A probe of the kind {config.kind} cannot have the target {config.target!r}; logistic takes label, one_vs_rest "
            "labels, ridge numbers."
        )
    if not values:
        raise ValueError(f"At least one clip must have a value in {', '.join(columns)}, got none.")
    return Targets(kind, list(names), values)


def probe_rows(context: Context, config: ProbeConfig) -> np.ndarray:
    """Row numbers that a probe needs.

    Raises:
        ValueError: If there is nothing to fit on or to judge.
    """
    targets = read_targets(context, config)
    wanted: set[int] = set()
    for _, train, test in _sides(context, config):
        wanted |= set(train.tolist()) | set(test.tolist())
    return np.array(sorted(wanted & set(targets.values)), dtype=np.int64)


def check_probe(context: Context, name: str, config: ProbeConfig) -> None:
    """Checks that every fold has clips to fit on, of every class at least one, and that none of them is judged.

    Raises:
        ValueError: If one has not.
    """
    targets = read_targets(context, config)
    for fold, train, test in _sides(context, config):
        place = f"the probe {name}" + ("" if fold.number is None else f" in fold {fold.number}")
        found = [number for number in train.tolist() if number in targets.values]
        if not found or not any(number in targets.values for number in test.tolist()):
            raise ValueError(
                f"{place[0].upper()}{place[1:]} must have clips to fit on and clips to judge, got {len(found)} of "
                f"{len(train)} training clips with a value; see data.train_split and eval_splits."
            )
        both = sorted(set(found) & set(test.tolist()))
        if both:
            raise ValueError(
                f"{place[0].upper()}{place[1:]} must be judged on clips that it was not fitted on, got {len(both)} that are both, first "
                f"{context.clip_ids(both[:1])[0]!r}; choose another data.split, data.train_split or eval_splits."
            )
        if targets.kind == CLASSES and not config.allow_absent_classes:
            absent = sorted(set(range(len(targets.names))) - {int(targets.values[number]) for number in found})
            if absent:
                raise ValueError(
                    f"Every class must have a clip to fit {place} on, there is none of "
                    f"{', '.join(targets.names[label] for label in absent)}; choose other folds, leave the "
                    "class out of the manifest or set allow_absent_classes."
                )


def linear_probe_tables(context: Context, name: str, config: ProbeConfig) -> list[PredictionTable | TargetTable]:
    """One table per system and split that the probe is judged on."""
    targets = read_targets(context, config)
    tables: list[PredictionTable | TargetTable] = []
    for spec in context.config.systems:
        collected: dict[str, list[tuple[list[int], int | None, np.ndarray]]] = {}
        origin = Origin()
        for part in context.parts(spec, with_train=True):
            origin.add(part.system)
            if context.is_main:
                for split, numbers, fold, scores in _judged(context, config, targets, part):
                    collected.setdefault(split, []).append((numbers, fold, scores))
        tables += [
            _table(context, origin, spec.name, name, targets, found, _protocol(split))
            for split, found in collected.items()
        ]
    return tables


def _judged(
    context: Context, config: ProbeConfig, targets: Targets, part: Part
) -> Iterator[tuple[str, list[int], int | None, np.ndarray]]:
    """Split, rows, fold and scores of every side that a system is judged on."""
    embeds = embeds_of(part.system, part.features)
    for fold, train, test in _sides(context, config, part.folds):
        fitted, features = embeds.take([n for n in train.tolist() if n in targets.values])
        for split, rows in _by_split(context, config, test):
            numbers, judged = embeds.take([n for n in rows if n in targets.values])
            if numbers:
                scores = _scores(config, targets, features, targets.of(fitted), judged)
                yield split, numbers, fold.number, scores


def embeds_of(system: System, features: ClipFeatures) -> ClipFeatures:
    """The clips' embeddings alone: what X-CLIP keeps besides, for its texts, is nothing to fit on."""
    return replace(features, values=system.encoder.clip_embeds(features.values))


def _scores(
    config: ProbeConfig, targets: Targets, features: torch.Tensor, values: np.ndarray, judged: torch.Tensor
) -> np.ndarray:
    width = len(targets.names)
    if config.kind == "mlp":
        return _mlp_scores(config, targets.kind, width, features, values, judged)
    train, test = unit_length(features), unit_length(judged)
    settings = {"regularization": config.regularization, "max_iter": config.max_iter, "seed": config.seed}
    if config.kind == "logistic":
        return logistic_scores(train, values.tolist(), test, width, **settings)
    if config.kind == "one_vs_rest":
        return one_vs_rest_scores(train, values, test, **settings)
    predicted = ridge_values(train, values, test, config.regularization)
    return smoothed(predicted, config.smooth_window, config.smooth_order) if config.smooth_window else predicted


def _mlp_scores(
    config: ProbeConfig,
    kind: str,
    width: int,
    features: torch.Tensor,
    values: np.ndarray,
    judged: torch.Tensor,
) -> np.ndarray:
    losses: dict[str, Callable[..., torch.Tensor]] = {
        CLASSES: cross_entropy,
        LABELS: binary_cross_entropy_with_logits,
        NUMBERS: mse_loss,
    }
    settings = MLPSettings(
        config.hidden_size,
        config.epochs,
        config.batch_size,
        config.learning_rate,
        config.milestones,
        config.seed,
    )
    outputs = mlp_outputs(fit_mlp(features, torch.as_tensor(values), width, losses[kind], settings), judged)
    if kind == CLASSES:
        outputs = outputs.softmax(dim=-1)
    elif kind == LABELS:
        outputs = outputs.sigmoid()
    return outputs.numpy()


def _sides(
    context: Context, config: ProbeConfig, folds: Sequence[Fold] | None = None
) -> Iterator[tuple[Fold, np.ndarray, np.ndarray]]:
    """Fold, rows to fit on and rows to judge."""
    for fold in context.folds if folds is None else folds:
        test = fold.test
        if config.eval_splits is not None:
            if fold.number is not None:
                raise ValueError("`eval_splits` are for a fixed split, got data.fold; leave one of them out.")
            test = np.concatenate([context.clips.select(split) for split in config.eval_splits])
        yield fold, fold.train, test


def _by_split(context: Context, config: ProbeConfig, test: np.ndarray) -> Iterator[tuple[str, list[int]]]:
    if config.eval_splits is None:
        yield "", test.tolist()
        return
    splits = context.clips.column("split")
    for split in config.eval_splits:
        yield split, [number for number in test.tolist() if splits[number] == split]


def _protocol(split: str) -> str:
    """Splits have other clips, so a report keeps them apart, and finds by their names what is published of them."""
    return f"{PROTOCOL}.{split}" if split else PROTOCOL


def _numbers(context: Context, columns: Sequence[str]) -> tuple[list[str], dict[int, int | np.ndarray]]:
    """Names and values of columns of numbers; a column of lists, such as `targets`, has one name per entry."""
    data = [context.clips.column(name) for name in columns]
    width = max((len(value) for value in data[0] if isinstance(value, list)), default=0)
    if width:
        named = context.class_names if len(context.class_names) == width else None
        names = list(named) if named else [f"{columns[0]}_{place}" for place in range(width)]
        rows = {row: value for row, value in enumerate(data[0]) if value and None not in value}
    else:
        names = list(columns)
        rows = {row: values for row, values in enumerate(zip(*data, strict=True)) if None not in values}
    return names, {row: _row_of_numbers(context, row, value, columns, len(names)) for row, value in rows.items()}


def _row_of_numbers(
    context: Context, row: int, value: Sequence[Any], columns: Sequence[str], width: int
) -> np.ndarray:
    """The targets of one clip: float32 (outputs,).

    Raises:
        ValueError: If they are not as many finite numbers as there are outputs.
    """
    plain = all(isinstance(number, int | float) for number in value)
    if not plain or len(value) != width or not np.isfinite(value).all():
        raise ValueError(
            f"Targets of a probe must be {width} finite numbers a clip, got {list(value)} in {', '.join(columns)} for the clip "
            f"{context.clip_ids([row])[0]!r}; a clip without a value is null."
        )
    return np.array(value, dtype=np.float32)


def _table(
    context: Context,
    origin: Origin,
    name: str,
    prompt_set: str,
    targets: Targets,
    found: Sequence[tuple[list[int], int | None, np.ndarray]],
    protocol: str,
) -> PredictionTable | TargetTable:
    numbers = [number for rows, _, _ in found for number in rows]
    shared: dict[str, Any] = {
        "clip_ids": context.clip_ids(numbers),
        "scores": np.concatenate([scores for _, _, scores in found]),
        "class_names": targets.names,
        "model": origin.model,
        "revision": origin.revision,
        "prompt_set": prompt_set,
        "manifest_sha256": context.clips.about.sha256,
        "system": name,
        "columns": context.columns(numbers, [fold for rows, fold, _ in found for _ in rows]),
        "protocol": protocol,
        "dataset": context.clips.about.dataset,
    }
    if targets.kind == CLASSES:
        return PredictionTable(references=targets.of(numbers).tolist(), **shared)
    task = MULTI_LABEL if targets.kind == LABELS else REGRESSION
    return TargetTable(task=task, references=targets.of(numbers), **shared)


__all__ = ["PROTOCOL", "check_probe", "embeds_of", "linear_probe_tables", "probe_rows", "read_targets"]
