# SPDX-License-Identifier: Apache-2.0
"""AUC, average precision and top-k of class scores, for `evaluate.load`."""

import numpy as np

from emoclip.metrics import auc, mean_average_precision, top_k_accuracy
from emoclip.metrics.evaluate_module import ScoreMetric


class ClassScores(ScoreMetric):
    """One-vs-rest AUC, mAP and top-k accuracy."""

    description = "Means over classes of one-vs-rest AUC and average precision, and top-k accuracy, in [0, 1]."
    inputs = """\
    k: length of the list for top-k; more than the classes is all of them.
"""

    def _compute(self, predictions: list, references: list, k: int = 5) -> dict[str, float]:
        scores = np.asarray(predictions)
        k = min(k, scores.shape[-1])
        return {
            "auc": auc(references, scores),
            "mean_average_precision": mean_average_precision(references, scores),
            f"top_{k}": top_k_accuracy(references, scores, k=k),
        }
