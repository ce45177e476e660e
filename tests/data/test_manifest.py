# SPDX-License-Identifier: Apache-2.0
import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emoclip.data.manifest import MANIFEST_COLUMNS, fingerprint, read_manifest, write_manifest


NAMES = ["calm", "tense"]
ORIGIN = {"class_names": NAMES, "dataset": "toy", "licence": "CC0-1.0", "source": "a test"}


def _row(number, **changes):
    row = {
        "clip_id": f"c{number}",
        "path": f"c{number}.mp4",
        "media": "video",
        "split": "train",
        "label": 0,
        "captions": ["one", "two"],
    }
    return row | changes


@pytest.fixture
def manifest(tmp_path):
    for number in range(3):
        (tmp_path / f"c{number}.mp4").write_bytes(b"film")
    path = tmp_path / "clips.parquet"
    write_manifest(
        path, [_row(0), _row(1, label=None, labels=[0, 1]), _row(2, boxes=[[0, 1, 2, 3]], scene="indoors")], **ORIGIN
    )
    return path


def test_round_trip_keeps_rows_and_metadata(manifest):
    """Data sets and training would not speak the same language."""
    read = read_manifest(manifest)
    assert (read.class_names, read.dataset, read.licence, read.source) == (NAMES, "toy", "CC0-1.0", "a test")
    assert read.root == manifest.parent
    assert read.table.column_names == [*MANIFEST_COLUMNS, "scene"]
    first, second, third = read.table.to_pylist()
    assert first["captions"] == ["one", "two"]
    assert (second["label"], second["labels"]) == (None, [0, 1])
    assert (third["boxes"], third["scene"], first["scene"]) == ([[0.0, 1.0, 2.0, 3.0]], "indoors", None)


def test_manifest_without_rows_can_be_written_and_read(tmp_path):
    """An empty split is a valid data set."""
    write_manifest(tmp_path / "m.parquet", [], **ORIGIN)
    assert read_manifest(tmp_path / "m.parquet").table.num_rows == 0


def test_writing_leaves_only_the_manifest(tmp_path):
    """A crash while writing must not leave half a manifest under its name."""
    path = tmp_path / "deep" / "m.parquet"
    write_manifest(path, [_row(0)], **ORIGIN)
    with pytest.raises(ValueError, match=r"unique"):
        write_manifest(path, [_row(0), _row(0)], **ORIGIN)
    assert [entry.name for entry in path.parent.iterdir()] == ["m.parquet"]
    assert read_manifest(path, check_media=False).table.num_rows == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([_row(0), _row(0)], "`clip_id` must be unique, 'c0' occurs twice"),
        ([_row(0, media="gif")], "must be one of video, frames, image, clip 'c0' .*'gif'"),
        ([_row(0, label=2)], "class id from 0 to 1, clip 'c0' .* has 2"),
        ([_row(0, labels=[0, -1])], "class id from 0 to 1, clip 'c0' .* has -1"),
        ([_row(0, split=None)], "needs `split`, the row of clip 'c0' has none"),
        ([{"path": "x.mp4"}], "needs `clip_id`"),
    ],
)
def test_wrong_rows_are_refused(tmp_path, rows, message):
    """A wrong row is found when it is written, not after an hour of training."""
    with pytest.raises(ValueError, match=message):
        write_manifest(tmp_path / "m.parquet", rows, **ORIGIN)
    assert not (tmp_path / "m.parquet").exists()


def test_missing_manifest_is_named(tmp_path):
    """The path is what the user has to correct."""
    with pytest.raises(FileNotFoundError, match=r"No manifest at .*none.parquet"):
        read_manifest(tmp_path / "none.parquet")


@pytest.mark.parametrize("content", [b"", b"clip_id,path\n1,a.mp4\n"])
def test_file_that_is_no_parquet_is_named(tmp_path, content):
    """A CSV file under the wrong name must not end in a traceback of the Parquet reader."""
    path = tmp_path / "m.parquet"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"must be a Parquet file, .*m.parquet is none"):
        read_manifest(path)


def test_missing_column_is_named(manifest):
    """An older or foreign manifest must say what it lacks."""
    pq.write_table(pq.read_table(manifest).drop_columns(["captions"]), manifest)
    with pytest.raises(ValueError, match=r"needs the column `captions`, .* has only clip_id, path"):
        read_manifest(manifest)


def test_missing_metadata_is_named(manifest):
    """Without class names, label ids mean nothing."""
    pq.write_table(pq.read_table(manifest).replace_schema_metadata({"dataset": "toy"}), manifest)
    with pytest.raises(ValueError, match=r"needs `class_names` in its schema metadata"):
        read_manifest(manifest)


def test_missing_clip_is_named_unless_not_asked(manifest):
    """A lost file must be found before training starts."""
    (manifest.parent / "c1.mp4").unlink()
    with pytest.raises(FileNotFoundError, match=r"names 3 clips, 1 of which are not there, first 'c1.mp4'"):
        read_manifest(manifest)
    assert read_manifest(manifest, check_media=False).table.num_rows == 3


def test_class_names_are_kept_as_json(manifest):
    """Other tools read the metadata; names may hold commas."""
    assert json.loads(pq.read_schema(manifest).metadata[b"class_names"]) == NAMES
    assert pq.read_schema(manifest).field("label").type == pa.int64()


def test_fingerprint_is_the_hash_of_the_file(manifest, tmp_path):
    """Results name their data by this hash."""
    assert fingerprint(manifest) == hashlib.sha256(manifest.read_bytes()).hexdigest()
    with pytest.raises(FileNotFoundError, match=r"No manifest at"):
        fingerprint(tmp_path / "none.parquet")


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("captions", ["one", "two", "three"], r"`captions` of a manifest must be of the type list"),
        ("label", ["calm", "calm", "tense"], r"`label` of a manifest must be of the type int64, .* has string"),
        ("path", ["c0.mp4", None, "c2.mp4"], r"`path` must be given for every clip, 1 rows"),
    ],
)
def test_columns_of_another_type_are_refused(manifest, column, values, message):
    """Captions that are plain texts would be taken for lists of letters and trained on."""
    table = pq.read_table(manifest)
    position = table.schema.get_field_index(column)
    pq.write_table(table.set_column(position, column, pa.array(values)), manifest)
    with pytest.raises(ValueError, match=message):
        read_manifest(manifest)


def test_narrower_integers_are_taken(manifest):
    """Other writers choose int32; nothing is lost by widening."""
    table = pq.read_table(manifest)
    position = table.schema.get_field_index("label")
    pq.write_table(table.set_column(position, "label", table["label"].cast(pa.int32())), manifest)
    assert read_manifest(manifest).table.schema.field("label").type == pa.int64()


def test_class_names_that_are_no_list_are_refused(manifest):
    """The order of classes is the meaning of every label."""
    table = pq.read_table(manifest)
    metadata = {**table.schema.metadata, b"class_names": b"calm, tense"}
    pq.write_table(table.replace_schema_metadata(metadata), manifest)
    with pytest.raises(ValueError, match=r"must be a JSON list of names, .* has 'calm, tense'"):
        read_manifest(manifest)
