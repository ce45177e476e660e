# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pandas as pd
import pytest
import torch

from emoclip.analysis import load_model
from emoclip.analysis.prototypes import read_words
from emoclip.analysis.words import read_emotions
from emoclip.search import find_moments


@pytest.fixture(scope="module")
def loaded(tiny_model_folder):
    return load_model(tiny_model_folder)


@pytest.fixture
def write_index(loaded, tmp_path):
    """Return a function that writes an index file of windows with known cosines to the text "smile"."""
    with torch.inference_mode():
        smile = read_words(read_emotions(["smile"]), loaded).prototypes.vectors[0].numpy()
    across = np.linalg.svd(smile[None])[2][-1]

    def write(name, windows):
        rows = [
            {
                "video": name,
                "person": person,
                "start": start,
                "end": end,
                "quality": quality,
                "mark": mark,
                "embed": 7 * (cosine * smile / np.linalg.norm(smile) + np.sqrt(1 - cosine**2) * across),
            }
            for person, start, end, cosine, quality, mark in windows
        ]
        path = tmp_path / f"{name}.embeds.parquet"
        pd.DataFrame(rows).to_parquet(path)
        return path

    return write


def test_best_windows_first_and_overlaps_left_out(write_index, loaded):
    """Neighbouring windows show the same moment; another person at the same time does not."""
    files = [
        write_index(
            "a", [(1, 0, 2, 0.5, 0.9, ""), (1, 1, 3, 0.8, 0.9, ""), (2, 1, 3, 0.6, 0.9, ""), (1, 3, 5, 0.1, 0.9, "")]
        ),
        write_index("b", [(1, 0, 2, 0.7, 0.9, ""), (0, 9, 12, 0.99, 0.0, "no face")]),
    ]
    found = find_moments(files, ["smile"], loaded, top=3)
    assert found[["rank", "video", "person", "start"]].values.tolist() == [
        [1, "a", 1, 1],
        [2, "b", 1, 0],
        [3, "a", 2, 1],
    ]
    np.testing.assert_allclose(found["similarity"], [0.8, 0.7, 0.6], atol=1e-5)


def test_every_text_has_its_own_moments_and_poor_faces_may_be_left_out(write_index, loaded):
    files = [write_index("a", [(1, 0, 2, 0.9, 0.2, "blurred"), (1, 4, 6, 0.4, 0.8, "")])]
    found = find_moments(files, ["smile", "frown"], loaded, min_quality=0.5)
    assert found["query"].tolist() == ["smile", "frown"]
    assert found["start"].tolist() == [4, 4]


def test_nothing_to_be_found_is_no_row(write_index, loaded):
    found = find_moments([write_index("a", [(0, 0, 9, 0.5, 0.0, "no face")])], ["smile"], loaded)
    assert len(found) == 0


def test_index_of_another_model_is_refused(loaded, tmp_path):
    """Vectors of other widths cannot be compared; of the same width they would give nonsense, which settings guard."""
    table = pd.DataFrame({"video": ["a"], "mark": [""], "embed": [np.ones(3)]})
    table.to_parquet(tmp_path / "a.embeds.parquet")
    with pytest.raises(ValueError, match="name another --index"):
        find_moments([tmp_path / "a.embeds.parquet"], ["smile"], loaded)
    with pytest.raises(ValueError, match="`top` must be at least 1, got 0"):
        find_moments([], ["smile"], loaded, top=0)
