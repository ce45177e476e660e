# SPDX-License-Identifier: Apache-2.0
"""What storing the frame embeddings of a run will take, from a few clips; and a stand-in for the store, for trying steps."""

import dataclasses
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from torch.utils.data import Dataset

from emoclip.features import FrameFeatureDataset
from emoclip.features.embedding import missing_clips
from emoclip.training.data import CaptionedClips
from emoclip.training.frozen_features import feature_settings, frozen_features


if TYPE_CHECKING:
    from emoclip.training.loop import TrainingRun

# Clips that are embedded for the estimate.
SAMPLE = 8


class Estimate(NamedTuple):
    """Of filling the store.

    Args:
        missing: clips that it lacks.
        total: clips of the run.
        seconds: for one clip.
        num_bytes: of one clip.
    """

    missing: int
    total: int
    seconds: float
    num_bytes: float


class SampledFeatures(Dataset):
    """The embeddings of a few clips in place of those of all.

    Args:
        clips: of the few.
        total: how many there are to be.
    """

    def __init__(self, clips: FrameFeatureDataset, total: int):
        self._clips, self._total = clips, total

    def __len__(self) -> int:
        return self._total

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**self._clips[index % len(self._clips)], "index": index}

    def set_epoch(self, epoch: int) -> None:
        """Choose the random draws of an epoch."""
        self._clips.set_epoch(epoch)


@contextmanager
def sampled_features(run: "TrainingRun") -> Iterator[Estimate]:
    """A block in which the run's batches are made of the embeddings of a few clips; gives what embedding all will take.

    The few lie in a temporary folder, which goes with the block; `data.features_dir` is only looked into.
    """
    data = run.data
    if not isinstance(data, CaptionedClips):
        raise TypeError(f"Features are stored of clips with random access, got {type(data).__name__}.")
    config, processor = run.config.data, run.processor.video_processor
    model, precision = run.accelerator.unwrap_model(run.model), str(run.accelerator.mixed_precision)
    missing = missing_clips(data.rows, model, processor, config.features_dir, **feature_settings(config, precision))
    total = len(data.rows)
    sample = data.rows.select(list(range(0, total, max(1, total // SAMPLE)))[:SAMPLE])
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        there = dataclasses.replace(config, features_dir=Path(folder))
        store = frozen_features(there, sample, model, processor, precision=precision, show_progress=False)
        seconds = (time.perf_counter() - start) / len(sample)
        num_bytes = sum(path.stat().st_size for path in Path(folder).rglob("*.arrow")) / len(sample)
        data.use_clips(SampledFeatures(FrameFeatureDataset(store, training=True, seed=data.seed), total))
        yield Estimate(missing, total, seconds, num_bytes)


__all__ = ["SAMPLE", "Estimate", "SampledFeatures", "sampled_features"]
