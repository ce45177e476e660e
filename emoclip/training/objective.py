# SPDX-License-Identifier: Apache-2.0
"""What a batch is trained on: the model's row-wise outputs, and a loss over them.

The two halves are apart so that the loss can reach over rows of other processes (`negatives`) and over rows that went through the
model in portions (`cached_gradients`).
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import nn

from emoclip.training.negatives import Negatives
from emoclip.training.soft_targets import same_text_contrastive_loss, similar_text_contrastive_loss
from emoclip.training.word_prediction import WordPrediction
from modeling_emoclip import EmoCLIPConfig
from modeling_emoclip.loss_emoclip import contrastive_loss, sentiment_guided_contrastive_loss


# What goes beside the tensors of a batch into the loss: this process and the rows of every process.
Tensors = dict[str, torch.Tensor]


class Objective(Protocol):
    """A way to train a model."""

    def encode(self, model: nn.Module, inputs: Tensors) -> tuple[torch.Tensor, ...]:
        """Outputs with one row per clip; `inputs` may be a part of a batch."""

    def shared(self, model: nn.Module) -> tuple[torch.Tensor, ...]:
        """Trainable tensors that the loss needs beside the rows, such as the logit scale's multiplier; may be none."""

    def loss(
        self, encoded: Sequence[torch.Tensor], shared: Sequence[torch.Tensor], inputs: Tensors, counts: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What to minimise and what to report, scalars of shape ().

        Args:
            encoded: of the whole batch of this process.
            shared: see `shared`.
            inputs: the whole batch of this process.
            counts: rows of every process.
        """

    def can_train(self, counts: Sequence[int]) -> bool:
        """Whether batches of these sizes, one a process, have a loss."""


class ContrastObjective:
    """Clips against texts.

    Contrastive; sentiment-guided where the batch has `sentiment_logits` (B, num_sentiments); with the same texts as positives where it
    has `text_groups` (B,).

    Args:
        config: the model's, for the sentiment-guided loss.
        negatives: whose rows a pair is contrasted with.
        rank: this process.
        word_prediction: an auxiliary head and the weight of its loss.
        soft_targets: share and temperature of `similar_text_contrastive_loss`, for the plain contrast.
    """

    def __init__(
        self,
        config: EmoCLIPConfig,
        negatives: Negatives,
        rank: int = 0,
        word_prediction: tuple[WordPrediction, float] | None = None,
        soft_targets: tuple[float, float] | None = None,
    ):
        self.config = config
        self.negatives = negatives
        self.rank = rank
        self.word_prediction = word_prediction
        self.soft_targets = soft_targets

    def encode(self, model: nn.Module, inputs: Tensors) -> tuple[torch.Tensor, ...]:
        """Embeddings of clips and texts, (B, D) each."""
        wanted = {name: value for name, value in inputs.items() if name in _MODEL_INPUTS}
        output = model(**wanted)
        return output.video_embeds, output.text_embeds

    def shared(self, model: nn.Module) -> tuple[torch.Tensor, ...]:
        """The multiplier of the cosines."""
        unwrapped: Any = getattr(model, "module", model)
        return (unwrapped.get_logit_multiplier(),)

    def loss(
        self, encoded: Sequence[torch.Tensor], shared: Sequence[torch.Tensor], inputs: Tensors, counts: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The contrast, with the auxiliary loss added to what is minimised."""
        (multiplier,) = shared
        video, text = (self.negatives.gather(rows.float(), counts) for rows in encoded)
        sentiment, groups = inputs.get("sentiment_logits"), inputs.get("text_groups")
        if groups is not None:
            contrast = same_text_contrastive_loss(video, text, multiplier, self.negatives.gather(groups, counts))
        elif sentiment is None and self.soft_targets is not None:
            contrast = similar_text_contrastive_loss(video, text, multiplier, *self.soft_targets)
        elif sentiment is None:
            contrast = contrastive_loss(video, text, multiplier)
        else:
            contrast = sentiment_guided_contrastive_loss(
                video,
                text,
                multiplier,
                self.negatives.gather(sentiment.float(), counts),
                self.config.sentiment_beta,
                self.config.sentiment_kl_direction,
            )
        if self.word_prediction is None:
            return contrast, contrast.detach()
        head, weight = self.word_prediction
        words = head(*encoded, inputs["input_ids"]) * self.negatives.row_weight(counts, self.rank)
        return contrast + weight * words, contrast.detach()

    def can_train(self, counts: Sequence[int]) -> bool:
        """Whether every pair has something to be contrasted with."""
        return self.negatives.can_contrast(counts)


_MODEL_INPUTS = frozenset(
    {"pixel_values_videos", "frame_embeds", "frame_mask", "subject_masks", "input_ids", "attention_mask"}
)


__all__ = ["ContrastObjective", "Objective", "Tensors"]
