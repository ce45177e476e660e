# SPDX-License-Identifier: Apache-2.0
"""What our modules of the `evaluate` library share; the modules themselves are in `modules/<name>/<name>.py`.

Needs the extra `evaluate`. Nothing else in `emoclip.metrics` imports this file.
"""

from typing import Any

import datasets

from .classification import class_labels
from .loading import evaluate_library


# Not by an import statement, which would find the script of that name wherever the repository's root is on the path.
evaluate: Any = evaluate_library()

CITATION = """\
@inproceedings{foteinopoulou2024emoclip,
  title = {{EmoCLIP}: A Vision-Language Method for Zero-Shot Video Facial Expression Recognition},
  author = {Foteinopoulou, Niki Maria and Patras, Ioannis},
  booktitle = {IEEE International Conference on Automatic Face and Gesture Recognition},
  year = {2024},
}
"""
_INPUTS = """
Args:
    predictions: predicted class of each clip, integer ids or names.
    references: true class of each clip, of the same kind.
"""


class LabelMetric(evaluate.Metric):
    """A metric of references and predictions that both hold integer ids or both hold names."""

    description = ""
    inputs = ""

    def _info(self) -> Any:
        return evaluate.MetricInfo(
            description=self.description,
            citation=CITATION,
            inputs_description=_INPUTS + self.inputs,
            # Names first: the integer option would turn the name "1" into the id 1.
            features=[_features("string"), _features("int64")],
        )

    def add_batch(self, *, predictions: Any = None, references: Any = None, **kwargs: Any) -> None:
        """Adds labels to the pile; they are checked here because the library would cut 1.7 down to 1."""
        class_labels(references, predictions)
        super().add_batch(predictions=predictions, references=references, **kwargs)

    def add(self, *, prediction: Any = None, reference: Any = None, **kwargs: Any) -> None:
        """Adds the labels of one clip to the pile, with the same check."""
        class_labels([reference], [prediction])
        super().add(prediction=prediction, reference=reference, **kwargs)


def _features(kind: str) -> datasets.Features:
    return datasets.Features({"predictions": datasets.Value(kind), "references": datasets.Value(kind)})
