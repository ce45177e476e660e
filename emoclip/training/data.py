# SPDX-License-Identifier: Apache-2.0
"""Batches for training: clips from the manifest, each with a text, a label or scores."""

from collections.abc import Generator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader

from emoclip.data.clips import ClipDataset, clip_generator, collate_clips
from emoclip.data.sampling import EpochBatchSampler
from emoclip.data.worker_notes import NotedClips, WorkerNotes
from emoclip.features import FrameFeatureDataset, FrameFeatureStore
from emoclip.training.clip_loader import ClipLoader
from emoclip.training.config import TrainConfig
from emoclip.training.rows import TrainingRows, training_rows
from emoclip.training.sentiment import sentiment_logits
from emoclip.training.targets import TARGET_COLUMNS, TextTargets, build_targets
from modeling_emoclip import EmoCLIPProcessor


class Batch(NamedTuple):
    """What one process trains on in one step.

    Args:
        inputs: tensors with a row for each clip; None where no clip could be read.
        errors: clip id -> sentence, for the clips that could not.
        clip_ids: of the rows.
        unfit: clip id -> sentence, for the clips of a stream that have not what the task needs.
    """

    inputs: dict[str, torch.Tensor] | None
    errors: dict[str, str]
    clip_ids: list[str]
    unfit: Mapping[str, str] = MappingProxyType({})


class CaptionedClips:
    """An endless, restartable source of training batches.

    A batch's inputs are what the model's `forward` takes: `pixel_values_videos` (B, T, 3, H, W), `frame_mask` (B, T), what the clips
    are taught, see `emoclip.training.targets`, and on request `subject_masks` and `sentiment_logits`; beside it come the sentences
    about clips that could not be decoded.

    Args:
        config: the run; `data` says which clips, `task` what they are taught, `seed` fixes order, windows and captions.
        processor: makes pixels and tokens.
        rank, world_size: which share of each global batch is this process's.
        chosen: the clips, if they were read before.

    Attributes:
        num_clips: of an epoch.
        extent: the same in words, for the report.
        num_sentiments: of a clip, where the run uses them.

    Raises:
        ValueError: a clip has no caption or label, or there are too few clips.
    """

    def __init__(
        self,
        config: TrainConfig,
        processor: EmoCLIPProcessor,
        rank: int = 0,
        world_size: int = 1,
        chosen: TrainingRows | None = None,
    ):
        chosen = chosen or training_rows(config.data)
        self.rows = rows = chosen.rows
        self.clip_ids: list[str] = list(rows["clip_id"])
        self.seed = config.seed
        self.targets = build_targets(config.task, chosen.class_names, processor.tokenizer)
        # As columns of Python's own: reading a row of the table would take as long as a small model's step.
        self._columns = {name: list(rows[name]) for name in TARGET_COLUMNS if name in rows.column_names}
        self.targets.check(map(self.about, range(len(rows))), str(config.data.manifest))
        self.sentiment = sentiment_logits(rows, str(config.data.manifest)) if config.data.sentiment else None
        self.num_sentiments = None if self.sentiment is None else self.sentiment.shape[1]
        self.clips: ClipDataset | FrameFeatureDataset = ClipDataset(
            rows,
            processor.video_processor,
            training=True,
            horizontal_flip=config.data.horizontal_flip,
            rotation_degrees=config.data.rotation_degrees,
            random_crop=config.data.random_crop,
            subject_masks=config.data.subject_masks,
            seed=config.seed,
            cache=config.data.cache_frames,
        )
        if config.data.class_balanced:
            _check_labels(self.clip_ids, list(rows["label"]), str(config.data.manifest))
        self.sampler = EpochBatchSampler(
            len(rows),
            config.data.batch_size,
            config.seed,
            rank,
            world_size,
            labels=list(rows["label"]) if config.data.class_balanced else None,
            # Any clip gives as many frames as any other; a still gives one.
            lengths=[int(kind != "image") for kind in rows["media"]] if config.data.bucket_by_length else None,
            drop_last=config.data.drop_last,
        )
        self.num_clips = len(rows)
        self.extent = f"{len(rows):,} clips"
        notes = WorkerNotes()
        loader = DataLoader(
            NotedClips(self.clips, self.clip_ids, notes),
            batch_sampler=self.sampler,
            num_workers=config.data.num_workers,
            collate_fn=collate_clips,
            pin_memory=torch.cuda.is_available(),
            generator=self._own_generator(),
        )
        self.loader = ClipLoader(loader, notes)

    def use_features(self, store: FrameFeatureStore) -> None:
        """From now on yield `frame_embeds` (B, T, D) from a store of these rows in place of pixels."""
        self.use_clips(FrameFeatureDataset(store, training=True, seed=self.seed))

    def use_clips(self, clips: Any) -> None:
        """From now on take the items of `clips`, which has the same rows and needs no decoding."""
        self.clips = clips
        # Reading is a look into memory: no workers.
        loader = DataLoader(
            self.clips, batch_sampler=self.sampler, collate_fn=collate_clips, generator=self._own_generator()
        )
        self.loader = ClipLoader(loader, WorkerNotes())

    def _own_generator(self) -> torch.Generator:
        """Starting a loader draws a number: from the global generator a run that goes on would draw once more."""
        return torch.Generator().manual_seed(self.seed)

    def texts(self) -> list[str]:
        """Every text that a clip may get; none where labels are taught."""
        if not isinstance(self.targets, TextTargets):
            return []
        return [text for index in range(len(self.rows)) for text in self.targets.texts(self.about(index))]

    def about(self, index: int) -> dict[str, Any]:
        """What the targets of a clip are made of."""
        return {name: values[index] for name, values in self._columns.items()}

    def __len__(self) -> int:
        """Batches of one epoch."""
        return len(self.sampler)

    def state(self) -> dict[str, Any]:
        """Nothing: the position is a function of the step."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Do nothing, see `state`."""

    def close(self) -> None:
        """Do nothing: workers end with the iteration over an epoch."""

    def death(self, error: BaseException) -> str | None:
        """See `ClipLoader.death`."""
        return self.loader.death(error)

    def epoch(self, epoch: int, first_batch: int = 0) -> Generator[Batch, None, None]:
        """Yield the batches of an epoch from one on."""
        self.sampler.set_position(epoch, first_batch)
        self.clips.set_epoch(epoch)
        for batch in self.loader:
            errors = {self.clip_ids[index]: message for index, message in batch.pop("errors").items()}
            if "index" not in batch:
                yield Batch(None, errors, [])
                continue
            indices = batch.pop("index").tolist()
            targets = self.targets.collate([self.target(epoch, index) for index in indices])
            inputs = {**batch, **targets}
            if self.sentiment is not None:
                inputs["sentiment_logits"] = self.sentiment[indices]
            yield Batch(inputs, errors, [self.clip_ids[index] for index in indices])

    def target(self, epoch: int, index: int) -> Any:
        """What a clip is taught in an epoch, drawn by (seed, epoch, clip)."""
        # Another stream than the frame window's, or caption and window would be tied together.
        return self.targets.draw(self.about(index), clip_generator(self.seed + 1, epoch, index))


def _check_labels(clip_ids: Sequence[str], labels: Sequence[int | None], source: str) -> None:
    without = [clip_id for clip_id, label in zip(clip_ids, labels, strict=True) if label is None]
    if without:
        raise ValueError(
            f"`data.class_balanced` needs a label for every clip, but {len(without)} of {len(labels)} in {source} have none, the first "
            f"is {without[0]!r}; leave them out of the manifest or set class_balanced=false."
        )


__all__ = ["Batch", "CaptionedClips"]
