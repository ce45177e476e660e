# SPDX-License-Identifier: Apache-2.0
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
