# SPDX-License-Identifier: Apache-2.0
"""What our modules of the `evaluate` library share; the modules themselves are in `modules/<name>/<name>.py`.

The library takes the first class of a module that is not abstract, so these are. Needs the extra `evaluate`; nothing else in
`emoclip.metrics` imports this file.
"""

from abc import ABC, abstractmethod
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


class LabelMetric(evaluate.Metric, ABC):
    """A metric of references and predictions that both hold integer ids or both hold names."""

    description = ""
    inputs = ""

    @abstractmethod
    def _compute(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The values by name."""

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
        """Adds the labels of one clip to the pile, with the same check; the library takes the names of the batch too."""
        clip = {"predictions": prediction, "references": reference, **kwargs}
        class_labels([clip["references"]], [clip["predictions"]])
        super().add(**clip)


class ScoreMetric(evaluate.Metric, ABC):
    """A metric of the scores of all classes for each clip, and the position of the true class."""

    description = ""
    inputs = ""
    score_inputs = """
Args:
    predictions: scores of all classes for each clip.
    references: position of the true class in them.
"""

    @abstractmethod
    def _compute(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The values by name."""

    def _info(self) -> Any:
        features = {"predictions": datasets.Sequence(datasets.Value("float64")), "references": datasets.Value("int64")}
        return evaluate.MetricInfo(
            description=self.description,
            citation=CITATION,
            inputs_description=self.score_inputs + self.inputs,
            features=datasets.Features(features),
        )

    def add_batch(self, *, predictions: Any = None, references: Any = None, **kwargs: Any) -> None:
        """Adds scores to the pile; positions are checked here because the library would cut 1.7 down to 1."""
        _check_positions(references)
        super().add_batch(predictions=predictions, references=references, **kwargs)

    def add(self, *, prediction: Any = None, reference: Any = None, **kwargs: Any) -> None:
        """Adds the scores of one clip to the pile, with the same check; the library takes the names of the batch too."""
        clip = {"predictions": prediction, "references": reference, **kwargs}
        _check_positions([clip["references"]])
        super().add(**clip)


class NumberMetric(evaluate.Metric, ABC):
    """A metric of true and predicted numbers."""

    description = ""

    @abstractmethod
    def _compute(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The values by name."""

    def _info(self) -> Any:
        features = {"predictions": datasets.Value("float64"), "references": datasets.Value("float64")}
        return evaluate.MetricInfo(
            description=self.description,
            citation=CITATION,
            inputs_description="\nArgs:\n    predictions: predicted number of each clip.\n    references: true number of each clip.\n",
            features=datasets.Features(features),
        )


def _check_positions(references: Any) -> None:
    """Refuse what is no whole number; whether it is a place in the scores is checked with them."""
    names = [label for label in class_labels(references, references) if isinstance(label, str)]
    if names:
        raise ValueError(f"`references` must be positions of the true classes in the scores, got {names[0]!r}.")


def _features(kind: str) -> datasets.Features:
    return datasets.Features({"predictions": datasets.Value(kind), "references": datasets.Value(kind)})
