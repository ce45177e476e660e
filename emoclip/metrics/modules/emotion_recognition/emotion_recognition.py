# SPDX-License-Identifier: Apache-2.0
"""All metrics of emotion recognition with their bootstrap intervals, for `evaluate.load`."""

from emoclip.metrics import bootstrap_interval, macro_f1, per_class_recall, uar, war
from emoclip.metrics.evaluate_module import LabelMetric


class EmotionRecognition(LabelMetric):
    """UAR, WAR, macro F1 with intervals, and the recall of each class."""

    description = "UAR, WAR and macro F1 in [0, 1] with percentile bootstrap intervals, and per-class recall."
    inputs = """\
    num_resamples: draws of the bootstrap; 0 leaves the intervals out.
    confidence: share of the resamples inside the interval.
    seed: of the draws.
"""

    def _compute(
        self,
        predictions: list,
        references: list,
        num_resamples: int = 2000,
        confidence: float = 0.95,
        seed: int = 0,
    ) -> dict[str, object]:
        results: dict[str, object] = {}
        for name, metric in (("uar", uar), ("war", war), ("macro_f1", macro_f1)):
            results[name] = metric(references, predictions)
            if num_resamples:
                interval = bootstrap_interval(
                    metric,
                    references,
                    predictions,
                    num_resamples=num_resamples,
                    confidence=confidence,
                    seed=seed,
                )
                results[f"{name}_interval"] = list(interval)
        results["per_class_recall"] = per_class_recall(references, predictions)
        return results
