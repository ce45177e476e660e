# SPDX-License-Identifier: Apache-2.0
"""Expected calibration error and Brier score of class probabilities, for `evaluate.load`."""

import numpy as np

from emoclip.metrics import brier_score, expected_calibration_error
from emoclip.metrics.evaluate_module import ScoreMetric


class CalibrationError(ScoreMetric):
    """Expected calibration error and Brier score."""

    description = "How far confidence lies from accuracy (0 is best, 1 worst), and the Brier score (0 best, 2 worst)."
    inputs = """\
    num_bins: bins of the confidence.
    equal_counts: bins with equally many clips instead of equal width.
"""

    def _compute(
        self, predictions: list, references: list, num_bins: int = 15, equal_counts: bool = False
    ) -> dict[str, float]:
        scores = np.asarray(predictions)
        error = expected_calibration_error(references, scores, num_bins=num_bins, equal_counts=equal_counts)
        return {"expected_calibration_error": error, "brier_score": brier_score(references, scores)}
