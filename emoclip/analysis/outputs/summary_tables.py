# SPDX-License-Identifier: Apache-2.0
"""Tables in the manner of clinical studies: by frame, by window, by video, and against a baseline clip."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from .segments import window_cells, with_person


KEYS = ("video", "person")
BASELINE_COLUMNS = ("baseline_mean", "baseline_sd", "change", "z")


def per_frame(timeline: pd.DataFrame, frame_times: pd.DataFrame) -> pd.DataFrame:
    """Return one row per person and analysed frame with a column for each word.

    The value of a frame is the mean over the windows it lies in, so it is as smooth as the windows are long; analyse with
    `mode="frames"` for values of single frames.

    Args:
        timeline: As `Analysis.timeline`.
        frame_times: `video`, `person`, `frame` and `time` of the analysed frames; repeats count once.
    """
    cells = window_cells(timeline)
    words = list(dict.fromkeys(timeline["emotion"]))
    frames = frame_times.drop_duplicates([*KEYS, "frame"]).sort_values([*KEYS, "time"], kind="stable")
    parts = [frames.iloc[:0][[*KEYS, "frame", "time"]]]
    for (video, person), part in frames.groupby(list(KEYS), sort=False):
        own = cells[(cells["video"] == video) & (cells["person"] == person)]
        scores = np.array([[one.get(word, np.nan) for word in words] for one in own["scores"]]).reshape(-1, len(words))
        start, end = own["start"].to_numpy(float), own["end"].to_numpy(float)
        values = [
            _mean_of_known(scores[(start <= time + 1e-6) & (time - 1e-6 <= end)])
            for time in part["time"].to_numpy(float)
        ]
        parts.append(part[[*KEYS, "frame", "time"]].reset_index(drop=True).join(_named(values, words)))
    return pd.concat(parts, ignore_index=True).astype({"frame": "int64"})


def per_window(timeline: pd.DataFrame) -> pd.DataFrame:
    """Return one row per window: a column for each word, the best word, its match, quality and mark."""
    cells = window_cells(timeline)
    words = list(dict.fromkeys(timeline["emotion"]))
    values = [[scores.get(word, np.nan) for word in words] for scores in cells["scores"]]
    head = cells[["video", "person", "start", "end"]]
    return pd.concat([head, _named(values, words), cells[["best", "best_match", "quality", "mark"]]], axis=1)


def per_video(timeline: pd.DataFrame) -> pd.DataFrame:
    """Return one row per video, person and word.

    `windows` and `scored` count windows, `seconds` is the time that was scored. `mean`, `sd` (of a sample), `median`, `min`
    and `max` are of the relative match over scored windows; `peak_start` and `peak_end` are of the window with the highest;
    `best_share` is the share of the scored time in which this word fits best. Where nothing was scored they are missing.
    """
    cells = window_cells(timeline)
    words = list(dict.fromkeys(timeline["emotion"]))
    rows = [
        _word_row(str(video), int(str(person)), word, part)
        for (video, person), part in cells.groupby(list(KEYS), sort=False)
        for word in words
    ]
    return pd.DataFrame(rows)


def relative_to_baseline(timeline: pd.DataFrame, baseline: pd.DataFrame, *, person: int | None = None) -> pd.DataFrame:
    """Return the timeline with what each match is against a baseline clip of the same words.

    Added are `baseline_mean` and `baseline_sd` of the word in the baseline, `change` (match minus the mean), and `z` (the
    change in standard deviations; missing where the baseline does not vary).

    Args:
        timeline: As `Analysis.timeline`.
        baseline: The timeline of the baseline clip.
        person: Whose windows of the baseline count; by default the person with the most scored windows, because numbers
            of persons in two videos have nothing to do with one another.

    Raises:
        ValueError: The words differ, or nothing was scored in the baseline.
    """
    words, others = list(dict.fromkeys(timeline["emotion"])), list(dict.fromkeys(baseline["emotion"]))
    if set(words) != set(others):
        odd = sorted(set(words) ^ set(others))
        raise ValueError(
            f"A baseline must be scored with the same words, got {odd[0]!r} in one alone; analyse it again."
        )
    known = with_person(baseline).dropna(subset=["match"])
    if known.empty:
        raise ValueError("A baseline must hold a scored window, got none; is a face in sight?")
    chosen = known["person"].value_counts().index[0] if person is None else person
    known = known[known["person"] == chosen]
    if known.empty:
        raise ValueError(f"The baseline has no scored window of person {person}; leave the number out.")
    by_word = known.groupby("emotion")["match"]
    mean, spread = timeline["emotion"].map(by_word.mean()), timeline["emotion"].map(by_word.std())
    change = timeline["match"] - mean
    z = change / spread.where(spread > 0)
    return timeline.assign(baseline_mean=mean, baseline_sd=spread, change=change, z=z)


def _mean_of_known(scores: np.ndarray) -> np.ndarray:
    known = scores[~np.isnan(scores).any(axis=1)]
    return known.mean(axis=0) if len(known) else np.full(scores.shape[1], np.nan)


def _named(values: Iterable, words: list[str]) -> pd.DataFrame:
    """Values under the words as column names; a word that is the name of another column is told apart."""
    taken = {"video", "person", "frame", "time", "start", "end", "best", "best_match", "quality", "mark"}
    names = [f"word {word}" if word in taken else word for word in words]
    return pd.DataFrame(list(values), columns=names, dtype=float)


def _word_row(video: str, person: int, word: str, cells: pd.DataFrame) -> dict[str, object]:
    matches = np.array([scores.get(word, np.nan) for scores in cells["scores"]])
    seconds = (cells["cell_end"] - cells["cell_start"]).to_numpy(float)
    known = ~np.isnan(matches)
    row: dict[str, object] = {
        "video": video,
        "person": person,
        "emotion": word,
        "windows": len(cells),
        "scored": int(known.sum()),
        "seconds": float(seconds[known].sum()),
    }
    if not known.any():
        names = ("mean", "sd", "median", "min", "max", "peak_start", "peak_end", "best_share")
        return row | dict.fromkeys(names, np.nan)
    peak = cells.iloc[int(np.nanargmax(matches))]
    best = (cells["best"] == word).to_numpy()
    return row | {
        "mean": float(matches[known].mean()),
        "sd": float(matches[known].std(ddof=1)) if known.sum() > 1 else np.nan,
        "median": float(np.median(matches[known])),
        "min": float(matches[known].min()),
        "max": float(matches[known].max()),
        "peak_start": float(peak["start"]),
        "peak_end": float(peak["end"]),
        "best_share": float(seconds[known & best].sum() / seconds[known].sum()),
    }


__all__ = ["BASELINE_COLUMNS", "per_frame", "per_video", "per_window", "relative_to_baseline"]
