# SPDX-License-Identifier: Apache-2.0
"""Retrieval: how far up the right texts come when a video is the query, and the other way round.

`similarity` has the shape (queries, candidates), higher is closer. What is right for a query is said by ids: the
candidates whose id equals the query's. By default query i wants candidate i. With several captions a video, or one text
shared by several videos, several candidates are right; the best of them counts.

Ties count against the query: a wrong candidate that scores as high as the best right one stands before it, so constant
similarities give the worst rank, not the best.
"""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np


# Rows of the similarity that are looked at together, to bound the memory of 8,000 queries against 8,000 candidates.
_QUERIES_AT_ONCE = 512


def retrieval_ranks(
    similarity: np.ndarray,
    query_ids: Sequence[Hashable] | None = None,
    candidate_ids: Sequence[Hashable] | None = None,
) -> np.ndarray:
    """Rank of the best right candidate of each query, from 1: int64 (queries,).

    Raises:
        ValueError: If `similarity` is no finite matrix, the ids do not fit it, or a query has no right candidate.
    """
    similarity, queries, candidates = _checked(similarity, query_ids, candidate_ids)
    ranks = np.empty(len(queries), dtype=np.int64)
    for rows in _blocks(len(queries)):
        relevant = queries[rows][:, None] == candidates
        if not relevant.any(axis=1).all():
            raise ValueError(
                f"Every query must have a right candidate, query {_first_without(relevant, rows)} has none."
            )
        best = np.where(relevant, similarity[rows], -np.inf).max(axis=1, keepdims=True)
        ranks[rows] = 1 + ((similarity[rows] >= best) & ~relevant).sum(axis=1)
    return ranks


def recall_at_k(ranks: np.ndarray, k: int) -> float:
    """Share of queries with a right candidate among the first k; `ranks` as `retrieval_ranks` gives them."""
    return float((_checked_ranks(ranks, k) <= k).mean())


def median_rank(ranks: np.ndarray) -> float:
    """Median of the ranks, from 1; of an even number of queries the mean of the middle two."""
    return float(np.median(_checked_ranks(ranks, 1)))


def precision_at_k(
    similarity: np.ndarray,
    k: int,
    query_ids: Sequence[Hashable] | None = None,
    candidate_ids: Sequence[Hashable] | None = None,
) -> float:
    """Mean share of right candidates among the first k; with one right candidate a query this is hit@k / k, at most 1 / k.

    With classes as ids it is the class-relevance precision: the share of the first k texts whose clip has the query's
    class. Then a query without any right candidate counts 0.

    Raises:
        ValueError: If `similarity` is no finite matrix, the ids do not fit it, or k is not between 1 and the candidates.
    """
    similarity, queries, candidates = _checked(similarity, query_ids, candidate_ids)
    if not 1 <= k <= len(candidates):
        raise ValueError(f"`k` must lie between 1 and the {len(candidates)} candidates, got {k}.")
    hits = 0
    for rows in _blocks(len(queries)):
        relevant, block = queries[rows][:, None] == candidates, similarity[rows]
        threshold = np.partition(block, len(candidates) - k, axis=1)[:, -k, None]
        above, tied = block > threshold, block == threshold
        # The places that the candidates above leave go to the tied ones, wrong before right.
        places = k - above.sum(axis=1)
        hits += int((above & relevant).sum() + np.maximum(places - (tied & ~relevant).sum(axis=1), 0).sum())
    return hits / (k * len(queries))


def retrieval_metrics(
    similarity: np.ndarray,
    *,
    video_ids: Sequence[Hashable] | None = None,
    text_ids: Sequence[Hashable] | None = None,
    video_classes: Sequence[Hashable] | None = None,
    text_classes: Sequence[Hashable] | None = None,
    ks: Sequence[int] = (1, 5, 10),
) -> dict[str, dict[str, float]]:
    """All retrieval metrics in both directions, `video_to_text` and `text_to_video`.

    Each direction has `recall_at_K` and `precision_at_K` for every k, `median_rank`, `num_queries`, `num_candidates`,
    and `class_precision_at_K` where classes are given. Values of k above the number of candidates are left out.

    Args:
        similarity: (videos, texts).
        video_ids: What each video shows; the same as the id of its texts. By default video i belongs to text i.
        text_ids: What each text describes.
        video_classes: Class of each video.
        text_classes: Class of the clip that each text describes.
        ks: Lengths of the lists that are looked at.

    Raises:
        ValueError: See `retrieval_ranks` and `precision_at_k`; or only one side's ids or classes are given.
    """
    for name, first, second in (("ids", video_ids, text_ids), ("classes", video_classes, text_classes)):
        if (first is None) != (second is None):
            raise ValueError(f"`video_{name}` and `text_{name}` must be given together, got one of them.")
    similarity = np.asarray(similarity)
    return {
        "video_to_text": _one_direction(similarity, (video_ids, text_ids), (video_classes, text_classes), ks),
        "text_to_video": _one_direction(similarity.T, (text_ids, video_ids), (text_classes, video_classes), ks),
    }


def _one_direction(similarity: np.ndarray, ids: tuple, classes: tuple, ks: Sequence[int]) -> dict[str, float]:
    ranks = retrieval_ranks(similarity, *ids)
    possible = [k for k in ks if k <= similarity.shape[1]]
    result: dict[str, float] = {f"recall_at_{k}": recall_at_k(ranks, k) for k in possible}
    result |= {f"precision_at_{k}": precision_at_k(similarity, k, *ids) for k in possible}
    if classes[0] is not None:
        result |= {f"class_precision_at_{k}": precision_at_k(similarity, k, *classes) for k in possible}
    num_queries, num_candidates = similarity.shape
    return result | {"median_rank": median_rank(ranks), "num_queries": num_queries, "num_candidates": num_candidates}


def _checked(similarity: np.ndarray, query_ids: Any, candidate_ids: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The matrix, and both sides' ids as integers that are equal where the ids are."""
    similarity = np.asarray(similarity)
    if similarity.ndim != 2 or not similarity.size:
        raise ValueError(f"`similarity` must have the shape (queries, candidates), got {similarity.shape}.")
    if not np.isfinite(similarity).all():
        query, candidate = np.argwhere(~np.isfinite(similarity))[0].tolist()
        raise ValueError(f"`similarity` must be finite, got {similarity[query, candidate]} at ({query}, {candidate}).")
    num_queries, num_candidates = similarity.shape
    if query_ids is None and candidate_ids is None:
        if num_queries > num_candidates:
            raise ValueError(
                f"Without ids every query needs a candidate of its own, got {num_queries} queries and {num_candidates} "
                "candidates; pass the ids."
            )
        return similarity, np.arange(num_queries), np.arange(num_candidates)
    if query_ids is None or candidate_ids is None or (len(query_ids), len(candidate_ids)) != similarity.shape:
        got = tuple(None if ids is None else len(ids) for ids in (query_ids, candidate_ids))
        raise ValueError(f"There must be one id per query and per candidate, {similarity.shape}, got {got}.")
    numbers: dict[Hashable, int] = {}
    coded = [np.array([numbers.setdefault(i, len(numbers)) for i in ids]) for ids in (query_ids, candidate_ids)]
    return similarity, coded[0], coded[1]


def _checked_ranks(ranks: np.ndarray, k: int) -> np.ndarray:
    ranks = np.asarray(ranks)
    if ranks.ndim != 1 or not len(ranks) or (ranks < 1).any():
        raise ValueError(f"`ranks` must be a list of ranks from 1, got {ranks.tolist()[:5]}.")
    if k < 1:
        raise ValueError(f"`k` must be at least 1, got {k}.")
    return ranks


def _blocks(num_queries: int) -> list[slice]:
    return [slice(start, start + _QUERIES_AT_ONCE) for start in range(0, num_queries, _QUERIES_AT_ONCE)]


def _first_without(relevant: np.ndarray, rows: slice) -> int:
    return rows.start + int(np.flatnonzero(~relevant.any(axis=1))[0])
