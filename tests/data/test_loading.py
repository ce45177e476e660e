# SPDX-License-Identifier: Apache-2.0
import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from emoclip.data import load
from emoclip.data.manifest import write_manifest


@pytest.fixture
def manifest(tmp_path):
    rows = []
    for number in range(7):
        (tmp_path / f"c{number}.mp4").write_bytes(b"film")
        fold = None if number == 6 else number % 3 + 1
        split = "test" if number > 4 else "train"
        rows.append(
            {
                "clip_id": f"c{number}",
                "path": f"c{number}.mp4",
                "media": "video",
                "split": split,
                "test_fold": fold,
                "captions": ["a"],
            }
        )
    write_manifest(tmp_path / "m.parquet", rows, class_names=["x"], dataset="toy", licence="CC0-1.0", source="test")
    return tmp_path / "m.parquet"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [0, 1, 2, 3, 4, 5, 6]),
        ({"split": "train"}, [0, 1, 2, 3, 4]),
        ({"split": "test"}, [5, 6]),
        ({"fold": 2}, [1, 4]),
        ({"split": "test", "fold": 1}, [0, 3]),
        ({"split": "train", "fold": 1}, [1, 2, 4, 5]),
    ],
)
def test_rows_of_a_split_or_fold_in_order(manifest, arguments, expected):
    """Test clips in training would make every result worthless."""
    rows = load(manifest, **arguments)
    assert isinstance(rows, Dataset)
    assert rows["clip_id"][:] == [f"c{number}" for number in expected]


def test_file_column_is_absolute(manifest, monkeypatch):
    """Workers may run in another directory than the manifest was named from."""
    monkeypatch.chdir(manifest.parent)
    assert load("m.parquet")[3]["file"] == str(manifest.parent.resolve() / "c3.mp4")


def test_rows_are_mapped_from_disk(tmp_path):
    """A million paths in memory break a worker; each process would hold them all."""
    rows = [
        {"clip_id": f"c{number}", "path": f"{'folder/' * 9}{number}.mp4", "media": "video", "split": "train"}
        for number in range(20_000)
    ]
    path = tmp_path / "m.parquet"
    write_manifest(path, rows, class_names=["x"], dataset="toy", licence="CC0-1.0", source="test")
    load(path, check_media=False)
    before = pa.total_allocated_bytes()
    found = load(path, check_media=False)
    # The paths alone are 1.4 MB.
    assert pa.total_allocated_bytes() - before < 200_000
    assert found[19_999]["file"] == f"{tmp_path.resolve()}/{'folder/' * 9}19999.mp4"
    assert len(pickle.dumps(found)) < 100_000


def test_manifest_without_rows_is_a_data_set_without_rows(manifest):
    """A selection that left nothing is told by who made it, and not by a broken file."""
    write_manifest(manifest, [], class_names=["x"], dataset="toy", licence="CC0-1.0", source="test")
    rows = load(manifest)
    assert len(rows) == 0 and rows.column_names[-1] == "file"


def test_column_that_is_made_on_opening_must_not_be_there(manifest):
    """Its own would be lost, or stand there twice."""
    pq.write_table(pq.read_table(manifest).append_column("file", pa.array(["x"] * 7)), manifest)
    with pytest.raises(ValueError, match=r"`file` is made when a manifest is opened, .* rename it"):
        load(manifest)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("clip_id", "c0", r"`clip_id` must be unique, 'c0' occurs twice"),
        ("clip_id", None, r"`clip_id` must be given for every clip, 1 rows"),
        ("path", None, r"`path` must be given for every clip, 1 rows"),
        ("media", "gif", r"`media` must be one of .*, clip 'c5' of .* has 'gif'"),
        ("label", 3, r"`label` must be a class id from 0 to 0, clip 'c5' of .* has 3"),
    ],
)
def test_what_is_wrong_in_a_row_is_told_though_ids_stay_on_disk(manifest, column, value, message):
    """Ids and paths are looked at in parts; the message still names the clip."""
    table = pq.read_table(manifest)
    place = table.schema.get_field_index(column)
    values = [*table[column].to_pylist()[:5], value, *table[column].to_pylist()[6:]]
    pq.write_table(
        table.set_column(place, table.schema.field(place), pa.array(values, table.schema.types[place])), manifest
    )
    with pytest.raises(ValueError, match=message):
        load(manifest)


def test_rewritten_manifest_is_read_anew(manifest):
    """A cache keyed by the path alone would train on yesterday's rows."""
    assert len(load(manifest)) == 7
    row = {"clip_id": "c0", "path": "c0.mp4", "media": "video", "split": "train"}
    write_manifest(manifest, [row], class_names=["x"], dataset="toy", licence="CC0-1.0", source="test")
    assert len(load(manifest)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "val"}, "No split 'val' in .*m.parquet; it has test, train"),
        ({"fold": 6}, "No fold 6 in .*m.parquet; it has 1, 2, 3"),
        ({"fold": 1, "split": "val"}, "must be train, test or None, got 'val'"),
    ],
)
def test_missing_split_or_fold_says_what_there_is(manifest, arguments, message):
    """The remedy is in the list of what the manifest has."""
    with pytest.raises(ValueError, match=message):
        load(manifest, **arguments)


def test_missing_clip_is_found_on_loading(manifest):
    """Training must not start and fail hours later."""
    (manifest.parent / "c2.mp4").unlink()
    with pytest.raises(FileNotFoundError, match=r"first 'c2.mp4'"):
        load(manifest, split="test")


def test_task_leaves_the_rows_that_fit_it(manifest):
    """Neutral clips of MAFW without captions must not stop a training on captions, nor unlabelled ones an evaluation."""
    rows = pq.read_table(manifest).to_pylist()
    rows[2]["captions"] = []
    rows[3]["captions"] = None
    rows[4]["label"] = 0
    write_manifest(manifest, rows, class_names=["x"], dataset="toy", licence="CC0-1.0", source="test")
    assert load(manifest, task="captions")["clip_id"][:] == ["c0", "c1", "c4", "c5", "c6"]
    assert load(manifest, task="classification")["clip_id"][:] == ["c4"]
    assert load(manifest, "train", 2, "captions")["clip_id"][:] == ["c0", "c5"]
    with pytest.raises(ValueError, match="For the task multi_label a row must have `labels`, none of those chosen"):
        load(manifest, task="multi_label")
    with pytest.raises(ValueError, match=r"must be one of captions, .* or None, got 'caption'"):
        load(manifest, task="caption")


def test_streamed_manifest_has_the_same_rows(manifest):
    """The two ways must be interchangeable."""
    streamed = [row["clip_id"] for row in load(manifest, "train", streaming=True)]
    assert streamed == load(manifest, "train")["clip_id"][:]


def test_what_is_neither_file_nor_id_is_refused(tmp_path):
    """A mistyped path must not be asked of the Hub."""
    for source in (tmp_path / "no" / "such" / "folder", "a/b/c", "name"):
        with pytest.raises(FileNotFoundError, match="must be a manifest, a folder of shards or an id on the Hub"):
            load(source)
