# SPDX-License-Identifier: Apache-2.0
"""Small models fitted on features of clips that stay as they are: EmoCLIP's MLP and EmotionCLIP's scikit-learn probes.

Sources: EmoCLIP, section IV-D and `architecture/downstream.py` for the head, `train.py` for SGD; EmotionCLIP `linear_eval.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from emoclip.console import require
from modeling_emoclip.modeling_emoclip import EmoCLIPClassificationHead


MOMENTUM, WEIGHT_DECAY, DECAY = 0.9, 5e-4, 0.1


@dataclass(frozen=True)
class MLPSettings:
    """How EmoCLIP's head is fitted: SGD with momentum 0.9 and weight decay 5e-4, the rate divided by 10 at milestones.

    Args:
        hidden_size: Of the head.
        epochs: Passes over the clips.
        batch_size: Clips of a step; the last, incomplete batch is used too.
        learning_rate: At the start.
        milestones: Epochs after which the rate is divided by 10.
        seed: Of the weights and the order.
    """

    hidden_size: int = 256
    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 1e-3
    milestones: tuple[int, ...] = (15,)
    seed: int = 0


def fit_mlp(
    features: torch.Tensor,
    targets: torch.Tensor,
    num_outputs: int,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    settings: MLPSettings,
) -> EmoCLIPClassificationHead:
    """EmoCLIP's head, fitted; a pure function of its arguments.

    Args:
        features: float32 (clips, F), not normalised.
        targets: (clips,) class ids or (clips, outputs) numbers, as the loss takes them.
        num_outputs: Of the head.
        loss: Of outputs (batch, outputs) and targets, a mean.
        settings: How.

    Raises:
        ValueError: If the fit diverges.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        head = EmoCLIPClassificationHead(features.shape[1], settings.hidden_size, num_outputs)
    generator = torch.Generator().manual_seed(settings.seed)
    optimizer = torch.optim.SGD(
        head.parameters(), lr=settings.learning_rate, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, list(settings.milestones), gamma=DECAY)
    for _ in range(settings.epochs):
        for batch in torch.randperm(len(features), generator=generator).split(settings.batch_size):
            optimizer.zero_grad()
            loss(head(features[batch]), targets[batch]).backward()
            optimizer.step()
        schedule.step()
    if not all(parameter.isfinite().all() for parameter in head.parameters()):
        raise ValueError(
            f"The fit of the probe must not diverge, it did with `learning_rate` {settings.learning_rate:g}; choose a smaller one."
        )
    return head.eval()


def mlp_outputs(head: EmoCLIPClassificationHead, features: torch.Tensor) -> torch.Tensor:
    """Outputs of a fitted head: float32 (clips, outputs)."""
    with torch.inference_mode():
        return head(features)


def logistic_scores(
    train: np.ndarray, labels: Sequence[int], test: np.ndarray, num_classes: int, **settings: Any
) -> np.ndarray:
    """Probabilities of a multinomial logistic regression with the solver `sag`: float32 (clips, classes).

    Args:
        train: Features of length 1 (clips, F).
        labels: Class of each.
        test: Features (clips, F) to score.
        num_classes: Classes; one that no clip of `train` has gets 0.
        settings: `regularization` (C), `max_iter` and `seed`.
    """
    model = _logistic(settings)
    scores = np.zeros((len(test), num_classes), dtype=np.float32)
    model.fit(train, labels)
    scores[:, model.classes_] = model.predict_proba(test)
    return scores


def one_vs_rest_scores(train: np.ndarray, labels: np.ndarray, test: np.ndarray, **settings: Any) -> np.ndarray:
    """Probabilities of one logistic regression per label: float32 (clips, labels).

    A label that all clips of `train` have, or none, gets that as its probability, as scikit-learn's one-vs-rest does.

    Args:
        train: Features of length 1 (clips, F).
        labels: 0 and 1 (clips, labels).
        test: Features (clips, F) to score.
        settings: `regularization` (C), `max_iter` and `seed`.
    """
    scores = np.empty((len(test), labels.shape[1]), dtype=np.float32)
    for column, values in enumerate(labels.astype(int).T):
        # What never changes cannot be fitted.
        is_constant = values.min() == values.max()
        scores[:, column] = (
            values[0] if is_constant else _logistic(settings).fit(train, values).predict_proba(test)[:, 1]
        )
    return scores


def ridge_values(train: np.ndarray, targets: np.ndarray, test: np.ndarray, alpha: float) -> np.ndarray:
    """Numbers predicted by ridge regression: float32 (clips, targets).

    Args:
        train: Features of length 1 (clips, F).
        targets: (clips, targets).
        test: Features (clips, F) to predict for.
        alpha: Strength of the penalty.
    """
    linear = require("sklearn.linear_model", "evaluate")
    model = linear.Ridge(alpha=alpha).fit(train, targets)
    return np.asarray(model.predict(test), dtype=np.float32).reshape(len(test), targets.shape[1])


def smoothed(values: np.ndarray, window: int, order: int) -> np.ndarray:
    """The values after a Savitzky-Golay filter along the rows (clips, targets), which stand in order of time.

    Args:
        values: (clips, targets).
        window: Rows of the filter; fewer where there are fewer rows.
        order: Degree of its polynomials.
    """
    signal = require("scipy.signal", "evaluate")
    window = min(window, len(values))
    return values if window <= order else signal.savgol_filter(values, window, order, axis=0).astype(np.float32)


def unit_length(features: torch.Tensor) -> np.ndarray:
    """Features of length 1, float64 (clips, F), as scikit-learn computes."""
    return torch.nn.functional.normalize(features.double(), dim=-1).numpy()


def _logistic(settings: dict[str, Any]) -> Any:
    linear = require("sklearn.linear_model", "evaluate")
    return linear.LogisticRegression(
        C=settings["regularization"], solver="sag", max_iter=settings["max_iter"], random_state=settings["seed"]
    )


__all__ = [
    "MLPSettings",
    "fit_mlp",
    "logistic_scores",
    "mlp_outputs",
    "one_vs_rest_scores",
    "ridge_values",
    "smoothed",
    "unit_length",
]
