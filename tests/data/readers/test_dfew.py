# SPDX-License-Identifier: Apache-2.0
"""DFEW: unpadded ids, labels from 1, frames without padding."""

from collections.abc import Callable

import pytest


def test_dfew_ids_are_padded_and_labels_counted_from_one(
    miniature: Callable, rows_of: Callable, labels_of: Callable
) -> None:
    """Label 1 taken for the second class shifts every emotion."""
    root = miniature("dfew")
    labels = labels_of("dfew", root)
    assert labels["00001"] == "happiness" and labels["00005"] == "surprise" and labels["00101"] == "fear"
    assert rows_of("dfew", root)["00101"]["num_frames"] == 3
    path = root / "EmoLabel_DataSplit" / "test(single-labeled)" / "set_2.csv"
    path.write_text("video_name,label\n2,8\n")
    with pytest.raises(ValueError, match=r"set_2.csv:2: the label must be one of 1, 2, 3, 4, 5, 6, 7, got '8'"):
        rows_of("dfew", root)
    path.write_text("label,video_name\n2,8\n")
    with pytest.raises(ValueError, match="must have the columns video_name, label"):
        rows_of("dfew", root)
