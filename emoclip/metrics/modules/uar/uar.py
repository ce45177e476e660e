# SPDX-License-Identifier: Apache-2.0
"""Unweighted average recall, for `evaluate.load`."""

from emoclip.metrics import uar
from emoclip.metrics.evaluate_module import LabelMetric


class UAR(LabelMetric):
    """Unweighted average recall."""

    description = "Mean over classes of the recall, in [0, 1]. Classes: those in references or predictions."

    def _compute(self, predictions: list, references: list) -> dict[str, float]:
        return {"uar": uar(references, predictions)}
