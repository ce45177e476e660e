# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.evaluation.embeddings import EmbeddingTable, read_embeddings, write_embeddings


@pytest.fixture
def make_embeddings():
    """Returns a function that makes embeddings of 5 clips and 2 texts in 7 dimensions."""

    def make(**changes) -> EmbeddingTable:
        generator = np.random.default_rng(0)
        fields = {
            "clip_ids": [f"c{number}" for number in range(5)],
            "references": [0, 1, -1, 1, 0],
            "video_embeds": generator.normal(size=(5, 7)).astype(np.float32),
            "class_names": ["anger", "joy"],
            "system": "after",
            "model": "some/model",
            "revision": "abc",
            "manifest_sha256": "f" * 64,
            "texts": ["a frown", "a smile"],
            "text_classes": ["anger", "joy"],
            "text_embeds": generator.normal(size=(2, 7)).astype(np.float32),
        }
        return EmbeddingTable(**{**fields, **changes})

    return make


def test_round_trip(make_embeddings, tmp_path):
    """What a report draws is what the model gave."""
    table = make_embeddings()
    paths = write_embeddings(table, tmp_path)
    assert [path.name for path in paths] == ["after.parquet", "after.texts.parquet"]
    (read,) = read_embeddings(tmp_path)
    assert np.array_equal(read.video_embeds, table.video_embeds)
    assert np.array_equal(read.text_embeds, table.text_embeds)
    assert (read.references, read.texts, read.system) == (table.references, table.texts, "after")


def test_texts_are_optional_and_systems_sorted(make_embeddings, tmp_path):
    """A picture without texts is still one."""
    write_embeddings(make_embeddings(), tmp_path)
    write_embeddings(make_embeddings(system="a.b", texts=()), tmp_path)
    assert [(table.system, len(table.texts)) for table in read_embeddings(tmp_path)] == [("a.b", 0), ("after", 2)]
    assert read_embeddings(tmp_path / "elsewhere") == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"references": [0]}, r"one row for each of 5 clips, got 1 and \(5, 7\)"),
        ({"clip_ids": ["c"] * 5}, "Every clip must occur once, got 'c' twice"),
        ({"video_embeds": np.full((5, 7), np.nan)}, "`video_embeds` must be finite"),
        ({"text_classes": ["joy"]}, r"got 1 classes and \(2, 7\)"),
        ({"text_embeds": np.zeros((2, 3))}, r"got 2 classes and \(2, 3\)"),
    ],
)
def test_bad_embeddings_are_refused(make_embeddings, changes, message):
    """A row too few would colour clips with their neighbours' classes."""
    with pytest.raises(ValueError, match=message):
        make_embeddings(**changes)


def test_damaged_files_are_named(make_embeddings, tmp_path):
    """Among many tables the broken one must be found."""
    (path, _) = write_embeddings(make_embeddings(), tmp_path)
    with pytest.raises(FileExistsError, match=r"after\.parquet; choose another folder"):
        write_embeddings(make_embeddings(), tmp_path)
    path.write_text("nothing")
    with pytest.raises(ValueError, match=r"must be a Parquet file, got .*after\.parquet"):
        read_embeddings(tmp_path)
