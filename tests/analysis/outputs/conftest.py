# SPDX-License-Identifier: Apache-2.0
"""A small timeline by hand: two persons, a stretch without a face, words that need care."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest


WORDS = ["joy", 'quiet "relief"', "驚き 😀"]
# person, start, end, matches of the three words, mark
WINDOWS = [
    (1, 0.0, 2.0, (0.7, 0.2, 0.1), ""),
    (1, 1.0, 3.0, (0.6, 0.3, 0.1), ""),
    (1, 2.0, 4.0, (0.2, 0.7, 0.1), "small face"),
    (2, 0.5, 2.5, (0.1, 0.1, 0.8), ""),
    (0, 5.0, 7.0, None, "no face"),
    (2, 8.0, 9.0, (0.3, 0.5, 0.2), ""),
]


@pytest.fixture
def make_timeline() -> Callable[..., pd.DataFrame]:
    """Return a function that makes a timeline of windows (person, start, end, matches, mark)."""

    def make(windows=WINDOWS, words=WORDS, video="a film.mp4") -> pd.DataFrame:
        rows = [
            {
                "video": video,
                "person": person,
                "start": start,
                "end": end,
                "emotion": word,
                "similarity": np.nan if matches is None else matches[place] / 2,
                "match": np.nan if matches is None else matches[place],
                "match_low": np.nan,
                "match_high": np.nan,
                "quality": 0.0 if matches is None else 0.9,
                "face_size": np.nan if matches is None else 60.0,
                "sharpness": 0.8,
                "frontality": 0.9,
                "coverage": 1.0,
                "mark": mark,
            }
            for person, start, end, matches, mark in windows
            for place, word in enumerate(words)
        ]
        return pd.DataFrame(rows)

    return make


@pytest.fixture
def timeline(make_timeline) -> pd.DataFrame:
    return make_timeline()
