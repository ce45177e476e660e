# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emoclip.evaluation.predictions import PredictionTable, read_predictions, write_predictions


FIELDS = {
    "clip_ids": ["c1", "c2", "c3", "c4"],
    "references": [0, 1, 2, 2],
    "scores": np.array([[0.5, 0.3, 0.2], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.4, 0.4, 0.2]], dtype=np.float32),
    "class_names": ["joy", "anger", "quiet relief"],
    "model": "some/model",
    "revision": "abc",
    "prompt_set": "descriptions",
    "manifest_sha256": "f" * 64,
    "system": "trained",
}


@pytest.fixture
def path(tmp_path):
    return write_predictions(PredictionTable(**FIELDS), tmp_path / "p.parquet")


def change(path, *, drop=(), columns=None, metadata=None):
    """Rewrites the table with some of it changed, as a careless tool would."""
    table = pq.read_table(path)
    kept = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    kept = {key: value for key, value in {**kept, **(metadata or {})}.items() if key not in drop}
    data = {name: table.column(name) for name in table.column_names if name not in drop} | (columns or {})
    pq.write_table(pa.table(data).replace_schema_metadata(kept), path)


def test_table_survives_the_file(path):
    """Every number of a report is computed from what comes back."""
    table = read_predictions(path)
    assert {name: getattr(table, name) for name in FIELDS if name != "scores"} == {
        name: value for name, value in FIELDS.items() if name != "scores"
    }
    np.testing.assert_array_equal(table.scores, FIELDS["scores"])
    assert table.scores.dtype == np.float32


def test_file_follows_the_contract(path):
    """Other programs read these files by the names and types of the contract."""
    schema = pq.read_schema(path)
    assert [(field.name, str(field.type)) for field in schema] == [
        ("clip_id", "string"),
        ("reference", "int64"),
        ("scores", "list<element: float>"),
    ]
    assert json.loads(schema.metadata[b"class_names"]) == FIELDS["class_names"]
    assert {b"model", b"revision", b"prompt_set", b"manifest_sha256"} <= set(schema.metadata)


def test_prediction_is_the_first_highest_score(path):
    """Ties must not depend on the machine."""
    assert read_predictions(path).predictions == [0, 0, 2, 0]


def test_names_are_understood_as_references(path):
    """A table of another tool may hold names."""
    change(path, columns={"reference": ["joy", "anger", "quiet relief", "quiet relief"]})
    assert read_predictions(path).references == [0, 1, 2, 2]


def test_existing_file_is_kept(path):
    """Predictions can be hours of work."""
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"p.parquet; choose another name"):
        write_predictions(PredictionTable(**FIELDS), path)
    assert path.read_bytes() == before


def test_failed_writing_leaves_nothing(tmp_path, monkeypatch):
    """Half a Parquet file under the final name would be taken for a result."""

    def fail(table, where, **storage):
        where.write_bytes(b"PAR1")
        raise OSError("disk full")

    monkeypatch.setattr(pq, "write_table", fail)
    with pytest.raises(OSError, match="disk full"):
        write_predictions(PredictionTable(**FIELDS), tmp_path / "p.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"drop": ["scores"]}, r"must have the columns clip_id, reference, scores; `scores` is missing"),
        ({"drop": ["clip_id"]}, r"`clip_id` is missing"),
        (
            {"drop": ["prompt_set"]},
            r"the metadata of a prediction table must hold `prompt_set`; got class_names, dataset, m",
        ),
        ({"columns": {"scores": [[0.1, 0.2, np.nan]] * 4}}, r"must be finite numbers, got .*nan\] for the clip 'c1'"),
        ({"columns": {"scores": [[0.1, None, 0.2]] * 4}}, r"must be finite numbers"),
        ({"columns": {"scores": [[0.1, 0.2, 0.3]] * 3 + [[0.1]]}}, r"must hold 3 numbers, got 1 in row 3"),
        ({"columns": {"scores": [[0.1, 0.2, 0.3]] * 3 + [None]}}, r"must have a value in every row, got 1 empty"),
        ({"columns": {"scores": ["0.1", "0.2", "0.3", "0.4"]}}, r"p.parquet: .* lists of numbers, got string"),
        ({"columns": {"scores": [["0.1"]] * 4}}, r"p.parquet: .* lists of numbers, got list<"),
        ({"columns": {"clip_id": [1, 2, 3, 4]}}, r"p.parquet: The column `clip_id` must hold texts, got int64"),
        ({"columns": {"reference": [0.0, 1.0, 2.0, 2.0]}}, r"p.parquet: .* class ids \(whole numbers\), got double"),
        ({"columns": {"reference": [True, False, True, True]}}, r"p.parquet: .* class ids .*, got bool"),
        (
            {"metadata": {"class_names": "joy, anger"}},
            r"p.parquet: .*`class_names` must be a JSON list of texts, got 'joy",
        ),
        ({"metadata": {"class_names": "[0, 1, 2]"}}, r"p.parquet: .* JSON list of texts, got '\[0, 1, 2\]'"),
        ({"metadata": {"published": "[1]"}}, r"p.parquet: .*`published` must be a JSON list of objects, got '\[1\]'"),
        ({"metadata": {"task": "ranking"}}, r"p.parquet is a table of ranking, not of classification"),
        ({"columns": {"clip_id": ["c1", "c2", "c1", "c4"]}}, r"must occur once, got 'c1' twice"),
        ({"columns": {"reference": [0, 1, 2, 3]}}, r"must be ids from 0 to 2, got 3"),
        ({"columns": {"reference": [0, 1, 2, None]}}, r"must have a value in every row, got 1 empty"),
        ({"columns": {"reference": ["joy", "fear", "joy", "joy"]}}, r"must be one of joy, anger, .*; got 'fear'"),
        ({"metadata": {"class_names": '["one"]'}}, r"must hold 1 numbers, got 3 in row 0"),
        ({"metadata": {"class_names": '["a", "b", "a"]'}}, r"at least 2 different names, got \['a', 'b', 'a'\]"),
    ],
)
def test_damaged_table_is_refused(path, changes, message):
    """A report must not be computed from a table that is not what it says."""
    change(path, **changes)
    with pytest.raises(ValueError, match=message):
        read_predictions(path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"clip_ids": []}, r"at least one clip, got 0"),
        ({"references": [0, 1]}, r"as many as the 4 clip ids, got 2"),
        ({"scores": np.zeros((4, 2))}, r"shape \(clips, classes\) = \(4, 3\), got \(4, 2\)"),
    ],
)
def test_table_of_other_sizes_is_refused(fields, message):
    """Rows that do not belong together give a number all the same."""
    with pytest.raises(ValueError, match=message):
        PredictionTable(**{**FIELDS, **fields})


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing.parquet; run evaluate.py"):
        read_predictions(tmp_path / "nothing.parquet")


def test_other_file_is_refused(tmp_path):
    """The message of the Parquet library speaks of magic bytes."""
    path = tmp_path / "text.parquet"
    path.write_text("clip_id,reference")
    with pytest.raises(ValueError, match=r"must be a Parquet file, got .*text.parquet"):
        read_predictions(path)


def test_further_columns_come_back(make_table, tmp_path):
    """Folds and subjects are needed for numbers that are computed from the table alone."""
    table = make_table(columns={"fold": [1 + number % 2 for number in range(33)]})
    assert read_predictions(write_predictions(table, tmp_path / "t.parquet")).columns == table.columns


def test_further_column_of_another_length_is_refused(make_table):
    with pytest.raises(ValueError, match=r"must have 33 values .* got 1 values of `fold`"):
        make_table(columns={"fold": [1]})


def test_columns_of_other_programs_are_understood(path):
    """Categories of pandas, lists of one length and double precision hold the same values."""
    scores = pa.FixedSizeListArray.from_arrays(pa.array(FIELDS["scores"].astype(np.float64).ravel()), 3)
    names = pa.array([FIELDS["class_names"][place] for place in FIELDS["references"]])
    ids = pa.array(FIELDS["clip_ids"], pa.large_string())
    change(path, columns={"scores": scores, "reference": names.dictionary_encode(), "clip_id": ids})
    table = read_predictions(path)
    np.testing.assert_array_equal(table.scores, FIELDS["scores"])
    assert (table.references, table.clip_ids) == (FIELDS["references"], FIELDS["clip_ids"])
