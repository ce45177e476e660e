# SPDX-License-Identifier: Apache-2.0
"""Batches for training: clips from the manifest, each with one of its captions."""

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader

from emoclip.data import load
from emoclip.data.clips import ClipDataset, clip_generator, collate_clips
from emoclip.data.sampling import EpochBatchSampler
from emoclip.training.clip_loader import ClipLoader, NotedClips, WorkerNotes
from emoclip.training.config import TrainConfig
from emoclip.training.feature_cache import FeatureCache
from emoclip.training.sentiment import sentiment_logits
from modeling_emoclip import EmoCLIPProcessor


class Batch(NamedTuple):
    """What one process trains on in one step.

    Args:
        inputs: tensors with a row for each clip; None where no clip could be read.
        errors: clip id -> sentence, for the clips that could not.
        clip_ids: of the rows.
    """

    inputs: dict[str, torch.Tensor] | None
    errors: dict[str, str]
    clip_ids: list[str]


class CaptionedClips:
    """An endless, restartable source of training batches.

    A batch's inputs are what the model's `forward` takes: `pixel_values_videos` (B, T, 3, H, W), `frame_mask` (B, T), `input_ids`
    (B, L), `attention_mask` (B, L), on request `subject_masks` and `sentiment_logits`; beside it come the sentences about clips that could not be decoded.

    Args:
        config: the run; `data` says which clips, `seed` fixes order, windows and captions.
        processor: makes pixels and tokens.
        rank, world_size: which share of each global batch is this process's.

    Raises:
        ValueError: a clip has no caption, or there are too few clips.
    """

    def __init__(self, config: TrainConfig, processor: EmoCLIPProcessor, rank: int = 0, world_size: int = 1):
        rows = load(config.data.manifest, split=config.data.split)
        self.captions: list[list[str]] = [list(captions or ()) for captions in rows["captions"]]
        self.clip_ids: list[str] = list(rows["clip_id"])
        self.tokenizer = processor.tokenizer
        self.seed = config.seed
        self._check_captions(config)
        self.sentiment = sentiment_logits(rows, str(config.data.manifest)) if config.data.sentiment else None
        self.clips = ClipDataset(
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
        self._features: FeatureCache | None = None
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
        notes = WorkerNotes()
        loader = DataLoader(
            NotedClips(self.clips, self.clip_ids, notes),
            batch_sampler=self.sampler,
            num_workers=config.data.num_workers,
            collate_fn=collate_clips,
            pin_memory=torch.cuda.is_available(),
            # Its own, because starting a loader draws a number: from the global generator a resumed run would draw once more.
            generator=torch.Generator().manual_seed(config.seed),
        )
        self.loader = ClipLoader(loader, notes)

    def use_features(self, encode: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """From now on yield `frame_embeds` (B, T, D), computed once a clip by `encode`, in place of pixels."""
        self._features = FeatureCache(self.clips, encode)

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
        batches: Any = self.loader if self._features is None else map(self._features.batch, self.sampler)
        for batch in batches:
            errors = {self.clip_ids[index]: message for index, message in batch.pop("errors").items()}
            if "index" not in batch:
                yield Batch(None, errors, [])
                continue
            indices = batch.pop("index").tolist()
            tokens = self.tokenizer(
                [self.caption(epoch, index) for index in indices],
                padding=True,
                truncation=True,
                return_tensors="pt",
            )
            inputs = {**batch, "input_ids": tokens["input_ids"], "attention_mask": tokens["attention_mask"]}
            if self.sentiment is not None:
                inputs["sentiment_logits"] = self.sentiment[indices]
            yield Batch(inputs, errors, [self.clip_ids[index] for index in indices])

    def caption(self, epoch: int, index: int) -> str:
        """The caption of a clip in an epoch: one of its own, drawn by (seed, epoch, clip)."""
        captions = self.captions[index]
        # Another stream than the frame window's, or caption and window would be tied together.
        generator = clip_generator(self.seed + 1, epoch, index)
        return captions[int(torch.randint(len(captions), (), generator=generator))]

    def _check_captions(self, config: TrainConfig) -> None:
        without = [clip_id for clip_id, captions in zip(self.clip_ids, self.captions, strict=True) if not captions]
        if without:
            raise ValueError(
                f"Every training clip needs a caption, but {len(without)} of {len(self.clip_ids)} in {config.data.manifest} "
                f"have none, the first is {without[0]!r}. Add captions or choose another split."
            )


__all__ = ["Batch", "CaptionedClips"]
