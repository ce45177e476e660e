# SPDX-License-Identifier: Apache-2.0
"""Errors and correlations of numbers such as valence, arousal or symptom scores, for `evaluate.load`."""

from emoclip.metrics import ccc, mae, mse, pcc, r2, rmse
from emoclip.metrics.evaluate_module import NumberMetric


class AffectRegression(NumberMetric):
    """MAE, RMSE, MSE, PCC, CCC and R2."""

    description = "Errors in the unit of the target, Pearson's and Lin's correlation in [-1, 1], and R2."

    def _compute(self, predictions: list, references: list) -> dict[str, float]:
        metrics = (("mae", mae), ("rmse", rmse), ("mse", mse), ("pcc", pcc), ("ccc", ccc), ("r2", r2))
        return {name: metric(references, predictions) for name, metric in metrics}
