# SPDX-License-Identifier: Apache-2.0
"""Sets of shards: complete, resumable, readable in any order, and the same pixels as from the files."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from emoclip.data import load
from emoclip.data.cli import main
from emoclip.data.clip_transform import ClipTransform
from emoclip.data.clips import clip_generator
from emoclip.data.manifest import read_manifest, write_manifest, write_manifest_table
from emoclip.data.sharding import write_shards
from emoclip.data.shards import ShardIndex, plan_shards
from modeling_emoclip import EmoCLIPVideoProcessor


CLASSES = ["calm", "tense"]


@pytest.fixture
def manifest(tmp_path: Path, make_clip: Callable[..., Path]) -> Path:
    """Videos, a folder of frames, a still, a stretch of a film, and a file that is missing."""
    root = tmp_path / "media"
    (root / "frames").mkdir(parents=True)
    for number in range(4):
        Image.fromarray(np.full((20, 26, 3), 40 * number, np.uint8)).save(root / "frames" / f"{number}.png")
    Image.new("RGB", (26, 20), (9, 99, 199)).save(root / "still.png")
    for name, length in (("a.mp4", 9), ("b.mp4", 12)):
        (root / name).write_bytes(make_clip(length).read_bytes())
    common = {"split": "train", "label": 0, "captions": ["a smile", "a grin"]}
    rows = [
        {"clip_id": "a", "path": "media/a.mp4", "media": "video", **common},
        {"clip_id": "b", "path": "media/b.mp4", "media": "video", **common, "label": 1, "test_fold": 2},
        {"clip_id": "frames", "path": "media/frames", "media": "frames", **common, "captions": None, "test_fold": 1},
        {"clip_id": "still", "path": "media/still.png", "media": "image", **common, "split": "test"},
        {
            "clip_id": "scene", "path": "media/b.mp4", "media": "video", **common, "split": "test", "start_frame": 2, "end_frame": 6
        },
        {"clip_id": "gone", "path": "media/gone.mp4", "media": "video", **common},
    ]  # fmt: skip
    path = tmp_path / "m.parquet"
    write_manifest(path, rows, class_names=CLASSES, dataset="toy", licence="CC0-1.0", source="test", notes=["small"])
    return path


def items_of(rows: Iterable[dict]) -> dict[str, torch.Tensor]:
    transform = ClipTransform(EmoCLIPVideoProcessor(num_frames=3, frame_sampling="uniform", size=16, crop_size=16))
    generator = clip_generator(0, 0, 0)
    return {row["clip_id"]: transform(row, generator)["pixel_values_videos"] for row in rows}


@pytest.mark.parametrize(
    ("form", "streaming"), [(form, streaming) for form in ("parquet", "webdataset") for streaming in (False, True)]
)
def test_shards_give_the_pixels_of_the_files(form: str, streaming: bool, manifest: Path, tmp_path: Path) -> None:
    """Order of frames, bytes of another clip, a second compression: each would show here."""
    index, failures = write_shards(manifest, tmp_path / "set", format=form, shard_bytes=4000)
    assert list(failures) == ["gone"] and "gone.mp4" in failures["gone"]
    assert index.clips == {"test": 2, "train": 3}
    rows = {row["clip_id"]: row for row in load(tmp_path / "set", streaming=streaming)}
    wanted = items_of(row for row in load(manifest, check_media=False) if row["clip_id"] != "gone")
    found = items_of(rows.values())
    assert set(found) == set(wanted) == {"a", "b", "frames", "still", "scene"}
    for clip in ("a", "b", "frames", "still"):
        assert torch.equal(found[clip], wanted[clip]), clip
    # The stretch is cut out of a film and compressed once more.
    assert (found["scene"] - wanted["scene"]).abs().mean() < 0.1 < (found["scene"] - wanted["b"]).abs().mean()
    assert rows["a"]["captions"] == ["a smile", "a grin"]


def test_parquet_shards_tell_the_hub_what_they_hold(manifest: Path, tmp_path: Path) -> None:
    """The viewer plays videos and shows class names only where the features say so."""
    from datasets import ClassLabel, Video, load_dataset

    write_shards(manifest, tmp_path / "set")
    features = load_dataset("parquet", data_files=str(tmp_path / "set/data/train-*.parquet"), split="train").features
    assert features["label"] == ClassLabel(names=CLASSES)
    assert isinstance(features["video"], Video)


@pytest.mark.parametrize("form", ["parquet", "webdataset"])
def test_selection_is_that_of_the_manifest(form: str, manifest: Path, tmp_path: Path) -> None:
    """A fold of shards that is another fold than that of the manifest."""
    write_shards(manifest, tmp_path / "set", format=form, shard_bytes=1)
    for arguments in ({"split": "test"}, {"fold": 2}, {"split": "train", "fold": 2}, {"task": "captions"}):
        wanted = set(load(manifest, check_media=False, **arguments)["clip_id"]) - {"gone"}
        assert set(load(tmp_path / "set", **arguments)["clip_id"]) == wanted, arguments
        streamed = load(tmp_path / "set", **arguments, streaming=True)
        assert {row["clip_id"] for row in streamed} == wanted, arguments


def test_stopped_run_goes_on_and_keeps_what_is_finished(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill in the last hour of a night must not cost the night."""
    import emoclip.data.sharding as sharding

    real = sharding._write_parquet
    calls: list[Path] = []

    def stop_at_third(*arguments: object) -> None:
        calls.append(arguments[-1])
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(sharding, "_write_parquet", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        write_shards(manifest, tmp_path / "set", shard_bytes=1)
    with pytest.raises(FileNotFoundError, match=r"must hold shards.json"):
        load(tmp_path / "set")
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "set/data").glob("*.parquet")}
    assert len(done) == 2
    monkeypatch.setattr(sharding, "_write_parquet", real)
    index, failures = write_shards(manifest, tmp_path / "set", shard_bytes=1)
    assert sum(index.clips.values()) == 5 and list(failures) == ["gone"]
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert not list((tmp_path / "set/data").glob(".*.tmp"))


def test_index_says_what_the_shards_lack(manifest: Path, tmp_path: Path) -> None:
    """A score on a set of shards is one on fewer clips than its name promises."""
    source = read_manifest(manifest, check_media=False)
    about = {name: getattr(source, name) for name in ("class_names", "dataset", "licence", "source")}
    with_missing = manifest.with_name("with_missing.parquet")
    write_manifest_table(with_missing, source.table, **about, missing=["lost", "never"])
    sized: list[int] = []

    def sizing(sizes: Iterable[int], total: int) -> Iterable[int]:
        sized.append(total)
        return sizes

    write_shards(with_missing, tmp_path / "set", sizing=sizing)
    index = ShardIndex.read(tmp_path / "set")
    assert (index.missing, index.unreadable) == (2, 1) and sized == [6]


def test_media_that_came_since_are_not_added_to_another_cut(manifest: Path, tmp_path: Path) -> None:
    """Whoever mends what `failures.csv` names and gives the command again would have clips twice."""
    write_shards(manifest, tmp_path / "set", shard_bytes=400)
    (tmp_path / "media" / "gone.mp4").write_bytes((tmp_path / "media" / "b.mp4").read_bytes())
    with pytest.raises(FileExistsError, match="Media have come, gone or changed since"):
        write_shards(manifest, tmp_path / "set", shard_bytes=400)
    index, failures = write_shards(manifest, tmp_path / "new", shard_bytes=400)
    assert not failures and len(load(tmp_path / "new")) == sum(index.clips.values()) == 6


def test_shards_that_lack_clips_are_tried_again(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was not readable for an hour would be left out for ever."""
    import emoclip.data.sharding as sharding

    real = sharding.read_media

    def away(row: dict) -> object:
        if row["clip_id"] == "still":
            raise PermissionError("not for now")
        return real(row)

    with monkeypatch.context() as patch:
        patch.setattr(sharding, "read_media", away)
        index, failures = write_shards(manifest, tmp_path / "set", shard_bytes=1)
    assert sorted(failures) == ["gone", "still"] and index.unreadable == 2
    index, failures = write_shards(manifest, tmp_path / "set", shard_bytes=1)
    assert list(failures) == ["gone"] and index.unreadable == 1
    assert sorted(load(tmp_path / "set")["clip_id"]) == ["a", "b", "frames", "scene", "still"]


@pytest.mark.parametrize("form", ["parquet", "webdataset"])
def test_shards_of_two_cuts_are_refused(form: str, manifest: Path, tmp_path: Path) -> None:
    """A folder that two programs wrote into holds clips twice."""
    write_shards(manifest, tmp_path / "set", shard_bytes=1, format=form)
    first = min((tmp_path / "set" / "data").glob("test-*"))
    first.with_name(first.name.replace("-of-00002", "-of-00003")).write_bytes(first.read_bytes())
    with pytest.raises(ValueError, match=r"of test it holds 3 named as of 2 and 3; write the set again"):
        load(tmp_path / "set")


def test_folder_of_another_set_is_not_touched(manifest: Path, tmp_path: Path) -> None:
    """Half of one cut and half of another would hold clips twice."""
    write_shards(manifest, tmp_path / "set", shard_bytes=1)
    with pytest.raises(FileExistsError, match="another cut"):
        write_shards(manifest, tmp_path / "set", shard_bytes=10**9)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("years")
    with pytest.raises(FileExistsError, match="must be a new folder"):
        write_shards(manifest, tmp_path / "other")


def test_command_writes_by_two_processes_and_lists_failures(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """The user's way."""
    output = tmp_path / "set"
    assert main(["shard", "--manifest", str(manifest), "--output", str(output), "--workers", "2"]) == 0
    assert "1 clips could not be read" in capsys.readouterr().out
    assert (output / "failures.csv").read_text().splitlines()[1].startswith("gone,")
    assert ShardIndex.read(output).notes == ["small"]


def test_every_row_is_in_one_shard_of_its_split() -> None:
    """A clip in two shards is seen twice an epoch."""
    splits, sizes = ["train", "test"] * 50, [10] * 100
    shards = plan_shards(splits, sizes, shard_bytes=95, seed=1, suffix=".parquet")
    assert sorted(row for shard in shards for row in shard.rows) == list(range(100))
    assert all({splits[row] for row in shard.rows} == {shard.split} for shard in shards)
    assert {len(shard.rows) for shard in shards} == {9, 5}
    assert shards[0].name == "data/test-00000-of-00006.parquet"
    assert list(shards[0].rows) != sorted(shards[0].rows)


def test_bad_arguments_and_damaged_index_are_refused(manifest: Path, tmp_path: Path) -> None:
    """Before hours of writing."""
    with pytest.raises(ValueError, match="must be one of parquet, webdataset, got 'zip'"):
        write_shards(manifest, tmp_path / "set", format="zip")
    with pytest.raises(ValueError, match="must be at least 1, got 0 and 1"):
        write_shards(manifest, tmp_path / "set", shard_bytes=0)
    write_shards(manifest, tmp_path / "set")
    with pytest.raises(ValueError, match=r"No split 'validation' in .*; it has test, train"):
        load(tmp_path / "set", "validation")
    (tmp_path / "set" / "shards.json").write_text(json.dumps({"format": "parquet"}))
    with pytest.raises(ValueError, match="is damaged"):
        load(tmp_path / "set")


@pytest.mark.parametrize("form", ["parquet", "webdataset"])
def test_the_manifest_is_read_as_often_for_many_shards_as_for_one(
    form: str, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million rows, read again for each of a thousand shards, take longer than the media."""
    reads: list[object] = []
    read_table = pq.read_table
    monkeypatch.setattr(pq, "read_table", lambda *args, **options: reads.append(args) or read_table(*args, **options))
    numbers = []
    for size in (2**20, 1):
        index, _ = write_shards(manifest, tmp_path / f"{form} {size}", format=form, shard_bytes=size)
        numbers.append(len(reads))
        reads.clear()
        assert sum(index.clips.values()) == 5
    assert len(list((tmp_path / f"{form} 1" / "data").glob("*-of-*"))) > 4
    assert numbers[0] == numbers[1]
