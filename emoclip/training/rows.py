# SPDX-License-Identifier: Apache-2.0
"""Which clips a run trains on: a split or the training side of a fold, without a class or a person, with stills mixed in."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emoclip.data import load
from emoclip.data.media_columns import MEDIA_COLUMNS
from emoclip.data.source import source_class_names
from emoclip.training.config import DataConfig


if TYPE_CHECKING:
    import datasets

logger = logging.getLogger(__name__)

_KEPT = (
    *("clip_id", "label", "labels", "captions", "targets", "subject_id", "split", "test_fold", "boxes", "sha256"),
    *("sentiment_logits", *MEDIA_COLUMNS),
)


@dataclass(frozen=True)
class TrainingRows:
    """The clips of a run, undecoded.

    Args:
        rows: of all manifests.
        class_names: of the first manifest, in the order of `label`; of scores their names, in the order of `targets`.
    """

    rows: "datasets.Dataset"
    class_names: list[str]


def training_rows(config: DataConfig) -> TrainingRows:
    """Read and select the clips that a configuration names.

    Raises:
        FileNotFoundError: a manifest or a clip is not there.
        ValueError: there is no such split, fold, class or person, or nothing is left.
    """
    class_names = source_class_names(config.manifest)
    parts = [_selected(load(config.manifest, split=config.split, fold=config.fold), config, class_names)]
    for manifest in config.mix:
        own_names = source_class_names(manifest)
        more = _with_classes(load(manifest, split="train"), own_names, class_names, manifest)
        parts.append(_selected(more, config, class_names, is_extra=True))
    return TrainingRows(_joined(parts, config), class_names)


def _joined(parts: "list[datasets.Dataset]", config: DataConfig) -> "datasets.Dataset":
    from datasets import concatenate_datasets

    if len(parts) == 1:
        return parts[0]
    try:
        return concatenate_datasets(parts)
    except ValueError as error:
        sources = ", ".join(map(str, (config.manifest, *config.mix)))
        raise ValueError(
            f"`mix` needs manifests alone, or shards with the same classes alone, got {sources}; give the manifests that the shards "
            "were written from."
        ) from error


def _selected(
    rows: "datasets.Dataset", config: DataConfig, class_names: Sequence[str], *, is_extra: bool = False
) -> "datasets.Dataset":
    """Without the class or the person that is left out."""
    keep = np.ones(len(rows), dtype=bool)
    if config.left_out_class is not None:
        if config.left_out_class not in class_names:
            raise ValueError(
                f"`left_out_class` must be one of {', '.join(class_names)}, got {config.left_out_class!r}."
            )
        left_out = class_names.index(config.left_out_class)
        several: list[Any] = list(rows["labels"]) if "labels" in rows.column_names else [None] * len(rows)
        keep &= [
            label != left_out and left_out not in (more or ())
            for label, more in zip(rows["label"], several, strict=True)
        ]
    if config.left_out_subject is not None:
        subjects = list(rows["subject_id"])
        if config.left_out_subject not in subjects and not is_extra:
            raise ValueError(
                f"`left_out_subject` must be a `subject_id` of {config.manifest}, got {config.left_out_subject!r}."
            )
        keep &= [subject != config.left_out_subject for subject in subjects]
    if not keep.any():
        raise ValueError(f"At least one clip of {config.manifest} must be left to train on, got none.")
    rows = rows.select_columns([name for name in _KEPT if name in rows.column_names])
    return rows if keep.all() else rows.select(np.flatnonzero(keep))


def _with_classes(
    rows: "datasets.Dataset", own_names: Sequence[str], class_names: Sequence[str], manifest: Path
) -> "datasets.Dataset":
    """Rows of a further manifest with the class ids and the targets of the first; rows of classes that it has not are left out and told."""
    numbers = {own_names.index(name): class_names.index(name) for name in own_names if name in class_names}
    labels = list(rows["label"])
    several = list(rows["labels"]) if "labels" in rows.column_names else [None] * len(rows)
    classes = [more or [] if label is None else [label] for label, more in zip(labels, several, strict=True)]
    is_kept = [not ids or any(number in numbers for number in ids) for ids in classes]
    unknown = Counter(
        "+".join(own_names[number] for number in ids) for ids, kept in zip(classes, is_kept, strict=True) if not kept
    )
    if classes and not any(is_kept):
        raise ValueError(
            f"`mix` must share classes with the first manifest, {', '.join(class_names)}; {manifest} has {', '.join(own_names)}."
        )
    for name, count in unknown.items():
        logger.warning("%d clips of %s are left out: the first manifest has no class %r", count, manifest, name)
    rows = rows.select(np.flatnonzero(is_kept))
    columns: dict[str, list[Any]] = {
        "clip_id": [f"{manifest.stem}/{clip_id}" for clip_id in rows["clip_id"]],
        "label": [None if label is None else numbers[label] for label in rows["label"]],
    }
    if "labels" in rows.column_names:
        columns["labels"] = [_known(ids, numbers) for ids in rows["labels"]]
    if "targets" in rows.column_names:
        columns["targets"] = _targets_by_name(list(rows["targets"]), own_names, class_names, manifest)
    features = {name: rows.features[name] for name in columns}
    rows = rows.remove_columns(list(columns))
    for name, values in columns.items():
        rows = rows.add_column(name, values, feature=features[name])
    return rows


def _known(ids: Sequence[int] | None, numbers: Mapping[int, int]) -> list[int] | None:
    return None if ids is None else [numbers[number] for number in ids if number in numbers]


def _targets_by_name(
    targets: list[Sequence[float] | None], own_names: Sequence[str], class_names: Sequence[str], manifest: Path
) -> list[list[float] | None]:
    """The targets in the order of the first manifest; none where they cannot be told apart by its names."""
    given = [values for values in targets if values]
    missing = [name for name in class_names if name not in own_names]
    others = [len(values) for values in given if len(values) != len(own_names)]
    if given and missing:
        logger.warning("the targets of %s are left out: it has none for %r", manifest, missing[0])
    elif others:
        logger.warning(
            "the targets of %s are left out: it has %d class names, and %d numbers",
            manifest,
            len(own_names),
            others[0],
        )
    if missing or others:
        return [None] * len(targets)
    order = [own_names.index(name) for name in class_names]
    return [[values[place] for place in order] if values else None for values in targets]


__all__ = ["TrainingRows", "training_rows"]
