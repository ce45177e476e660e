# SPDX-License-Identifier: Apache-2.0
"""Calibration: whether a clip with the score 0.8 is right in 8 of 10 cases.

Scores are probabilities here: each in [0, 1], every row with the sum 1. Of a clip counts its highest score, the
confidence, and whether that class is the true one (Guo et al., 2017, "On calibration of modern neural networks").
"""

from typing import NamedTuple

import numpy as np

from .scores import References, checked_scores


# How far from 1 the sum of a row of float32 probabilities may lie.
SUM_TOLERANCE = 1e-3
NUM_BINS = 15


class ReliabilityBins(NamedTuple):
    """Clips sorted by confidence into bins; of a bin without clips, confidence and accuracy are NaN.

    Args:
        edges: float64 (bins + 1,), ascending; a bin holds its upper edge, the first its lower edge too.
        counts: int64 (bins,), clips.
        confidence: float64 (bins,), mean confidence of the bin's clips.
        accuracy: float64 (bins,), share of the bin's clips that are right.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def expected_calibration_error(
    references: References, scores: np.ndarray, *, num_bins: int = NUM_BINS, equal_counts: bool = False
) -> float:
    """Mean distance between confidence and accuracy over bins, each weighted by its clips; 0 is best, in [0, 1].

    Args:
        references: True class of each clip, its position in the columns of `scores`.
        scores: Probabilities, (clips, classes).
        num_bins: Of equal width between 0 and 1.
        equal_counts: Bins with equally many clips instead, which leaves none empty.

    Raises:
        ValueError: If the scores are no probabilities, or see `reliability_bins`.
    """
    bins = reliability_bins(references, scores, num_bins=num_bins, equal_counts=equal_counts)
    filled = bins.counts > 0
    gaps = np.abs(bins.confidence[filled] - bins.accuracy[filled])
    return float((gaps * bins.counts[filled]).sum() / bins.counts.sum())


def reliability_bins(
    references: References, scores: np.ndarray, *, num_bins: int = NUM_BINS, equal_counts: bool = False
) -> ReliabilityBins:
    """Confidence and accuracy bin by bin, which a reliability plot draws; arguments as in `expected_calibration_error`.

    Raises:
        ValueError: If the scores are no probabilities, the references no single classes, or `num_bins` is below 1.
    """
    if num_bins < 1:
        raise ValueError(f"`num_bins` must be at least 1, got {num_bins}.")
    positives, probabilities = checked_scores(references, scores)
    _check_probabilities(positives, probabilities)
    confidence, right, edges, chosen = chosen_bins(positives, probabilities, num_bins, equal_counts=equal_counts)
    counts = np.bincount(chosen, minlength=len(edges) - 1)
    with np.errstate(invalid="ignore"):
        means = (np.bincount(chosen, weights=values, minlength=len(counts)) / counts for values in (confidence, right))
        return ReliabilityBins(edges, counts, *means)


def chosen_bins(
    positives: np.ndarray, probabilities: np.ndarray, num_bins: int = NUM_BINS, *, equal_counts: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Confidence of each clip, whether it is right, the edges of the bins, and each clip's bin.

    Args:
        positives: bool (clips, classes), one true class per clip.
        probabilities: float64 (clips, classes).
        num_bins, equal_counts: As in `expected_calibration_error`.
    """
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    right = positives[np.arange(len(predicted)), predicted]
    edges = np.linspace(0, 1, num_bins + 1)
    if equal_counts:
        edges = np.unique(np.quantile(confidence, edges))
        edges = edges if len(edges) > 1 else np.array([0.0, edges[0]])
    chosen = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, len(edges) - 2)
    return confidence, right, edges, chosen


def brier_score(references: References, scores: np.ndarray) -> float:
    """Mean squared distance of the probabilities from the truth, summed over classes; 0 is best, 2 worst.

    Raises:
        ValueError: As `reliability_bins`.
    """
    positives, probabilities = checked_scores(references, scores)
    _check_probabilities(positives, probabilities)
    return float(((probabilities - positives) ** 2).sum(axis=1).mean())


def are_probabilities(scores: np.ndarray) -> bool:
    """Whether every score lies in [0, 1] and every row has the sum 1."""
    scores = np.asarray(scores, dtype=np.float64)
    inside = (scores >= 0).all() and (scores <= 1 + SUM_TOLERANCE).all()
    return bool(inside and (np.abs(scores.sum(axis=1) - 1) <= SUM_TOLERANCE).all())


def _check_probabilities(positives: np.ndarray, probabilities: np.ndarray) -> None:
    if not (positives.sum(axis=1) == 1).all():
        row = int(np.flatnonzero(positives.sum(axis=1) != 1)[0])
        raise ValueError(f"Calibration needs one true class per clip, got {int(positives[row].sum())} in row {row}.")
    if not are_probabilities(probabilities):
        sums = probabilities.sum(axis=1)
        row = int(np.abs(sums - 1).argmax())
        raise ValueError(
            f"`scores` must be probabilities with the sum 1 in every row, got {probabilities[row].tolist()} in row {row}; "
            "take their softmax first."
        )
