# SPDX-License-Identifier: Apache-2.0
"""A stream without end goes on behind any batch as one that was never stopped."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.config_loading import load_config
from emoclip.console import run_command
from emoclip.data.sharding import write_shards
from emoclip.training.build import build_model
from emoclip.training.cli import main
from emoclip.training.config import TrainConfig
from emoclip.training.stream_clips import StreamedClips


NUM_CLIPS = 22


@pytest.fixture
def stream(write_run: Callable[..., Path]) -> Callable[..., StreamedClips]:
    def build(**changes) -> StreamedClips:
        config = load_config(TrainConfig, write_run(data__streaming=True, data__cache_frames=False, **changes))
        return StreamedClips(config, build_model(config.model)[1])

    return build


def batches_of(source: StreamedClips, count: int) -> list[list[str]]:
    epochs = (batch.clip_ids for epoch in range(count) for batch in source.epoch(epoch))
    return [next(epochs) for _ in range(count)]


@pytest.mark.parametrize(("num_workers", "batch_size"), [(0, 2), (0, 11), (2, 11)])
def test_goes_on_behind_every_batch(stream: Callable[..., StreamedClips], num_workers: int, batch_size: int) -> None:
    """A position exactly behind the last clip of a pass, in one worker or in all, was taken for a process without a shard."""
    changes = {"data__num_workers": num_workers, "data__batch_size": batch_size}
    # Two passes and a batch for each worker; both sizes divide what a worker has, so the ends of passes are among the positions.
    count = 2 * NUM_CLIPS // batch_size + 2
    whole = stream(**changes)
    expected, states = [], []
    for _ in range(count):
        expected.append(batches_of(whole, 1)[0])
        states.append(whole.state())
    whole.close()
    assert len({clip for batch in expected for clip in batch}) == NUM_CLIPS
    for position in range(count - 1):
        again = stream(**changes)
        again.load_state(states[position])
        assert batches_of(again, 1)[0] == expected[position + 1], position
        again.close()


def test_clips_of_a_manifest_without_captions_are_refused_before_the_first_step(
    stream: Callable[..., StreamedClips], rewritten: Callable[..., Path]
) -> None:
    """A manifest can be looked through, so that a stream of it need not find out clip by clip."""
    manifest = rewritten("gaps", lambda number, row: {"captions": ["-"] if number == 4 else ["A frown."]})
    with pytest.raises(ValueError, match=r"needs a caption, but 1 of 22 in .*gaps.parquet .* first is 'train_000004'"):
        stream(data__manifest=str(manifest))


def test_clips_that_cannot_be_taught_are_counted_apart(
    write_run: Callable[..., Path], rewritten: Callable[..., Path], tmp_path: Path, caplog
) -> None:
    """Clips without a caption in shards were said to be unreadable, and eight clips an epoch to be all of the data."""
    manifest = rewritten("gaps", lambda number, row: {"captions": []} if number in (4, 9) else {})
    write_shards(manifest, tmp_path / "set", shard_bytes=20_000)
    stream = {"data__streaming": True, "data__cache_frames": False, "data__clips_per_epoch": 8}
    config = write_run(data__manifest=str(tmp_path / "set"), epochs=3, log_every=1, **stream)
    assert run_command(main, ["--config", str(config)]) == 0
    folder = config.parent / "run"
    page, card = (folder / "report.md").read_text(), (folder / "model" / "README.md").read_text()
    last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    assert f"| clips | a stream (8 clips an epoch) of `{tmp_path / 'set'}` |" in page
    assert last["skipped_clips"] == 0
    assert last["unfit_clips"] >= 2
    assert f"| 0 clips that could not be read, {last['unfit_clips']} without what the task needs, 0 steps |" in page
    assert f"Trained for 6 steps on a stream (8 clips an epoch) of `{tmp_path / 'set'}`" in card
    assert "skipped clip train_000004: it has no caption" in caplog.text


def test_sentiment_that_is_missing_is_told(
    stream: Callable[..., StreamedClips], write_run: Callable[..., Path], world: Path, tmp_path: Path, capsys
) -> None:
    """A bare `KeyError` in the first step."""
    with pytest.raises(ValueError, match=r"`data.sentiment` needs the column `sentiment_logits`"):
        stream(data__sentiment=True)
    write_shards(world / "clips.parquet", tmp_path / "set", shard_bytes=20_000)
    changes = {"data__streaming": True, "data__cache_frames": False, "data__sentiment": True}
    assert run_command(main, ["--config", str(write_run(data__manifest=str(tmp_path / "set"), **changes))]) == 2
    assert "the last clip without what the task needs was train_" in capsys.readouterr().err


def test_a_stream_has_no_last_batch_to_keep(stream: Callable[..., StreamedClips]) -> None:
    """A key that is ignored misleads whoever sets it."""
    with pytest.raises(ValueError, match=r"`drop_last` must be true with streaming=true, got false"):
        stream(data__drop_last=False)
