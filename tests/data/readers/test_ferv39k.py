# SPDX-License-Identifier: Apache-2.0
"""FERV39k: numbers that repeat between scenes."""

from collections.abc import Callable

import pytest


def test_ferv39k_ids_hold_scene_and_emotion(miniature: Callable, labels_of: Callable) -> None:
    """Number 0010 exists in every scene."""
    assert labels_of("ferv39k", miniature("ferv39k")) == {
        "Action/Sad/0010": "sadness",
        "War/Angry/0010": "anger",
        "Action/Happy/0010": "happiness",
    }


def test_ferv39k_lists_have_no_heading(miniature: Callable, rows_of: Callable) -> None:
    """Called `.csv`, they are read with a heading by default, and the first clip is lost."""
    root = miniature("ferv39k")
    assert rows_of("ferv39k", root)["Action/Sad/0010"]["listed"] == "All_scenes/train_All.csv:1"
    (root / "4_setups" / "All_scenes" / "test_All.csv").write_text("Action/Happy/0010,Happy\n")
    with pytest.raises(ValueError, match=r"test_All.csv:1: a line must be `Scene/Emotion/0010 Emotion`"):
        rows_of("ferv39k", root)
