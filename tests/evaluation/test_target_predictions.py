# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emoclip.evaluation.predictions import read_predictions
from emoclip.evaluation.report import read_table
from emoclip.evaluation.target_predictions import (
    RetrievalTable,
    TargetTable,
    read_target_predictions,
    write_target_predictions,
)


SHARED = {"model": "m", "revision": "r", "prompt_set": "p", "manifest_sha256": "f" * 64, "system": "s"}


def target_table(**changes):
    fields = {
        "task": "regression",
        "clip_ids": ["a", "b", "c"],
        "references": np.array([[1.5, -2], [0, 1], [3, 4]], np.float32),
        "scores": np.array([[1, 2], [3, 4], [5, 6.25]], np.float32),
        "class_names": ["valence", "arousal"],
        "columns": {"subject_id": ["x", "x", "y"]},
    }
    return TargetTable(**{**SHARED, **fields, **changes})


def retrieval_table(**changes):
    fields = {
        "clip_ids": ["a", "b"],
        "references": [1, -1],
        "video_embeds": np.array([[3, 0, 4], [0, 2, 0]], np.float32),
        "text_embeds": np.array([[1, 0, 0], [0, 5, 0]], np.float32),
        "class_names": ["anger", "fear"],
    }
    return RetrievalTable(**{**SHARED, **fields, **changes})


@pytest.mark.parametrize("table", [target_table(), retrieval_table()])
def test_table_comes_back_as_it_was(table, tmp_path):
    """Every number of a report is computed from what is read back."""
    read = read_target_predictions(write_target_predictions(table, tmp_path / "t.parquet"))
    assert type(read) is type(table)
    for name in type(table).__dataclass_fields__:
        np.testing.assert_array_equal(getattr(read, name), getattr(table, name))


def test_similarity_is_the_cosine():
    np.testing.assert_allclose(retrieval_table().similarity(), [[0.6, 0], [0, 1]], atol=1e-7)


def test_table_of_another_task_is_no_classification(tmp_path):
    """Numbers read as classes would give nonsense without an error."""
    path = write_target_predictions(target_table(), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"t.parquet is a table of regression, not of classification"):
        read_predictions(path)


@pytest.mark.parametrize(
    ("make", "changes", "message"),
    [
        (target_table, {"task": "ranking"}, r"`task` must be multi_label or regression, got 'ranking'"),
        (target_table, {"clip_ids": ["a", "a", "b"]}, r"got 'a' twice"),
        (target_table, {"class_names": ["one"]}, r"`references` must have the shape \(clips, outputs\) = \(3, 1\)"),
        (target_table, {"scores": np.array([[1, np.nan]] * 3)}, r"`scores` must be finite numbers"),
        (target_table, {"task": "multi_label"}, r"`references` of several labels must be 0 and 1"),
        (target_table, {"columns": {"fold": [1]}}, r"must have 3 values .*, got 1 values of `fold`"),
        (retrieval_table, {"references": [1]}, r"must be as many as the 2 clip ids"),
        (retrieval_table, {"text_embeds": np.full((2, 3), np.inf)}, r"`text_embeds` must be finite numbers"),
    ],
)
def test_damaged_table_is_refused(make, changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


@pytest.mark.parametrize(
    ("table", "changes", "metadata", "message"),
    [
        (target_table(), {}, {"task": "ranking"}, r"t.parquet: `task` must be multi_label, .* got 'ranking'"),
        (
            target_table(),
            {},
            {"class_names": "one"},
            r"t.parquet: .*`class_names` must be a JSON list of texts, got 'one'",
        ),
        (
            target_table(),
            {"reference": [1, 2, 3]},
            {},
            r"t.parquet: .*`reference` must hold lists of numbers, got int64",
        ),
        (retrieval_table(), {}, {"ks": "1"}, r"t.parquet: .*`ks` must be a JSON list of whole numbers, got '1'"),
        (
            retrieval_table(),
            {"reference": [0.5, 1.0]},
            {},
            r"t.parquet: .*`reference` must hold class ids .* got double",
        ),
        (retrieval_table(), {"video_embeds": None}, {}, r"t.parquet: .*`video_embeds` is missing"),
    ],
)
def test_damaged_file_is_named(table, changes, metadata, message, tmp_path):
    """One of twenty tables is damaged: which, and how."""
    path = write_target_predictions(table, tmp_path / "t.parquet")
    arrow = pq.read_table(path)
    columns = {name: arrow[name] for name in arrow.column_names} | changes
    kept = {key.decode(): value.decode() for key, value in arrow.schema.metadata.items()} | metadata
    data = pa.table({name: values for name, values in columns.items() if values is not None})
    pq.write_table(data.replace_schema_metadata(kept), path)
    with pytest.raises(ValueError, match=message):
        read_table(path)
