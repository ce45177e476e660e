# SPDX-License-Identifier: Apache-2.0
"""Loss functions over embeddings: pure, without state, in float32 whatever the autocast."""

import torch
from torch import nn


SENTIMENT_KL_DIRECTIONS = ("released", "paper")


def contrastive_loss(
    video_embeds: torch.Tensor, text_embeds: torch.Tensor, logit_scale: torch.Tensor | float
) -> torch.Tensor:
    r"""Symmetric InfoNCE: each clip against all texts and each text against all clips, averaged.

    Source: EmoCLIP `train.py`; EmoCLIP paper, section III-B.

    Args:
        video_embeds (`torch.Tensor` of shape `(batch_size, dim)`):
            Clip embeddings of any norm; row i belongs to row i of `text_embeds`.
        text_embeds (`torch.Tensor` of shape `(batch_size, dim)`):
            Text embeddings of any norm.
        logit_scale (`torch.Tensor` of shape `()` or `float`):
            The multiplier of the cosines, already exponentiated.

    Returns:
        `torch.Tensor` of shape `()`, float32.

    Raises:
        ValueError: the two shapes differ.
    """
    _check_pairs("video_embeds", video_embeds, "text_embeds", text_embeds)
    with _without_autocast(video_embeds):
        return _symmetric_cross_entropy(_scaled_cosines(video_embeds, text_embeds, logit_scale))


def sentiment_guided_contrastive_loss(
    video_embeds: torch.Tensor,
    text_embeds: torch.Tensor,
    logit_scale: torch.Tensor | float,
    sentiment_logits: torch.Tensor,
    beta: float = 10.0,
    kl_direction: str = "released",
) -> torch.Tensor:
    r"""Symmetric InfoNCE whose negatives count less the more alike their texts' sentiments are.

    `beta / |KL|` of the two sentiments is subtracted from the logit of every negative. Texts of the same sentiment have a
    divergence of 0, so that their negative is removed; loss and gradients stay finite.

    Source: EmotionCLIP, equations 5 to 7, and its `src/models/loss_v2.py`.

    Args:
        video_embeds (`torch.Tensor` of shape `(batch_size, dim)`):
            Clip embeddings of any norm; row i belongs to row i of `text_embeds`.
        text_embeds (`torch.Tensor` of shape `(batch_size, dim)`):
            Text embeddings of any norm.
        logit_scale (`torch.Tensor` of shape `()` or `float`):
            The multiplier of the cosines, already exponentiated.
        sentiment_logits (`torch.Tensor` of shape `(batch_size, num_sentiments)`):
            What a sentiment classifier says of each text; no gradient flows into it.
        beta (`float`, *optional*, defaults to 10.0):
            Strength, at least 0; 0 is the contrastive loss. The released code uses 10, while the paper's Table 2 fits 1.
        kl_direction (`str`, *optional*, defaults to `"released"`):
            See [`sentiment_weights`].

    Returns:
        `torch.Tensor` of shape `()`, float32.

    Raises:
        ValueError: shapes differ, `beta` is negative or not finite, or the direction is not known.
    """
    _check_pairs("video_embeds", video_embeds, "text_embeds", text_embeds)
    if not 0 <= beta < float("inf"):
        raise ValueError(f"`beta` must be a finite number of at least 0, got {beta!r}.")
    if sentiment_logits.ndim != 2 or len(sentiment_logits) != len(text_embeds):
        raise ValueError(
            f"`sentiment_logits` must have one row per text, ({len(text_embeds)}, num_sentiments), got "
            f"{tuple(sentiment_logits.shape)}."
        )
    weights = sentiment_weights(sentiment_logits, kl_direction)
    if beta == 0:
        return contrastive_loss(video_embeds, text_embeds, logit_scale)
    with _without_autocast(video_embeds):
        logits = _scaled_cosines(video_embeds, text_embeds, logit_scale)
        # The released code subtracts one matrix, rows as anchors, in both directions; it is not transposed.
        return 0.5 * (_cross_entropy(logits - beta * weights) + _cross_entropy(logits.T - beta * weights))


@torch.no_grad()
def sentiment_weights(sentiment_logits: torch.Tensor, kl_direction: str = "released") -> torch.Tensor:
    r"""Reciprocal divergence of every two texts' sentiments.

    Args:
        sentiment_logits (`torch.Tensor` of shape `(num_texts, num_sentiments)`):
            Logits of a sentiment classifier.
        kl_direction (`str`, *optional*, defaults to `"released"`):
            `"released"`: entry (i, j) is `1 / |KL(p_j || p_i)|`, as the published code computes it. `"paper"`:
            `1 / |KL(p_i || p_j)|`, as the paper prints it.

    Returns:
        `torch.Tensor` of shape `(num_texts, num_texts)`, float32: 0 on the diagonal, infinite where two rows are equal.

    Raises:
        ValueError: the direction is not known.
    """
    if kl_direction not in SENTIMENT_KL_DIRECTIONS:
        raise ValueError(f"`kl_direction` must be one of {', '.join(SENTIMENT_KL_DIRECTIONS)}, got {kl_direction!r}.")
    with _without_autocast(sentiment_logits):
        log_probs = sentiment_logits.float().log_softmax(dim=-1)
        divergence = log_probs.new_zeros(len(log_probs), len(log_probs))
        # Class by class: the difference of equal rows is exactly 0, which a matrix product would round away.
        for column in log_probs.T:
            divergence += column.exp() * (column - column[:, None])
        if kl_direction == "paper":
            divergence = divergence.T
        return divergence.abs().reciprocal().fill_diagonal_(0.0)


def pool_teacher_states(states: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    r"""Mean of an LLM's token states over all positions, image, instruction and end token alike, in float32.

    Source: Exp-CLIP `models/BLIP2_T5.py`.

    Args:
        states (`torch.Tensor` of shape `(batch_size, length, dim)`):
            The encoder's last hidden states.
        mask (`torch.Tensor` of shape `(batch_size, length)`, *optional*):
            True where a position counts; all count if absent.

    Returns:
        `torch.Tensor` of shape `(batch_size, dim)`, float32, not normalised.

    Raises:
        ValueError: a shape does not fit, or no position of a row counts.
    """
    if states.ndim != 3 or (mask is not None and mask.shape != states.shape[:2]):
        raise ValueError(
            "`states` must be (batch, length, dim) and `mask` (batch, length), got "
            f"{tuple(states.shape)} and {None if mask is None else tuple(mask.shape)}."
        )
    if mask is None:
        return states.float().mean(dim=1)
    counts = mask.sum(dim=1, keepdim=True)
    if (counts == 0).any():
        raise ValueError("Every row of `mask` must mark at least 1 position, got a row without any.")
    return (states.float() * mask.unsqueeze(-1)).sum(dim=1) / counts


def distillation_loss(
    embeds: torch.Tensor, teacher_embeds: torch.Tensor, logit_scale: torch.Tensor | float
) -> torch.Tensor:
    r"""Symmetric InfoNCE between projected pictures and an LLM's features of the same pictures.

    The paper's Algorithm 1 prints a squared distance and its equation 3 one direction only; this is what the code trains
    with. Source: Exp-CLIP `train.py`.

    Args:
        embeds (`torch.Tensor` of shape `(batch_size, dim)`):
            Embeddings behind the expression projection, of any norm.
        teacher_embeds (`torch.Tensor` of shape `(batch_size, dim)`):
            The teacher's features, see [`pool_teacher_states`], of any norm; no gradient flows into them.
        logit_scale (`torch.Tensor` of shape `()` or `float`):
            The multiplier of the cosines, already exponentiated; CLIP's, 100, in the original.

    Returns:
        `torch.Tensor` of shape `()`, float32.

    Raises:
        ValueError: the two shapes differ, for example a teacher wider than the projection.
    """
    _check_pairs("embeds", embeds, "teacher_embeds", teacher_embeds)
    return contrastive_loss(embeds, teacher_embeds.detach(), logit_scale)


def _check_pairs(first_name: str, first: torch.Tensor, second_name: str, second: torch.Tensor) -> None:
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(
            f"The loss needs pairs of one shape (batch_size, dim); got {first_name} {tuple(first.shape)} and "
            f"{second_name} {tuple(second.shape)}."
        )


def _without_autocast(tensor: torch.Tensor) -> torch.autocast:
    return torch.autocast(device_type=tensor.device.type, enabled=False)


def _scaled_cosines(rows: torch.Tensor, columns: torch.Tensor, scale: torch.Tensor | float) -> torch.Tensor:
    rows = nn.functional.normalize(rows.float(), dim=-1)
    return scale * rows @ nn.functional.normalize(columns.float(), dim=-1).T


def _symmetric_cross_entropy(logits: torch.Tensor) -> torch.Tensor:
    return 0.5 * (_cross_entropy(logits) + _cross_entropy(logits.T))


def _cross_entropy(logits: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of square logits whose targets are the diagonal."""
    return nn.functional.cross_entropy(logits, torch.arange(len(logits), device=logits.device))


__all__ = [
    "contrastive_loss",
    "distillation_loss",
    "pool_teacher_states",
    "sentiment_guided_contrastive_loss",
    "sentiment_weights",
]
