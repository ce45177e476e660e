# SPDX-License-Identifier: Apache-2.0
"""Unweighted average recall, for `evaluate.load`."""

from emoclip.metrics import evaluate_module, uar


class UAR(evaluate_module.LabelMetric):
    """Unweighted average recall."""

    description = "Mean over classes of the recall, in [0, 1]. Classes: those in references or predictions."

    def _compute(self, predictions: list, references: list) -> dict[str, float]:
        return {"uar": uar(references, predictions)}
