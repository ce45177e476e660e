# SPDX-License-Identifier: Apache-2.0
"""Streams: every clip once, whoever shares them, in an order of (seed, epoch), from any position."""

import json
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import pytest
import torch
from torchdata.stateful_dataloader import StatefulDataLoader

from emoclip.data import load
from emoclip.data.clips import collate_clips
from emoclip.data.manifest import write_manifest
from emoclip.data.sharding import write_shards
from emoclip.data.stream import ClipStream
from modeling_emoclip import EmoCLIPVideoProcessor


NUM_CLIPS = 23
# A set of shards in either form, and a manifest whose media lie beside it.
SOURCES = ("parquet", "webdataset", "m.parquet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, short_clip: Path) -> Path:
    """23 clips, one of them broken, as a manifest and in shards of two."""
    root = tmp_path_factory.mktemp("stream")
    rows = []
    for number in range(NUM_CLIPS):
        data = b"no video" if number == 5 else short_clip.read_bytes()
        (root / f"{number}.mp4").write_bytes(data)
        rows.append(
            {
                "clip_id": f"c{number}", "path": f"{number}.mp4", "media": "video", "split": "train", "label": number % 2,
                "test_fold": number % 3 + 1, "captions": ["a smile"] if number % 4 else None,
            }
        )  # fmt: skip
    write_manifest(root / "m.parquet", rows, class_names=["a", "b"], dataset="toy", licence="CC0-1.0", source="test")
    for form in ("parquet", "webdataset"):
        write_shards(root / "m.parquet", root / form, format=form, shard_bytes=2 * short_clip.stat().st_size)
    return root


@pytest.fixture
def make_stream(folder: Path) -> Callable[..., ClipStream]:
    def make(
        rank: int = 0, world_size: int = 1, epoch: int = 0, training: bool = True, source: str = "parquet", **selection
    ) -> ClipStream:
        processor = EmoCLIPVideoProcessor(num_frames=3, frame_stride=2, size=16, crop_size=16)
        rows = load(folder / source, streaming=True, **selection)
        stream = ClipStream(
            rows, processor, training=training, seed=7, rank=rank, world_size=world_size, horizontal_flip=True
        )
        stream.set_epoch(epoch)
        return stream

    return make


def names(stream: ClipStream) -> list[str]:
    return [item["index"] for item in stream]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("world_size", [1, 2, 5, 13])
def test_processes_share_all_clips_without_overlap(make_stream: Callable, source: str, world_size: int) -> None:
    """Seen by two, a clip counts twice; seen by none, it is lost. There are 12 shards: for 5 and 13 processes they do not divide."""
    parts = [names(make_stream(rank, world_size, source=source)) for rank in range(world_size)]
    together = [name for part in parts for name in part]
    assert sorted(together) == sorted(f"c{number}" for number in range(NUM_CLIPS))


def test_order_and_draws_depend_on_seed_and_epoch_only(make_stream: Callable) -> None:
    """A second run must be the first; a second epoch must not."""
    first, again, other = make_stream(epoch=1), make_stream(epoch=1), make_stream(epoch=2)
    items, same = list(first), list(again)
    assert [item["index"] for item in items] == [item["index"] for item in same] != names(other)
    good = [place for place, item in enumerate(items) if "error" not in item]
    assert all(torch.equal(items[place]["pixel_values_videos"], same[place]["pixel_values_videos"]) for place in good)
    assert names(make_stream(training=False)) == names(make_stream(training=False, epoch=3))


@pytest.mark.parametrize(
    ("num_workers", "source", "selection"),
    [
        (0, "parquet", {}),
        (2, "parquet", {"split": "train", "fold": 2}),
        (2, "webdataset", {"task": "captions"}),
        (2, "m.parquet", {}),
    ],
)
def test_stopped_loader_goes_on_at_the_next_clip(
    make_stream: Callable, num_workers: int, source: str, selection: dict
) -> None:
    """Repeated or left out, clips change the weights a resumed run ends with."""

    def loader(epoch: int) -> StatefulDataLoader:
        stream = make_stream(rank=1, world_size=2, epoch=epoch, source=source, **selection)
        return StatefulDataLoader(stream, batch_size=2, num_workers=num_workers, collate_fn=collate_clips)

    def ids(batches: Iterable[dict]) -> list[list[str]]:
        return [[*batch.get("index", ()), *batch["errors"]] for batch in batches]

    whole = ids(loader(1))
    assert len(whole) > 2
    stopped, got = loader(1), []
    for batch in stopped:
        got += ids([batch])
        if len(got) == 2:
            state = stopped.state_dict()
            break
    resumed = loader(0)
    resumed.load_state_dict(state)
    assert got + ids(resumed) == whole
    # And the epoch after it is whole again.
    resumed.dataset.set_epoch(2)
    assert ids(resumed) == ids(loader(2)) != whole


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("selection", [{}, {"split": "train", "fold": 2}])
@pytest.mark.parametrize("world_size", [1, 5])
def test_position_can_be_kept_without_a_loader(
    make_stream: Callable, source: str, selection: dict, world_size: int
) -> None:
    """For those who iterate by hand: from any clip, the first and the end included, also with a state that went through a file."""
    stream = make_stream(world_size - 1, world_size, epoch=1, source=source, **selection)
    whole = names(stream)
    for stop in (0, 1, len(whole) // 2, len(whole)):
        stream = make_stream(world_size - 1, world_size, epoch=1, source=source, **selection)
        got = [item["index"] for item in islice(stream, stop)]
        other = make_stream(world_size - 1, world_size, source=source, **selection)
        other.load_state_dict(json.loads(json.dumps(stream.state_dict())))
        assert got + names(other) == whole, stop


def test_broken_clip_is_told_with_its_id_and_rows_keep_their_columns(make_stream: Callable) -> None:
    """A stream has no random access: labels must come with the pixels."""
    batch = collate_clips(list(make_stream()))
    assert list(batch["errors"]) == ["c5"]
    assert batch["pixel_values_videos"].shape == (NUM_CLIPS - 1, 3, 3, 16, 16)
    assert [row["label"] for row in batch["row"]] == [int(name[1:]) % 2 for name in batch["index"]]
    assert "video" not in batch["row"][0]
