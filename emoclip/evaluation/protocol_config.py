# SPDX-License-Identifier: Apache-2.0
"""The settings of each protocol; a protocol that is not named in the configuration is not run."""

from dataclasses import dataclass, field, fields
from typing import Literal


Probe = Literal["mlp", "logistic", "one_vs_rest", "ridge"]


@dataclass(frozen=True)
class PublishedRow:
    """Published rows that results of a system are the counterpart of: they stand beside them with the difference.

    Args:
        model: As in the package's published tables, such as `CLIP ViT-B/32`.
        variant: What sets the row apart, as written there; null takes all variants of the model.
        variants: Prompt set -> variant, instead of `variant`; results of other prompt sets are no counterparts.
        prompt_sets: Names of the prompt sets, or probes, whose results count; null takes all.
        table: Of the paper, such as `T-IV`; null takes all.
        paper: `emoclip`, `emotionclip` or `expclip`; null takes all.
        protocol: Of the rows, where it is another than that of the result: `supervised` for a model that was trained on the
            classes and is judged by their texts.
    """

    model: str
    variant: str | None = None
    variants: dict[str, str] = field(default_factory=dict)
    prompt_sets: tuple[str, ...] | None = None
    table: str | None = None
    paper: str | None = None
    protocol: str | None = None

    def __post_init__(self) -> None:
        if self.variant is not None and self.variants:
            raise ValueError(f"`variant` and `variants` exclude each other, got both for {self.model}; leave one out.")

    def of(self, protocol: str, prompt_set: str) -> dict[str, str] | None:
        """What the rows must have to be counterparts of a result, None where there are none."""
        if (self.prompt_sets is not None and prompt_set not in self.prompt_sets) or (
            self.variants and prompt_set not in self.variants
        ):
            return None
        variant = self.variants.get(prompt_set, self.variant)
        wanted = {"model": self.model, "variant": variant, "table": self.table, "paper": self.paper}
        wanted["protocol"] = self.protocol or protocol.split(".")[0]
        return {name: value for name, value in wanted.items() if value is not None}


@dataclass(frozen=True)
class CompoundConfig:
    """Classes made of several emotions, each way of making their texts (EmoCLIP, section III-C and Table III).

    Args:
        modes: `average`, the mean of the components' text embeddings, and `concatenate`, one prompt of all their texts.
        ways: `all` classes of the manifest, and `without_neutral`, whose clips are then left out too: 43 and 42 classes of MAFW.
        weights: Class -> component -> weight, for classes whose components do not count alike; they add the mode `weighted`.
    """

    modes: tuple[Literal["average", "concatenate"], ...] = ("average", "concatenate")
    ways: tuple[Literal["all", "without_neutral"], ...] = ("all", "without_neutral")
    weights: dict[str, dict[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in ("modes", "ways"):
            if not getattr(self, key):
                raise ValueError(f"`{key}` must hold at least one entry, got none.")
        for name, weights in self.weights.items():
            if not weights or min(weights.values()) <= 0:
                raise ValueError(
                    f"`weights.{name}` must give its components weights greater than 0, got {weights}; leave out what does "
                    "not count."
                )


@dataclass(frozen=True)
class LeaveOneOutConfig:
    """Each class judged by a model that has not seen it (EmoCLIP, section IV, `train_loo.py`).

    Args:
        model: Name of the models, with `{class}` for the class that was left out and, with `data.fold: all`, `{fold}`.
        published: Published rows that the result is the counterpart of.
    """

    model: str
    published: tuple[PublishedRow, ...] = ()

    def __post_init__(self) -> None:
        if "{class}" not in self.model:
            raise ValueError(
                f"`model` must name one model per class by the place {{class}}, got {self.model!r}; write "
                "outputs/without_{class}/model."
            )


@dataclass(frozen=True)
class ProbeConfig:
    """A small model fitted on the features of clips, which stay as they are.

    Args:
        kind: `mlp`, EmoCLIP's head on the features as they are; or scikit-learn on features of length 1 (EmotionCLIP):
            `logistic` (several classes), `one_vs_rest` (several labels at once), `ridge` (numbers).
        target: Column of the manifest, or several columns of numbers; `label`, `labels` and `targets` are the usual ones.
        eval_splits: Values of `split` that it is judged on; null takes the run's clips.
        regularization: C of the logistic regressions, alpha of ridge.
        max_iter: Iterations of the logistic regressions, which use the solver `sag`.
        seed: Of the solver, and of the MLP's weights and batches.
        allow_absent_classes: Fit although classes have no clip to fit on; they are then never predicted.
        smooth_window: Rows of the Savitzky-Golay filter over the predictions in the order of the manifest; 0 for none.
        smooth_order: Degree of its polynomials.
        hidden_size: Of the MLP.
        epochs: Of the MLP.
        batch_size: Of the MLP.
        learning_rate: Of SGD with momentum 0.9 and weight decay 5e-4, divided by 10 after each of the milestones.
        milestones: Epochs.
    """

    kind: Probe = "mlp"
    target: str | tuple[str, ...] = "label"
    eval_splits: tuple[str, ...] | None = None
    regularization: float = 1.0
    max_iter: int = 2000
    seed: int = 2022
    allow_absent_classes: bool = False
    smooth_window: int = 0
    smooth_order: int = 3
    hidden_size: int = 256
    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 1e-3
    milestones: tuple[int, ...] = (15,)

    def __post_init__(self) -> None:
        for key in ("regularization", "max_iter", "hidden_size", "epochs", "batch_size", "learning_rate"):
            if getattr(self, key) <= 0:
                raise ValueError(f"`{key}` must be greater than 0, got {getattr(self, key)}.")
        for key in ("seed", "smooth_window", "smooth_order"):
            if getattr(self, key) < 0:
                raise ValueError(f"`{key}` must be 0 or more, got {getattr(self, key)}.")
        if self.smooth_window and self.smooth_window <= self.smooth_order:
            raise ValueError(
                f"`smooth_window` must be 0 or more than `smooth_order` ({self.smooth_order}), got {self.smooth_window}."
            )
        if self.eval_splits is not None and not self.eval_splits:
            raise ValueError("`eval_splits` must hold at least one split, got none; null takes the run's clips.")
        if isinstance(self.target, tuple) and (self.kind not in ("ridge", "mlp") or not self.target):
            raise ValueError(
                f"`target` may be several columns for ridge and mlp only, got {self.target} for {self.kind}."
            )
        if isinstance(self.target, tuple) and len(set(self.target)) < len(self.target):
            raise ValueError(f"`target` must name every column once, got {', '.join(self.target)}.")
        if self.kind in ("logistic", "one_vs_rest") and self.smooth_window:
            raise ValueError(f"`smooth_window` is for numbers, got {self.smooth_window} for {self.kind}.")


@dataclass(frozen=True)
class SymptomsConfig:
    """Symptom scores of interviews, leave-one-patient-out (EmoCLIP, section IV-D).

    Args:
        divisors: Target -> what a total is divided by to lie in the range of an item while fitting; predictions are multiplied
            back. All others are taken as they are.
        train_windows: Stretches of a video, evenly spread, that the regression is fitted on.
        test_windows: Stretches whose predictions are averaged to one for the video.
        hidden_size: Of the MLP.
        epochs: Of the MLP.
        batch_size: Of the MLP.
        learning_rate: Of SGD as in `ProbeConfig`.
        seed: Of the MLP's weights and batches.
    """

    divisors: dict[str, float] = field(default_factory=dict)
    train_windows: int = 8
    test_windows: int = 8
    hidden_size: int = 256
    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in self.divisors.items():
            if value <= 0:
                raise ValueError(f"`divisors.{name}` must be greater than 0, got {value}.")
        for key in ("train_windows", "test_windows", "hidden_size", "epochs", "batch_size", "learning_rate"):
            if getattr(self, key) <= 0:
                raise ValueError(f"`{key}` must be greater than 0, got {getattr(self, key)}.")


@dataclass(frozen=True)
class RetrievalConfig:
    """Clips find their captions and captions their clips (Exp-CLIP, appendix E).

    Args:
        captions: Column of the manifest with the captions; of a list the first is taken.
        ks: Lengths of the lists that are looked into.
    """

    captions: str = "captions"
    ks: tuple[int, ...] = (1, 5, 10)

    def __post_init__(self) -> None:
        _check_ks(self.ks)


@dataclass(frozen=True)
class PromptSensitivityConfig:
    """The same clips with every way of writing the classes, and the spread of the results.

    Args:
        templates: Names of templates and ensembles, or texts with `{}`; null takes all that are built in.
        descriptions: Sets of descriptions by name, or YAML files, such as several written by different people or models.
    """

    templates: tuple[str, ...] | None = None
    descriptions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.templates == () and not self.descriptions:
            raise ValueError(
                "`prompt_sensitivity` must have templates or descriptions, got none of both; leave `templates` out for all that "
                "are built in."
            )


@dataclass(frozen=True)
class CaptionAblationConfig:
    """Retrieval with whole captions, with what they say of the face alone, and with the rest alone.

    Args:
        captions: Column of the manifest with whole captions.
        expression: Column with the part on the face; null takes the clauses that name a part of the face or its movement.
        context: Column with the rest; null takes the other clauses.
        ks: Lengths of the lists that are looked into.
    """

    captions: str = "captions"
    expression: str | None = None
    context: str | None = None
    ks: tuple[int, ...] = (1, 5, 10)

    def __post_init__(self) -> None:
        _check_ks(self.ks)


@dataclass(frozen=True)
class ProtocolsConfig:
    """Which protocols are run.

    Args:
        zero_shot: Every clip against the texts of every prompt set.
        compound: See `CompoundConfig`.
        leave_one_out: See `LeaveOneOutConfig`.
        linear_probe: Name -> see `ProbeConfig`.
        symptoms: See `SymptomsConfig`.
        retrieval: See `RetrievalConfig`.
        prompt_sensitivity: See `PromptSensitivityConfig`.
        caption_ablation: See `CaptionAblationConfig`.
    """

    zero_shot: bool = True
    compound: CompoundConfig | None = None
    leave_one_out: LeaveOneOutConfig | None = None
    linear_probe: dict[str, ProbeConfig] = field(default_factory=dict)
    symptoms: SymptomsConfig | None = None
    retrieval: RetrievalConfig | None = None
    prompt_sensitivity: PromptSensitivityConfig | None = None
    caption_ablation: CaptionAblationConfig | None = None

    @property
    def chosen(self) -> list[str]:
        """Names of the protocols that are run."""
        return [item.name for item in fields(self) if getattr(self, item.name)]


def _check_ks(ks: tuple[int, ...]) -> None:
    if not ks or min(ks) < 1:
        raise ValueError(f"`ks` must hold numbers of at least 1, got {list(ks)}.")
