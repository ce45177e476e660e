# SPDX-License-Identifier: Apache-2.0
"""EMOTIC: the official file and the usual converter's tables."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.io import savemat

from emoclip.data.readers import READERS


@pytest.mark.parametrize(("tree", "persons"), [("emotic", 2), ("emotic_mat", 3)])
def test_emotic_cuts_boxes_and_keeps_missing_numbers_missing(
    tree: str, persons: int, miniature: Callable, rows_of: Callable
) -> None:
    """A box outside the picture has no pixels, and NaN spreads through every mean. Both forms give the same."""
    rows = rows_of("emotic", miniature(tree))
    first, second = rows["train/0"], rows["train/1"]
    assert first["boxes"] == [[0.0, 2.0, 30.0, 24.0]]
    assert [READERS["emotic"].tasks["categories"][label] for label in first["labels"]] == ["doubt/confusion", "peace"]
    assert (first["valence"], first["dominance"], second["valence"]) == (5.0, None, None)
    assert [clip for clip in rows if clip.startswith("validation")] == [f"validation/{n}" for n in range(persons)]
    assert len(rows) == 3 * persons
    assert rows["test/1"]["path"].name == "test.jpg" and rows["test/1"]["labels"] == [1]


def test_emotic_file_that_is_another_is_named(miniature: Callable, rows_of: Callable) -> None:
    """A download that stopped, a file that was saved again, a struct without persons."""
    root = miniature("emotic_mat")
    path = root / "Annotations" / "Annotations.mat"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ValueError, match=r"Annotations.mat must be a MATLAB file"):
        rows_of("emotic", root)
    savemat(path, {"other": np.zeros(3)})
    with pytest.raises(ValueError, match=r"Annotations.mat must hold `train`"):
        rows_of("emotic", root)
    savemat(path, {"train": np.zeros(3)})
    with pytest.raises(ValueError, match=r"Annotations.mat, train, image 0: must be a struct with"):
        rows_of("emotic", root)
