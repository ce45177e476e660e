# SPDX-License-Identifier: Apache-2.0
"""The one call: frame embeddings of a table's clips, from the store where they are there, computed where they are not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from filelock import FileLock

from emoclip.data.output import check_writable, replacing
from modeling_emoclip import EmoCLIPVideoProcessor
from modeling_emoclip.video_encoder_emoclip import EmoCLIPVideoEncoder

from .clip_keys import clip_keys
from .filling import LOCKS, Filling
from .identity import identity_key, store_identity
from .parts import STORAGE_TYPES, PartFiles
from .pieces import KeptFrames, PieceReader
from .store import FrameFeatureStore
from .tower import FrameTower
from .views import FrameViews


if TYPE_CHECKING:
    import datasets


@dataclass(frozen=True)
class FeatureSettings:
    """How frames are embedded and kept.

    Args:
        views: Versions of each frame; the default keeps what evaluation sees.
        kept: `grid` keeps every frame that any window can ask for; `window` only those of the window that evaluation takes, which
            is less for rules without a stride.
        subject_masks: Give the model the boxes of the table as masks of the subject.
        dtype: Number format of autocast in the tower; None computes in the weights' own.
        storage: `float32`, or `float16` for half the space at a relative error of 5e-4.
        batch_size: Frames at once through the tower.
        num_workers: Threads that decode ahead; 0 decodes in between.
    """

    views: FrameViews = field(default_factory=FrameViews)
    kept: KeptFrames = "grid"
    subject_masks: bool = False
    dtype: torch.dtype | None = None
    storage: str = "float32"
    batch_size: int = 64
    num_workers: int = 1

    def __post_init__(self) -> None:
        if self.storage not in STORAGE_TYPES:
            raise ValueError(f"`storage` must be one of {', '.join(STORAGE_TYPES)}, got {self.storage!r}.")
        if self.batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1, got {self.batch_size}.")
        if self.num_workers < 0:
            raise ValueError(f"`num_workers` must be 0 or more, got {self.num_workers}.")


def frame_features(
    rows: datasets.Dataset,
    model: EmoCLIPVideoEncoder,
    video_processor: EmoCLIPVideoProcessor,
    cache_dir: str | Path,
    *,
    settings: FeatureSettings | None = None,
    show_progress: bool = True,
    **changes: Any,
) -> FrameFeatureStore:
    """Return the frame embeddings of all rows; what `cache_dir` lacks is computed first and stays there.

    One folder may serve many models, data sets, folds and runs: embeddings go by the content of the clip, the weights of the image
    tower, the transform, the views and the code. Several processes may call this at once with the same or other rows; each clip is
    embedded by one of them. A call that was killed goes on where it was. A clip that cannot be decoded is logged, listed in
    `errors` of the result and left out.

    Args:
        rows: Of a manifest or a set of shards, as `emoclip.data.load` gives them.
        model: Any of ours with an image tower; it is used as it is, on its device.
        video_processor: The model's own.
        cache_dir: Holds one folder for each combination of weights, transform, views and code.
        settings: How frames are embedded and kept.
        show_progress: Draw a bar with the rate, on terminals only.
        changes: Fields of `FeatureSettings` to set.

    Raises:
        ValueError: A setting is out of its range, no clip can be read, or a part of the store is damaged.
        PermissionError: Something is to be computed and `cache_dir` cannot be written to.
    """
    chosen = FeatureSettings(**{**vars(settings or FeatureSettings()), **changes})
    identity = _identity(model, video_processor, chosen)
    folder = Path(cache_dir) / identity_key(identity)
    keys, errors = clip_keys(rows, boxes=chosen.subject_masks)
    parts = PartFiles.of(folder)
    places = parts.find(keys)
    wanted = np.array([row for row in np.flatnonzero(places[0] < 0) if row not in errors], dtype=np.int64)
    if len(wanted):
        tower = _tower(model, video_processor, chosen)
        _prepare(folder, identity)
        filling = Filling(
            folder, rows, keys, tower, chosen.storage, num_workers=chosen.num_workers, show_progress=show_progress
        )
        with _evaluating(model):
            errors |= filling.run(wanted)
        parts = PartFiles.of(folder)
        places = parts.find(keys)
    errors = _of_all_rows(errors, keys, places[0])
    if len(errors) == len(rows):
        raise ValueError(f"At least one clip must be readable, got {len(rows)} that are not: {errors.get(0, '')}")
    return FrameFeatureStore(rows, parts, places, views=chosen.views, video_processor=video_processor, errors=errors)


def missing_clips(
    rows: datasets.Dataset,
    model: EmoCLIPVideoEncoder,
    video_processor: EmoCLIPVideoProcessor,
    cache_dir: str | Path,
    **settings: Any,
) -> int:
    """How many clips `frame_features` would have to embed; nothing is computed or written. Arguments are the same."""
    chosen = FeatureSettings(**settings)
    parts = PartFiles.of(Path(cache_dir) / identity_key(_identity(model, video_processor, chosen)))
    keys, errors = clip_keys(rows, boxes=chosen.subject_masks)
    absent = np.flatnonzero(parts.find(keys)[0] < 0)
    return len({bytes(keys[row]) for row in absent if row not in errors})


def _identity(
    model: EmoCLIPVideoEncoder, video_processor: EmoCLIPVideoProcessor, chosen: FeatureSettings
) -> dict[str, Any]:
    return store_identity(
        model,
        video_processor,
        views=chosen.views,
        kept=chosen.kept,
        subject_masks=chosen.subject_masks,
        dtype=chosen.dtype,
        storage=chosen.storage,
    )


@contextmanager
def _evaluating(model: EmoCLIPVideoEncoder) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _of_all_rows(errors: dict[int, str], keys: np.ndarray, parts: np.ndarray) -> dict[int, str]:
    """The errors, in order, of rows too whose content is that of a row that failed."""
    told = {keys[row]: error for row, error in errors.items()}
    absent = (int(row) for row in np.flatnonzero(parts < 0))
    return {row: errors[row] if row in errors else told[keys[row]] for row in absent}


def _tower(model: EmoCLIPVideoEncoder, video_processor: EmoCLIPVideoProcessor, chosen: FeatureSettings) -> FrameTower:
    crop = chosen.views.random_crop == "none"
    if not crop and not video_processor.do_center_crop:
        raise ValueError("`random_crop` needs a processor that crops, got do_center_crop=False; turn it on.")
    reader = PieceReader(video_processor, kept=chosen.kept, subject_masks=chosen.subject_masks, crop=crop)
    return FrameTower(
        model,
        video_processor,
        reader,
        chosen.views,
        dtype=chosen.dtype,
        storage=chosen.storage,
        batch_size=chosen.batch_size,
    )


def _prepare(folder: Path, identity: dict[str, Any]) -> None:
    """Make the folder of a store and say in it what it holds."""
    check_writable(folder)
    locks, about = folder / LOCKS, folder / "features.json"
    locks.mkdir(exist_ok=True)
    with FileLock(locks / "about.lock"):
        if not about.is_file():
            with replacing(about) as temporary:
                temporary.write_text(json.dumps(identity, indent=2) + "\n", encoding="utf-8")


__all__ = ["FeatureSettings", "frame_features", "missing_clips"]
