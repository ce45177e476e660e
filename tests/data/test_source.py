# SPDX-License-Identifier: Apache-2.0
"""What is known of a data set is the same in every form: manifest, shards, repository on the Hub."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.data import load
from emoclip.data.manifest import fingerprint, write_manifest
from emoclip.data.sharding import write_shards
from emoclip.data.source import describe_source, source_class_names


CLASSES = ["calm", "tense"]


@pytest.fixture
def manifest(tmp_path: Path, make_clip: Callable[..., Path]) -> Path:
    (tmp_path / "a.mp4").write_bytes(make_clip(9).read_bytes())
    rows = [
        {"clip_id": f"{split}{number}", "path": "a.mp4", "media": "video", "split": split, "label": number}
        for split in ("train", "test")
        for number in range(2)
    ]
    path = tmp_path / "m.parquet"
    write_manifest(path, rows, class_names=CLASSES, dataset="toy", licence="CC0-1.0", source="drawn", notes=["small"])
    return path


@pytest.fixture
def on_hub(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Returns a function that makes a folder of shards stand for the repository `me/tiny`; nothing is asked of the Hub."""
    import datasets
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError

    real = datasets.load_dataset

    def publish(folder: Path, files: tuple[str, ...] = ("shards.json",)) -> None:
        def opened(name, split=None, revision=None, streaming=False):
            assert (name, revision) == ("me/tiny", "v1")
            parts = {one: str(folder / "data" / f"{one}-*.parquet") for one in ("train", "test")}
            return real("parquet", data_files=parts, split=split, streaming=streaming)

        def download(name, file, *, repo_type, revision):
            assert (name, repo_type, revision) == ("me/tiny", "dataset", "v1")
            if file not in files:
                raise EntryNotFoundError(f"no {file}")
            return str(folder / file)

        monkeypatch.setattr(datasets, "load_dataset", opened)
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)

    return publish


def test_shards_are_described_as_their_manifest(manifest, tmp_path):
    """Results on shards and on files are results on the same data, and must be comparable."""
    write_shards(manifest, tmp_path / "set")
    of_shards = describe_source(tmp_path / "set", load(tmp_path / "set"))
    of_manifest = describe_source(manifest, load(manifest))
    assert of_shards == of_manifest
    assert of_manifest.sha256 == fingerprint(manifest)
    assert of_manifest.notes == ("small",)


def test_folder_with_a_manifest_is_the_manifest(manifest):
    manifest.rename(manifest.parent / "manifest.parquet")
    found = describe_source(manifest.parent, load(manifest.parent))
    assert (found.dataset, found.class_names) == ("toy", CLASSES)


def test_shards_on_the_hub_are_described_as_their_manifest(manifest, tmp_path, on_hub):
    write_shards(manifest, tmp_path / "set")
    on_hub(tmp_path / "set")
    rows = load("me/tiny", revision="v1")
    assert sorted(rows["clip_id"]) == ["test0", "test1", "train0", "train1"]
    assert describe_source("me/tiny", rows, "v1").sha256 == fingerprint(manifest)


def test_strangers_data_set_is_known_by_its_id_and_content(manifest, tmp_path, on_hub):
    """Without an index of ours the classes come from the features, and another label makes it another data set."""
    write_shards(manifest, tmp_path / "set")
    on_hub(tmp_path / "set", files=())
    rows = load("me/tiny", revision="v1")
    found = describe_source("me/tiny", rows, "v1")
    assert (found.dataset, found.class_names, found.licence) == ("me/tiny", CLASSES, "unknown")
    assert source_class_names("me/tiny", rows) == CLASSES
    assert describe_source("me/tiny", rows.select([0, 1, 2]), "v1").sha256 != found.sha256


def test_split_of_the_hub_becomes_a_column(manifest, tmp_path, on_hub):
    """A table that only its file's name calls `test` must still be found by its split."""
    import pyarrow.parquet as pq

    write_shards(manifest, tmp_path / "set")
    for path in (tmp_path / "set" / "data").glob("*.parquet"):
        pq.write_table(pq.read_table(path).replace_schema_metadata().drop_columns(["split"]), path)
    on_hub(tmp_path / "set")
    rows = load("me/tiny", revision="v1")
    assert dict(zip(rows["clip_id"], rows["split"], strict=True))["test1"] == "test"
