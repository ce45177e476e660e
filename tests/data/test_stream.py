# SPDX-License-Identifier: Apache-2.0
"""Streams: every clip once, whoever shares them, in an order of (seed, epoch), from any position."""

from collections.abc import Callable
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


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, short_clip: Path) -> Path:
    """23 clips in shards of two, one of them broken."""
    root = tmp_path_factory.mktemp("stream")
    rows = []
    for number in range(NUM_CLIPS):
        data = b"no video" if number == 5 else short_clip.read_bytes()
        (root / f"{number}.mp4").write_bytes(data)
        rows.append(
            {"clip_id": f"c{number}", "path": f"{number}.mp4", "media": "video", "split": "train", "label": number % 2}
        )
    write_manifest(root / "m.parquet", rows, class_names=["a", "b"], dataset="toy", licence="CC0-1.0", source="test")
    write_shards(root / "m.parquet", root / "set", shard_bytes=2 * short_clip.stat().st_size)
    return root / "set"


@pytest.fixture
def make_stream(shards: Path) -> Callable[..., ClipStream]:
    def make(rank: int = 0, world_size: int = 1, epoch: int = 0, training: bool = True) -> ClipStream:
        processor = EmoCLIPVideoProcessor(num_frames=3, frame_stride=2, size=16, crop_size=16)
        rows = load(shards, streaming=True)
        stream = ClipStream(
            rows, processor, training=training, seed=7, rank=rank, world_size=world_size, horizontal_flip=True
        )
        stream.set_epoch(epoch)
        return stream

    return make


def names(stream: ClipStream) -> list[str]:
    return [item["index"] for item in stream]


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_processes_share_all_clips_without_overlap(make_stream: Callable, world_size: int) -> None:
    """Seen by two, a clip counts twice; seen by none, it is lost."""
    parts = [names(make_stream(rank, world_size)) for rank in range(world_size)]
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


@pytest.mark.parametrize("num_workers", [0, 2])
def test_stopped_loader_goes_on_at_the_next_clip(make_stream: Callable, num_workers: int) -> None:
    """Repeated or left out, clips change the weights a resumed run ends with."""

    def loader() -> StatefulDataLoader:
        return StatefulDataLoader(
            make_stream(epoch=1), batch_size=3, num_workers=num_workers, collate_fn=collate_clips
        )

    whole = [batch["index"] for batch in loader()]
    stopped, got = loader(), []
    for batch in stopped:
        got.append(batch["index"])
        if len(got) == 4:
            state = stopped.state_dict()
            break
    resumed = loader()
    resumed.load_state_dict(state)
    assert got + [batch["index"] for batch in resumed] == whole


def test_position_can_be_kept_without_a_loader(make_stream: Callable) -> None:
    """For those who iterate by hand."""
    stream = make_stream(epoch=1)
    whole = names(stream)
    items = iter(stream)
    got = [next(items)["index"] for _ in range(7)]
    other = make_stream()
    other.load_state_dict(stream.state_dict())
    assert got + names(other) == whole


def test_broken_clip_is_told_with_its_id_and_rows_keep_their_columns(make_stream: Callable) -> None:
    """A stream has no random access: labels must come with the pixels."""
    batch = collate_clips(list(make_stream()))
    assert list(batch["errors"]) == ["c5"]
    assert batch["pixel_values_videos"].shape == (NUM_CLIPS - 1, 3, 3, 16, 16)
    assert [row["label"] for row in batch["row"]] == [int(name[1:]) % 2 for name in batch["index"]]
    assert "video" not in batch["row"][0]
