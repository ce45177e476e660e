# SPDX-License-Identifier: Apache-2.0
"""Which files a push would send; the requests themselves are tested in tests/hub."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from emoclip.data.manifest import read_manifest
from emoclip.data.publishing import Plan, plan_push, stage


NAMES = ["tense", "calm"]


def names_of(plan: Plan) -> set[str]:
    return {upload.name for upload in plan.uploads}


def header(plan: Plan) -> dict:
    return yaml.safe_load(plan.uploads[0].content.decode().split("---\n")[1])


def test_a_staged_data_set_opens_in_every_kind(make_manifest: Callable, tmp_path: Path) -> None:
    """Videos, folders of frames and stills in one set; `all` is a split that `datasets` refuses."""
    plan = plan_push(make_manifest(), "me/x")
    stage(plan.uploads, tmp_path / "staged")
    manifest = read_manifest(tmp_path / "staged" / "manifest.parquet")
    assert manifest.table["path"].to_pylist() == ["video/all/v.mp4", "frames/train/f", "image/train/i.png"]
    assert manifest.notes == ("A | note.",)
    # Nothing is copied, and nothing goes that is no picture.
    assert (tmp_path / "staged" / "video" / "all" / "v.mp4").is_symlink()
    assert not any("notes" in name for name in names_of(plan))
    assert [one["config_name"] for one in header(plan)["configs"]] == ["frames", "image", "video"]
    cache = str(tmp_path / "cache")
    frames = datasets.load_dataset(str(tmp_path / "staged"), "frames", split="train", cache_dir=cache)
    assert [picture.size for picture in frames[0]["frames"]] == [(4, 6), (4, 6)]
    assert frames.features["label"].names == NAMES
    videos = datasets.load_dataset(str(tmp_path / "staged"), "video", cache_dir=cache)
    assert list(videos) == ["full"] and videos["full"].num_rows == 1


def test_annotations_say_nothing_of_the_media(make_manifest: Callable) -> None:
    """Captions, boxes and dialogue belong to the footage; a path shows whose computer it was."""
    plan = plan_push(make_manifest("meld/emotion"), "me/x")
    assert names_of(plan) == {"README.md", "annotations/all.parquet", "annotations/train.parquet"}
    table = pq.read_table(pa.BufferReader(plan.uploads[1].content))
    assert table.column_names == ["clip_id", "media", "label", "subject_id"]
    assert header(plan)["license"] == "gpl-3.0"


def test_crops_of_gated_faces_are_gated(make_manifest: Callable) -> None:
    """A manifest made from another one keeps its name; further columns do not open it."""
    with pytest.raises(PermissionError, match=r"DFEW \(dfew/single\) has"):
        plan_push(make_manifest("dfew/single", source_path="x", crop="face"), "me/x")


@pytest.mark.parametrize("name", ["x", "me/x/y", "me/ x"])
def test_a_name_without_owner_is_refused(name: str, make_manifest: Callable) -> None:
    """It would be made somewhere."""
    with pytest.raises(ValueError, match=r"Repo id|user/name"):
        plan_push(make_manifest(), name)


def test_only_media_go(make_manifest: Callable, tmp_path: Path) -> None:
    """A manifest somebody sent could name a key or a password file."""
    path = make_manifest(kinds=("video",))
    (tmp_path / "media" / "v.mp4").rename(tmp_path / "media" / "id_rsa")
    table = read_manifest(path, check_media=False).table
    pq.write_table(table.set_column(1, "path", pa.array(["media/id_rsa"])), path)
    with pytest.raises(ValueError, match=r"Only videos and pictures are published, got .*id_rsa"):
        plan_push(path, "me/x")
    (tmp_path / "media" / "id_rsa").unlink()
    with pytest.raises(FileNotFoundError, match=r"must be there to be published, .*id_rsa is not"):
        plan_push(path, "me/x")


def test_more_files_than_the_hub_takes(make_manifest: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so after hours of uploading."""
    monkeypatch.setattr("emoclip.data.uploads.MAX_FILES_IN_FOLDER", 1)
    with pytest.raises(ValueError, match=r"1 in a folder, got 8 files, 2 of them in .*; .* --shards"):
        plan_push(make_manifest(), "me/x")


class TestShards:
    @pytest.fixture
    def shards(self, tmp_path: Path) -> Path:
        """Two shards of one split and one of another."""
        folder = tmp_path / "shards"
        (folder / "data").mkdir(parents=True)
        (folder / "shards.json").write_text(json.dumps({"dataset": "ravdess/speech"}))
        for name, clip in (("all-00000-of-00001", "video"), *((f"train-0000{n}-of-00002", "image") for n in (0, 1))):
            pq.write_table(pa.table({"clip_id": [clip]}), folder / "data" / f"{name}.parquet")
        return folder

    def test_they_go_instead_of_files(self, shards: Path, make_manifest: Callable) -> None:
        """Both would double the data set."""
        (shards / "private.txt").write_text("x")
        plan = plan_push(make_manifest(), "me/x", shards=shards)
        assert names_of(plan) == {
            *("README.md", "shards.json", "data/all-00000-of-00001.parquet"),
            *(f"data/train-0000{number}-of-00002.parquet" for number in (0, 1)),
        }
        files = header(plan)["configs"][0]["data_files"]
        assert files == [{"split": "full", "path": "data/all-*"}, {"split": "train", "path": "data/train-*"}]

    def test_of_another_data_set_are_refused(self, shards: Path, make_manifest: Callable) -> None:
        """The manifest of an open set must not open the shards of a gated one, whatever their record says."""
        path = make_manifest()
        pq.write_table(pa.table({"clip_id": ["07012"]}), shards / "data" / "train-00001-of-00002.parquet")
        with pytest.raises(ValueError, match=r"train-00001-of-00002.parquet holds '07012'"):
            plan_push(path, "me/x", shards=shards)
        (shards / "shards.json").write_text(json.dumps({"dataset": "mafw/single"}))
        with pytest.raises(ValueError, match=r"says 'mafw/single', .* 'ravdess/speech'"):
            plan_push(path, "me/x", shards=shards)

    def test_incomplete_ones_are_refused(self, shards: Path, make_manifest: Callable, tmp_path: Path) -> None:
        """Half a training set that looks whole."""
        path = make_manifest()
        (shards / "data" / "train-00001-of-00002.parquet").unlink()
        with pytest.raises(FileNotFoundError, match="all 2 shards of train, 00001 is missing"):
            plan_push(path, "me/x", shards=shards)
        shutil.rmtree(shards / "data")
        with pytest.raises(FileNotFoundError, match="it holds none"):
            plan_push(path, "me/x", shards=shards)
