# SPDX-License-Identifier: Apache-2.0
"""Weighted average recall, which is accuracy, for `evaluate.load`."""

from emoclip.metrics import war
from emoclip.metrics.evaluate_module import LabelMetric


class WAR(LabelMetric):
    """Weighted average recall, which is accuracy."""

    description = "Share of all clips that were recognised, in [0, 1]."

    def _compute(self, predictions: list, references: list) -> dict[str, float]:
        return {"war": war(references, predictions)}
