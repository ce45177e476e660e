# SPDX-License-Identifier: Apache-2.0
import hashlib
import json

import cv2
import pytest

from emoclip.data.manifest import read_manifest
from emoclip.synthetic import render
from emoclip.synthetic.render import World, item_path, render_item, render_world
from modeling_emoclip.video_decoding_emoclip import decode_video


WORLD = World(seed=1, train_clips=3, test_clips=2, stills=5)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    assert render_world(root, WORLD, workers=1) == 0
    return root


def assert_alike(one, other):
    """Pictures that are the same but for the encoder's choices, up to 0.7 grey levels; two clips of this world differ by 10 or more."""
    ours, theirs = (decode_video(path).frames.float() for path in (one, other))
    assert (ours - theirs).abs().mean() < 3


def test_manifests_describe_every_file(rendered):
    """Training reads only what the manifests say."""
    clips = read_manifest(rendered / "clips.parquet")
    stills = read_manifest(rendered / "stills.parquet")
    assert clips.table["split"].to_pylist() == ["train"] * 3 + ["test"] * 2
    assert set(clips.table["media"].to_pylist()) == {"video"}
    assert set(stills.table["media"].to_pylist()) == {"image"}
    assert clips.table["label"].to_pylist() == [0, 1, 2, 0, 1]
    assert all(len(captions) == 3 for captions in clips.table["captions"].to_pylist())
    row = clips.table.to_pylist()[4]
    assert hashlib.sha256((rendered / row["path"]).read_bytes()).hexdigest() == row["sha256"]
    assert clips.licence == "CC0-1.0"
    assert clips.class_names[2] == "fear"


def test_tokenizer_is_written(rendered):
    """The demo builds its text tower from this folder."""
    from transformers import AutoTokenizer

    assert len(AutoTokenizer.from_pretrained(rendered / "tokenizer")) <= 1024


def test_shards_merge_to_the_same_manifest(rendered, tmp_path):
    """A data set rendered on several machines must be the same data set."""
    assert render_world(tmp_path, WORLD, workers=1, shard=(2, 3)) > 0
    assert not (tmp_path / "clips.parquet").exists()
    assert render_world(tmp_path, WORLD, workers=1, shard=(1, 3)) > 0
    assert render_world(tmp_path, WORLD, workers=1, shard=(3, 3)) == 0
    ours, theirs = (read_manifest(root / "stills.parquet").table for root in (tmp_path, rendered))
    assert ours.equals(theirs, check_metadata=True)
    # The video encoder decides a block otherwise once in some hundred files of the same frames.
    ours, theirs = (read_manifest(root / "clips.parquet").table for root in (tmp_path, rendered))
    assert ours.drop_columns("sha256").equals(theirs.drop_columns("sha256"))
    for row in theirs.to_pylist():
        assert_alike(tmp_path / row["path"], rendered / row["path"])


def test_interrupted_run_renders_only_what_is_missing(rendered, tmp_path, monkeypatch):
    """Hours of rendering must not be lost, nor files rendered twice."""
    assert render_world(tmp_path, WORLD, workers=1, shard=(1, 2)) > 0
    done = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*/*.*")}
    (next(iter(done)).parent / ".x.mp4.123.tmp").write_bytes(b"half a file")
    calls = []
    monkeypatch.setattr(render, "render_item", lambda *item: (calls.append(item), render_item(*item))[1])
    assert render_world(tmp_path, WORLD, workers=1) == 0
    assert len(calls) == 10 - len(done)
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    assert not list(tmp_path.rglob("*.tmp"))


def test_worker_processes_write_the_same_files(rendered, tmp_path):
    """Fresh processes must import and draw without the parent's state."""
    small = World(seed=1, train_clips=1, test_clips=1, stills=0)
    assert render_world(tmp_path, small, workers=2) == 0
    for kind in ("train", "test"):
        assert_alike(item_path(tmp_path, kind, 0), item_path(rendered, kind, 0))


def test_complete_folder_is_not_touched_without_overwrite(rendered):
    """A finished data set must never be replaced by accident."""
    with pytest.raises(
        FileExistsError, match=r"complete rendering already; choose another --output or give --overwrite"
    ):
        render_world(rendered, WORLD, workers=1)


def test_folder_of_another_world_is_refused_and_can_be_overwritten(tmp_path):
    """Two seeds mixed in one folder would put one face into both splits."""
    first, second = World(0, 1, 1, 1), World(5, 1, 0, 1)
    render_world(tmp_path, first, workers=1)
    with pytest.raises(FileExistsError, match=r"another rendering"):
        render_world(tmp_path, second, workers=1)
    assert render_world(tmp_path, second, workers=1, overwrite=True) == 0
    assert json.loads((tmp_path / "render.json").read_text())["seed"] == 5
    assert len(list((tmp_path / "clips").glob("*/*.mp4"))) == 1


def test_overwrite_never_deletes_what_no_rendering_made(tmp_path):
    """A folder called clips may hold somebody's films."""
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "holiday.mp4").write_bytes(b"precious")
    with pytest.raises(FileExistsError, match=r"no render.json"):
        render_world(tmp_path, WORLD, workers=1, overwrite=True)
    assert (tmp_path / "clips" / "holiday.mp4").read_bytes() == b"precious"


def test_still_file_is_a_jpeg_of_the_right_size(rendered):
    """A picture in BGR order would have blue skin."""
    image = cv2.imread(str(item_path(rendered, "stills", 0)))
    assert image.shape == (96, 96, 3)
    assert image[50:80, 35:60, 2].mean() > image[50:80, 35:60, 0].mean()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"world": World(train_clips=-1)}, "`train_clips` must be at least 0, got -1"),
        ({"world": World(0, 0, 0, 0)}, "At least one clip or still"),
        ({"world": WORLD, "workers": 0}, "`workers` must be at least 1, got 0"),
        ({"world": WORLD, "shard": (3, 2)}, "1 <= i <= n, got 3/2"),
        ({"world": WORLD, "shard": (0, 2)}, "1 <= i <= n, got 0/2"),
    ],
)
def test_bad_numbers_are_named_before_anything_is_written(tmp_path, arguments, message):
    """Nothing may be rendered or deleted for a request that cannot be met."""
    with pytest.raises(ValueError, match=message):
        render_world(tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()
