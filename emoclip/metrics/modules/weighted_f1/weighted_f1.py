# SPDX-License-Identifier: Apache-2.0
"""Mean of the F1 of the classes, weighted by their clips, for `evaluate.load`."""

from emoclip.metrics import weighted_f1
from emoclip.metrics.evaluate_module import LabelMetric


class WeightedF1(LabelMetric):
    """Mean of the F1 of the classes, weighted by their clips."""

    description = "Mean over classes of F1, weighted by the number of references, in [0, 1]."

    def _compute(self, predictions: list, references: list) -> dict[str, float]:
        return {"weighted_f1": weighted_f1(references, predictions)}
