# SPDX-License-Identifier: Apache-2.0
"""Validation by a linear probe: what a model's embeddings of clips are worth to a logistic regression, as it trains.

EmotionCLIP's training looks at itself so once an epoch, on BoLD (`main.py`, `linear_eval.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emoclip.console import require
from emoclip.data import load
from emoclip.data.source import source_class_names
from emoclip.evaluation.probes import logistic_scores, one_vs_rest_scores, unit_length
from emoclip.metrics import auc, mean_average_precision, uar, war
from emoclip.training.targets import LabelTargets
from emoclip.training.validation import Validation


if TYPE_CHECKING:
    from typing import Any

    from emoclip.training.config import TrainConfig
    from emoclip.training.engine_config import ValidationConfig
    from modeling_emoclip import EmoCLIPForVideoClassification, EmoCLIPModel


class CheckpointProbe(Validation):
    """Fits a logistic regression on the embeddings of `probe.fit_split` and judges it on the split of the validation.

    Args:
        run, config, others: as for `Validation`.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: as `Validation`, or there are no two classes to fit on.
    """

    def __init__(self, run: TrainConfig, config: ValidationConfig, *others: Any):
        super().__init__(run, config, *others)
        require("sklearn.linear_model", "evaluate")  # now, not after the first epoch
        self._settings = {
            "regularization": config.probe.regularization,
            "max_iter": config.probe.max_iter,
            "seed": config.probe.seed,
        }
        source = config.manifest or run.data.manifest
        kind = "multi_label" if config.metric == "probe_map" else "classification"
        self.fit_rows = load(source, split=config.probe.fit_split, fold=config.fold, task=kind)
        self._num_classes = len(source_class_names(source, self.rows))
        self._labels = LabelTargets(kind, self._num_classes)
        if len(set(map(str, self.fit_rows[self._labels.column]))) < 2:
            raise ValueError(
                f"A probe needs clips of two classes at least, the split `{config.probe.fit_split}` of {source} has one; choose another "
                "validation.probe.fit_split."
            )

    def _score(self, model: EmoCLIPModel | EmoCLIPForVideoClassification) -> dict[str, float]:
        encoder = self._encoder(model)
        (fitted, fit_rows), (judged, rows) = (self._features(encoder, part) for part in (self.fit_rows, self.rows))
        train, test = unit_length(fitted.values), unit_length(judged.values)
        taught, wanted = (self._numbers(part[self._labels.column]) for part in (fit_rows, rows))
        if self.config.metric == "probe_map":
            scores = one_vs_rest_scores(train, taught, test, **self._settings)
            return {"probe_map": mean_average_precision(wanted, scores), "probe_auc": auc(wanted, scores)}
        scores = logistic_scores(train, taught.tolist(), test, self._num_classes, **self._settings)
        references, predicted = wanted.tolist(), scores.argmax(axis=1).tolist()
        return {"probe_uar": uar(references, predicted), "probe_war": war(references, predicted)}

    def _numbers(self, labels: Any) -> np.ndarray:
        return self._labels.collate(list(labels))["labels"].numpy().astype(int)


__all__ = ["CheckpointProbe"]
