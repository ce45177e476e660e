# SPDX-License-Identifier: Apache-2.0
"""FERV39k: numbers that repeat between scenes."""

from collections.abc import Callable


def test_ferv39k_ids_hold_scene_and_emotion(miniature: Callable, labels_of: Callable) -> None:
    """Number 0010 exists in every scene."""
    assert labels_of("ferv39k", miniature("ferv39k")) == {
        "Action/Sad/0010": "sadness",
        "War/Angry/0010": "anger",
        "Action/Happy/0010": "happiness",
    }
