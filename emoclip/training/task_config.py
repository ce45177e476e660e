# SPDX-License-Identifier: Apache-2.0
"""The parts of the training configuration that say what is learned: from captions, class texts, labels or scores, and by which weights."""

from dataclasses import dataclass, field
from typing import Literal


TaskKind = Literal["captions", "class_texts", "classification", "multi_label", "regression"]


@dataclass(frozen=True)
class TaskConfig:
    """What a clip is taught.

    Args:
        kind: `captions` and `class_texts` contrast clips with texts: their own, or that of their class. `classification`,
            `multi_label` and `regression` train a head of two layers on the clip embedding, on `label`, `labels` or `targets` of the
            manifest, and give an `EmoCLIPForVideoClassification`.
        class_texts: for `class_texts` the prompt set (`emoclip.evaluation.prompts`): a name or a YAML file.
        fill_captions: for `captions` the prompt set whose class texts stand in where a clip has no caption, as stills beside captioned
            clips; null refuses such clips.
        same_text: what clips with the same text are to each other in a batch: `negatives`, as in the papers, or `positives`, which
            share the target between them.
        soft_targets: share of each target of the contrast that is spread over the batch by how similar the texts are
            (`emoclip.training.soft_targets`); 0 as in the papers.
        soft_temperature: of that similarity; the lower, the more only the most similar texts get.
        freeze_temporal: of a head: train the head alone, as the paper says; its code lets the temporal part learn.
        target_scale: for `regression` the divisor of single targets in the loss, by name, such as the number of items in a total; the
            model still gives numbers in their own unit.
    """

    kind: TaskKind = "captions"
    class_texts: str = "emoclip_descriptions"
    fill_captions: str | None = None
    same_text: Literal["negatives", "positives"] = "negatives"
    soft_targets: float = 0.0
    soft_temperature: float = 0.1
    freeze_temporal: bool = True
    target_scale: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.target_scale and self.kind != "regression":
            raise ValueError(f"`target_scale` belongs to kind=regression, got kind={self.kind}.")
        if self.same_text == "positives" and self.has_head:
            raise ValueError(f"`same_text` belongs to captions and class_texts, got kind={self.kind}.")
        if not 0 <= self.soft_targets < 1 or self.soft_temperature <= 0:
            raise ValueError(
                "`soft_targets` must be from 0 to below 1 and `soft_temperature` above 0, got "
                f"{self.soft_targets} and {self.soft_temperature}."
            )
        if self.soft_targets and (self.has_head or self.same_text == "positives"):
            raise ValueError(
                f"`soft_targets` belongs to captions and class_texts with same_text=negatives, got kind={self.kind} and "
                f"same_text={self.same_text}."
            )
        if self.fill_captions is not None and self.kind != "captions":
            raise ValueError(f"`fill_captions` belongs to kind=captions, got kind={self.kind}.")
        for name, divisor in self.target_scale.items():
            if divisor <= 0:
                raise ValueError(f"`target_scale` must be above 0, got {divisor} for {name!r}.")

    @property
    def has_head(self) -> bool:
        """Whether a head is trained instead of a contrast."""
        return self.kind in ("classification", "multi_label", "regression")


def _attention_layers() -> tuple[str, ...]:
    # Late: the model's package loads PyTorch, and `--help` reads the configuration.
    from modeling_emoclip.lora_emoclip import LORA_TARGET_MODULES

    return tuple(LORA_TARGET_MODULES)


@dataclass(frozen=True)
class LoraSettings:
    """Low-rank adapters (PEFT) in the towers, whose own weights stay as they are.

    Args:
        rank: of the update.
        alpha: the update counts alpha / rank.
        dropout: before the update.
        towers: `vision`, `text` or `both`.
        targets: ends of the names of the layers to adapt; each must occur in every tower that is chosen.
        dora: learn the magnitude of each weight vector apart from its direction.
        lr: rate of the adapters.
    """

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0
    towers: Literal["vision", "text", "both"] = "both"
    targets: tuple[str, ...] = field(default_factory=_attention_layers)
    dora: bool = False
    lr: float = 1e-4

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ValueError(f"`rank` must be at least 1, got {self.rank}.")
        if not self.targets:
            raise ValueError("`targets` must name at least one kind of layer, got none.")
        for name in ("alpha", "lr"):
            if getattr(self, name) <= 0:
                raise ValueError(f"`{name}` must be above 0, got {getattr(self, name)}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"`dropout` must be from 0 to below 1, got {self.dropout}.")


__all__ = ["LoraSettings", "TaskConfig", "TaskKind"]
