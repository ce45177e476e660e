# SPDX-License-Identifier: Apache-2.0
"""Unweighted mean of the F1 of the classes, for `evaluate.load`."""

from emoclip.metrics import macro_f1
from emoclip.metrics.evaluate_module import LabelMetric


class MacroF1(LabelMetric):
    """Unweighted mean of the F1 of the classes."""

    description = "Mean over classes of F1, in [0, 1]. Classes: those in references or predictions."

    def _compute(self, predictions: list, references: list) -> dict[str, float]:
        return {"macro_f1": macro_f1(references, predictions)}
