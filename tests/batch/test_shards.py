# SPDX-License-Identifier: Apache-2.0
"""Shards read from and written to addresses: WebDataset and Parquet, in memory as on any store that fsspec opens."""

import io
import json
import tarfile

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from emoclip.batch.running import run_batch
from emoclip.batch.shards import read_shard
from emoclip.batch.sources import find_sources
from emoclip.data.shard_media import zip_frames


@pytest.fixture
def store():
    """An empty store in memory."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    return system


def picture(level):
    buffer = io.BytesIO()
    Image.fromarray(np.full((20, 24, 3), level, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def tar_bytes(entries):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def tar_address(store, short_clip):
    """Two films, one that is none, frames in a zip, and a file with facts, which is no film."""
    frames = zip_frames([{"path": f"{n}.png", "bytes": picture(40 * n)} for n in range(3)])
    entries = {
        "x/a.mp4": short_clip.read_bytes(),
        "x/a.json": b"{}",
        "bad.mp4": b"no film",
        "c.frames.zip": frames,
        "still.png": picture(90),
    }
    store.pipe("/set/clips-0.tar", tar_bytes(entries))
    return "memory://set/clips-0.tar"


@pytest.fixture
def parquet_address(store, short_clip):
    blob = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table(
        {
            "clip_id": ["one", "two"],
            "video": pa.array(
                [{"bytes": short_clip.read_bytes(), "path": "a.mp4"}, {"bytes": b"x", "path": "b.mp4"}], blob
            ),
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    store.pipe("/set/clips.parquet", buffer.getvalue())
    return "memory://set/clips.parquet"


def test_keys_and_media_of_a_tar(tar_address, short_clip):
    found = dict(read_shard(tar_address))
    assert list(found) == ["x/a", "bad", "c", "still"]
    assert found["x/a"] == short_clip.read_bytes()
    assert len(found["c"]) == 3


def test_keys_and_media_of_a_table(parquet_address, short_clip):
    assert dict(read_shard(parquet_address)) == {"one": short_clip.read_bytes(), "two": b"x"}


def test_table_without_media_is_refused(store, tmp_path):
    pd.DataFrame({"clip_id": ["a"], "path": ["a.mp4"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="must have one of the columns video, image"):
        list(read_shard(str(tmp_path / "a.parquet")))


def test_names_in_a_tar_may_be_no_text(store, short_clip, make_settings):
    """One film named on an old computer, and no table of the whole shard could be written."""
    store.pipe("/set/a.tar", tar_bytes({"caf\udce9.mp4": short_clip.read_bytes()}))
    result = run_batch(find_sources(["memory://set/a.tar"]), make_settings())
    assert result.counts == {"done": 1}
    (name,) = result.rows[0].outputs.split("|")
    assert set(pd.read_parquet(result.table.parent / name)["video"]) == {"caf\\udce9"}


def test_shard_at_an_address_becomes_a_table_at_another(tar_address, store, make_settings, tmp_path):
    """Bad members are rows of their own; the result appears under its name alone."""
    settings = make_settings("memory://results")
    result = run_batch(find_sources([tar_address]), settings, state=tmp_path / "state")
    assert store.ls("/results", detail=False) == ["/results/clips-0.tar.results.parquet"]
    table = pd.read_parquet(io.BytesIO(store.cat("/results/clips-0.tar.results.parquet")))
    assert set(table["video"]) == {"x/a", "bad", "c", "still"}
    bad = table[table["video"] == "bad"]
    assert bad["emotion"].isna().all()
    assert bad["error"].iloc[0].startswith("VideoDecodeError")
    (row,) = pd.read_csv(result.table).to_dict("records")
    assert row["status"] == "done"
    assert row["error"].startswith("1 videos failed, first bad: VideoDecodeError")


def test_results_as_webdataset(parquet_address, store, make_settings, tmp_path):
    settings = make_settings("memory://results", shard_format="webdataset")
    run_batch(find_sources([parquet_address]), settings, state=tmp_path / "state")
    with tarfile.open(fileobj=io.BytesIO(store.cat("/results/clips.parquet.results.tar"))) as archive:
        content = {member.name: json.load(archive.extractfile(member)) for member in archive}
    assert list(content) == ["one.json", "two.json"]
    assert {row["emotion"] for row in content["one.json"]["timeline"]} == {"joy", "fear"}
    assert content["two.json"]["error"].startswith("VideoDecodeError")


def test_shard_without_any_good_video_is_still_told(store, make_settings, tmp_path):
    store.pipe("/set/bad.tar", tar_bytes({"a.mp4": b"x", "b.mp4": b"y"}))
    result = run_batch(
        find_sources(["memory://set/bad.tar"]), make_settings("memory://results"), state=tmp_path / "state"
    )
    assert result.counts["no face"] + result.counts["failed"] == 1
    table = pd.read_parquet(io.BytesIO(store.cat("/results/bad.tar.results.parquet")))
    assert table["video"].tolist() == ["a", "b"]


def test_truncated_shard_leaves_no_half_result(store, make_settings, tmp_path):
    """A download that broke off."""
    store.pipe("/set/half.tar", tar_bytes({"a.mp4": b"x" * 3000})[:700])
    result = run_batch(
        find_sources(["memory://set/half.tar"]), make_settings("memory://results"), state=tmp_path / "state"
    )
    assert result.counts["failed"] == 1
    assert not store.exists("/results/half.tar.results.parquet")
    assert not store.exists("/results/half.tar.results.parquet.partial")


def test_films_are_written_to_an_address_too(films, store, make_settings, tmp_path):
    run_batch(find_sources([str(films / "a.mp4")]), make_settings("memory://results"), state=tmp_path / "state")
    assert store.cat("/results/a.mp4.csv").startswith(b"video,")


def test_a_row_that_cannot_be_unpacked_costs_no_other(store, short_clip, make_settings, tmp_path):
    """One empty row or broken zip was the end of a shard of thousands."""
    blob = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = [{"bytes": None, "path": "/elsewhere/a.mp4"}, {"bytes": short_clip.read_bytes(), "path": "b.mp4"}]
    buffer = io.BytesIO()
    pq.write_table(pa.table({"clip_id": ["bad", "good"], "video": pa.array(rows, blob)}), buffer)
    store.pipe("/set/rows.parquet", buffer.getvalue())
    store.pipe("/set/zips.tar", tar_bytes({"bad.frames.zip": b"no zip", "good.mp4": short_clip.read_bytes()}))
    sources = find_sources(["memory://set/rows.parquet", "memory://set/zips.tar"])
    result = run_batch(sources, make_settings("memory://results"), state=tmp_path / "state")
    assert dict(result.counts) == {"done": 2}
    for name, error in [("rows.parquet", "must stand in the shard"), ("zips.tar", "BadZipFile")]:
        table = pd.read_parquet(io.BytesIO(store.cat(f"/results/{name}.results.parquet")))
        assert set(table["video"]) == {"bad", "good"}
        assert error in table.loc[table["video"] == "bad", "error"].iloc[0]


def test_notes_of_a_video_stand_in_its_shards_result(store, make_clip, make_settings, tmp_path):
    """Half a film among a thousand is found by nobody else."""
    data = make_clip(300, "b.mkv").read_bytes()
    store.pipe("/set/half.tar", tar_bytes({"a.mkv": data[: len(data) // 2]}))
    settings = make_settings("memory://results", options={"faces": "none", "on_error": "truncate"})
    result = run_batch(find_sources(["memory://set/half.tar"]), settings, state=tmp_path / "state")
    table = pd.read_parquet(io.BytesIO(store.cat("/results/half.tar.results.parquet")))
    assert table["notes"].str.startswith("Scored only up to the damage: ").all()
    assert pd.read_csv(result.table)["notes"][0].startswith("1 videos have notes, first a: Scored only")
