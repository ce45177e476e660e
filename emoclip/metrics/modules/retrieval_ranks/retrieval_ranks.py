# SPDX-License-Identifier: Apache-2.0
"""Recall, precision and median rank of retrieval, for `evaluate.load`."""

import numpy as np

from emoclip.metrics import median_rank, precision_at_k, recall_at_k, retrieval_ranks
from emoclip.metrics.evaluate_module import ScoreMetric


class RetrievalRanks(ScoreMetric):
    """R@k, P@k and the median rank."""

    description = "Share of queries with the right candidate among the first k, in [0, 1], and the median rank from 1."
    score_inputs = """
Args:
    predictions: similarity of each query to every candidate, higher is closer; ties count against the query.
    references: position of the right candidate of each query.
"""
    inputs = """\
    ks: lengths of the lists that are looked into.
"""

    def _compute(self, predictions: list, references: list, ks: tuple[int, ...] = (1, 5, 10)) -> dict[str, float]:
        similarity, right = np.asarray(predictions), list(references)
        candidates = range(similarity.shape[1])
        ranks = retrieval_ranks(similarity, right, candidates)
        results: dict[str, float] = {}
        for k in (k for k in ks if k <= similarity.shape[1]):
            results[f"recall_at_{k}"] = recall_at_k(ranks, k)
            results[f"precision_at_{k}"] = precision_at_k(similarity, k, right, candidates)
        return results | {"median_rank": median_rank(ranks)}
