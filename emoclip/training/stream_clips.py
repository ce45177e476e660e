# SPDX-License-Identifier: Apache-2.0
"""Training batches from a stream: shards that are read one after the other, from disk or the network."""

from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from datasets.distributed import split_dataset_by_node
from torch.utils.data import IterableDataset

from emoclip.console import require
from emoclip.data import load
from emoclip.data.clips import clip_generator, collate_clips
from emoclip.data.shards import ShardIndex
from emoclip.data.source import manifest_file, source_class_names
from emoclip.data.stream import ClipStream, stable_number
from emoclip.data.worker_notes import WorkerNotes
from emoclip.training.clip_loader import ClipLoader
from emoclip.training.config import DataConfig, TrainConfig
from emoclip.training.data import Batch
from emoclip.training.sentiment import SENTIMENT_COLUMN, sentiment_logits
from emoclip.training.targets import TARGET_COLUMNS, Targets, build_targets
from modeling_emoclip import EmoCLIPProcessor, EmoCLIPVideoProcessor


class StreamedClips:
    """An endless source of training batches with the interface of `CaptionedClips`.

    Each process and each of its workers goes through its own shards again and again, so that none waits for another at the end of a
    pass. An epoch is a number of batches: as many as the clips fill. Clips without what the task needs are refused before the first
    step where the source is a manifest, and skipped and counted where it is one of shards.

    Args:
        config: the run.
        processor: makes pixels and tokens.
        rank, world_size: this process and how many there are.

    Attributes:
        num_clips: of an epoch.
        extent: the same in words, for the report.
        num_sentiments: of a clip, where the run uses them; None where the first clips of the shards have none.

    Raises:
        ValueError: the number of clips is not known, another key asks for random access, or a clip of a manifest has no caption,
            label or sentiment.
    """

    def __init__(self, config: TrainConfig, processor: EmoCLIPProcessor, rank: int = 0, world_size: int = 1):
        data = config.data
        rows = load(data.manifest, split=data.split, fold=data.fold, streaming=True)
        self.num_clips = data.clips_per_epoch or count_clips(data.manifest, data.split, data.fold)
        self.extent = f"a stream ({self.num_clips:,} clips an epoch)"
        self.targets = build_targets(config.task, source_class_names(data.manifest), processor.tokenizer)
        self.num_sentiments = _first_sentiments(rows) if data.sentiment else None
        if manifest_file(data.manifest) is not None:
            self._check_targets(data)
        self._length = self.num_clips // (data.batch_size * world_size)
        if not self._length:
            raise ValueError(
                f"`batch_size` times processes must be at most the number of clips, {self.num_clips}, got {data.batch_size} x "
                f"{world_size}. Choose a smaller batch_size or more clips."
            )
        notes = WorkerNotes()
        stream = PassStream(
            rows,
            processor.video_processor,
            notes,
            seed=config.seed,
            rank=rank,
            world_size=world_size,
            horizontal_flip=data.horizontal_flip,
            rotation_degrees=data.rotation_degrees,
            random_crop=data.random_crop,
            subject_masks=data.subject_masks,
        )
        loader = require("torchdata.stateful_dataloader", "train").StatefulDataLoader(
            EndlessClips(stream, self.targets, data.sentiment, self.num_sentiments),
            batch_size=data.batch_size,
            num_workers=data.num_workers,
            collate_fn=collate_taught,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator().manual_seed(config.seed),
        )
        self._with_sentiment = data.sentiment
        self._stateful = loader
        self.loader = ClipLoader(loader, notes)
        self._batches: Iterator[Any] | None = None

    def _check_targets(self, data: DataConfig) -> None:
        rows = load(data.manifest, split=data.split, fold=data.fold, check_media=False)
        # Whole columns: reading a million rows one by one would take minutes.
        columns = {name: list(rows[name]) for name in TARGET_COLUMNS if name in rows.column_names}
        about = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
        self.targets.check(about, str(data.manifest))
        if data.sentiment:
            sentiment_logits(rows, str(data.manifest))

    def __len__(self) -> int:
        """Batches of one epoch."""
        return self._length

    def epoch(self, epoch: int, first_batch: int = 0) -> Generator[Batch, None, None]:
        """Yield the next batches of the stream, to the end of an epoch; it goes on where it is, whatever the numbers say."""
        if self._batches is None:
            self._batches = iter(self.loader)
        for _ in range(first_batch, self._length):
            batch = next(self._batches, None)
            if batch is None:
                raise ValueError(
                    f"Every process and worker needs a shard of its own, got {self._stateful.num_workers} workers a process; write "
                    "smaller shards or lower data.num_workers."
                )
            yield self._batch(batch)

    def state(self) -> dict[str, Any]:
        """The position behind the last batch that was given out."""
        return {"num_workers": self._stateful.num_workers, "loader": self._stateful.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on behind the position of `state`.

        Raises:
            ValueError: it belongs to another number of workers, each of which has a place of its own.
        """
        if state["num_workers"] != self._stateful.num_workers:
            raise ValueError(
                f"A stream goes on with the data.num_workers that it was stopped with, {state['num_workers']}, got "
                f"{self._stateful.num_workers}."
            )
        self._stateful.load_state_dict(state["loader"])

    def close(self) -> None:
        """End the workers."""
        if self._batches is not None:
            self._batches.close()  # type: ignore[attr-defined]
            self._batches = None

    def death(self, error: BaseException) -> str | None:
        """See `ClipLoader.death`."""
        return self.loader.death(error)

    def _batch(self, batch: dict[str, Any]) -> Batch:
        errors, unfit = batch.pop("errors"), batch.pop("unfit")
        if "index" not in batch:
            return Batch(None, errors, [], unfit)
        clip_ids, drawn, rows = batch.pop("index"), batch.pop("target"), batch.pop("row")
        inputs = {**batch, **self.targets.collate(drawn)}
        if self._with_sentiment:
            inputs[SENTIMENT_COLUMN] = torch.tensor([row[SENTIMENT_COLUMN] for row in rows], dtype=torch.float32)
        return Batch(inputs, errors, clip_ids, unfit)


def collate_taught(items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A batch as `collate_clips` makes it, and `unfit` {clip id: sentence} of items that cannot be taught."""
    items = list(items)
    unfit = {item["index"]: item["unfit"] for item in items if "unfit" in item}
    return {**collate_clips(item for item in items if "unfit" not in item), "unfit": unfit}


def _first_sentiments(rows: Iterable[dict[str, Any]]) -> int | None:
    """Of the first clip that has any, among the few that a shard gives before it takes long."""
    return next((len(row[SENTIMENT_COLUMN]) for row in islice(rows, 16) if row.get(SENTIMENT_COLUMN)), None)


class EndlessClips(IterableDataset):
    """The clips of a stream pass after pass, each with what it is taught as `target`, drawn by (seed, pass, clip id).

    Args:
        stream: gives each clip once a pass.
        targets: what clips are taught.
        with_sentiment: whether they need the sentiment of their text too.
        num_sentiments: of each text; None takes any number.
    """

    def __init__(
        self, stream: ClipStream, targets: Targets, with_sentiment: bool = False, num_sentiments: int | None = None
    ):
        self.stream = stream
        self.targets = targets
        self._with_sentiment = with_sentiment
        self._num_sentiments = num_sentiments

    def __iter__(self) -> Iterator[dict[str, Any]]:
        # One pass may be empty: that of a stream which stopped exactly behind the last clip of it. A process without a shard of its own
        # would look for clips for ever.
        num_empty = 0
        while num_empty < 2:
            num_empty += 1
            for item in self.stream:
                num_empty = 0
                yield item if "error" in item else self._taught(item)
            self.stream.set_epoch(self.stream.epoch + 1)

    def _taught(self, item: dict[str, Any]) -> dict[str, Any]:
        row = item["row"]
        lack = self.targets.lack(row)
        if lack is None and self._with_sentiment:
            lack = self._lack_of_sentiment(row.get(SENTIMENT_COLUMN))
        if lack is not None:
            return {"index": item["index"], "unfit": lack}
        # Another stream of numbers than the frame window's, or caption and window would be tied together.
        generator = clip_generator(self.stream.seed + 1, self.stream.epoch, stable_number(item["index"]))
        return {**item, "target": self.targets.draw(row, generator)}

    def _lack_of_sentiment(self, logits: list[float] | None) -> str | None:
        if not logits:
            return f"it has no `{SENTIMENT_COLUMN}`"
        if self._num_sentiments not in (None, len(logits)):
            return f"it has {len(logits)} sentiments and the first clip {self._num_sentiments}"
        return None

    def state_dict(self) -> dict[str, Any]:
        """The position of the stream."""
        return self.stream.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on behind a position."""
        self.stream.load_state_dict(state)


class PassStream(ClipStream):
    """A stream that each worker may move to its next pass by itself, and whose workers note the clip that they are at.

    `ClipStream` tells the epoch to all workers through memory they share, so one that began its next pass would change the order and
    the draws of another that has not. Here each pass is a shuffle of its own, and its number an ordinary one.

    Args:
        rows, video_processor, arguments: as for `ClipStream`.
        notes: where to.
    """

    def __init__(
        self,
        rows: Any,
        video_processor: EmoCLIPVideoProcessor,
        notes: WorkerNotes,
        *,
        rank: int,
        world_size: int,
        **arguments: Any,
    ):
        self._source, self._place, self._pass = rows, (rank, world_size), 0
        self.notes = notes
        super().__init__(rows, video_processor, training=True, **arguments)
        self.set_epoch(0)

    @property
    def epoch(self) -> int:
        """The pass whose order and random draws are made, in this worker."""
        return self._pass

    def set_epoch(self, epoch: int) -> None:
        """Choose the order and the random draws of a pass, in this worker."""
        self._pass = epoch
        # One clip waits at a time, for what waits when a run stops would be lost.
        rows = self._source.shuffle(seed=(self.seed << 20) + epoch, buffer_size=1, max_buffer_input_shards=1)
        rank, world_size = self._place
        self._rows = split_dataset_by_node(rows, rank, world_size) if world_size > 1 else rows

    def _item(self, row: dict[str, Any]) -> dict[str, Any]:
        self.notes.write(row["clip_id"])
        return super()._item(row)


def count_clips(source: str | Path, split: str | None, fold: int | None = None) -> int:
    """Clips that a pass over a source gives.

    Raises:
        ValueError: the source does not say it.
    """
    path = Path(source)
    if manifest_file(source) is not None:
        return len(load(path, split=split, fold=fold, check_media=False))
    if path.is_dir() and fold is None:
        clips = ShardIndex.read(path).clips
        return clips[split] if split is not None else sum(clips.values())
    raise ValueError(
        f"How many clips {source} streams is not known before they are read; give their number as data.clips_per_epoch."
    )


__all__ = ["EndlessClips", "PassStream", "StreamedClips", "collate_taught", "count_clips"]
