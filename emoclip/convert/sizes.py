# SPDX-License-Identifier: Apache-2.0
"""Sizes of a model, read from the shapes of its renamed tensors."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch


State = Mapping[str, torch.Tensor]


class UnreadSizeError(ValueError):
    """A tensor that tells a size of the model is missing or has another form.

    Args:
        name: Name of the tensor, ours or the original's.
        rank: How many axes it must have.
        got: Its shape, or `None` where it is missing.
    """

    def __init__(self, name: str, rank: int, got: tuple[int, ...] | None) -> None:
        self.name, self.rank, self.got = name, rank, got
        super().__init__(
            f"The checkpoint must hold `{name}` with {rank} axes, which tells a size of the model, got "
            f"{'nothing' if got is None else got}; is it of another method?"
        )


def rows(state: State, name: str) -> int:
    """Return the number of rows of a matrix.

    Raises:
        UnreadSizeError: It is missing or no matrix.
    """
    return _shape(state, name, 2)[0]


def vision_fields(state: State, heads: int | None, hidden_act: str) -> dict[str, Any]:
    """Fields of the image tower.

    Raises:
        ValueError: A tensor that tells a size is missing, or the heads do not divide the width.
    """
    width, channels, patch_size, _ = _shape(state, "vision_model.embeddings.patch_embedding.weight", 4)
    positions, _ = _shape(state, "vision_model.embeddings.position_embedding.weight", 2)
    return {
        **_tower_fields(state, "vision_model", width, heads, hidden_act),
        "num_channels": channels,
        "patch_size": patch_size,
        "image_size": patch_size * math.isqrt(positions - 1),
    }


def text_fields(state: State, heads: int | None, hidden_act: str, eos_token_id: int | None) -> dict[str, Any]:
    """Fields of the text tower; the end-of-text token is the last of the vocabulary where none is given.

    Raises:
        ValueError: A tensor that tells a size is missing, or a value is out of its range.
    """
    vocab_size, width = _shape(state, "text_model.embeddings.token_embedding.weight", 2)
    length, _ = _shape(state, "text_model.embeddings.position_embedding.weight", 2)
    end = vocab_size - 1 if eos_token_id is None else eos_token_id
    if not 0 <= end < vocab_size:
        raise ValueError(f"`eos_token_id` must be in [0, {vocab_size}), the vocabulary, got {end}.")
    return {
        **_tower_fields(state, "text_model", width, heads, hidden_act),
        "vocab_size": vocab_size,
        "max_position_embeddings": length,
        # As in CLIP's vocabulary: the start of text stands before its end, and padding repeats the end.
        "bos_token_id": max(end - 1, 0),
        "eos_token_id": end,
        "pad_token_id": end,
    }


def cls_transformer_fields(state: State, heads: int) -> dict[str, Any]:
    """Fields of EmoCLIP's temporal transformer.

    Raises:
        ValueError: A tensor is missing, or the heads do not divide the fused projection.
    """
    rows, _ = _shape(state, "temporal.layers.0.attn.qkv.weight", 2)
    return {
        "pooling": "cls_transformer",
        "num_hidden_layers": _count_layers(state, "temporal"),
        "num_attention_heads": heads,
        "head_dim": _divided(rows, 3 * heads, "temporal_heads", heads),
        "intermediate_size": _shape(state, "temporal.layers.0.mlp.fc1.weight", 2)[0],
        "max_position_embeddings": _shape(state, "temporal.pos_embedding", 3)[1],
    }


def residual_transformer_fields(state: State, heads: int) -> dict[str, Any]:
    """Fields of EmotionCLIP's temporal transformer.

    Raises:
        ValueError: A tensor is missing, or the heads do not divide the fused projection.
    """
    rows, _ = _shape(state, "temporal.layers.0.attn.in_proj.weight", 2)
    return {
        "pooling": "residual_transformer",
        "num_hidden_layers": _count_layers(state, "temporal"),
        "num_attention_heads": heads,
        "head_dim": _divided(rows, 3 * heads, "temporal_heads", heads),
        "intermediate_size": _shape(state, "temporal.layers.0.fc1.weight", 2)[0],
        "max_position_embeddings": _shape(state, "temporal.position_embedding.weight", 2)[0],
        "dropout": 0.1,
    }


def _tower_fields(state: State, tower: str, width: int, heads: int | None, hidden_act: str) -> dict[str, Any]:
    heads = max(width // 64, 1) if heads is None else heads
    _divided(width, heads, f"{tower.partition('_')[0]}_heads", heads)
    return {
        "hidden_size": width,
        "intermediate_size": _shape(state, f"{tower}.encoder.layers.0.mlp.fc1.weight", 2)[0],
        "num_hidden_layers": _count_layers(state, f"{tower}.encoder"),
        "num_attention_heads": heads,
        "hidden_act": hidden_act,
    }


def _shape(state: State, name: str, rank: int) -> tuple[int, ...]:
    if name not in state or state[name].ndim != rank:
        raise UnreadSizeError(name, rank, tuple(state[name].shape) if name in state else None)
    return tuple(state[name].shape)


def _count_layers(state: State, part: str) -> int:
    numbers = {int(match[1]) for name in state if (match := re.match(rf"{re.escape(part)}\.layers\.(\d+)\.", name))}
    return max(numbers) + 1


def _divided(rows: int, parts: int, name: str, heads: int) -> int:
    if heads < 1 or rows % parts:
        raise ValueError(f"`{name}` must divide {rows} rows, got {heads} heads.")
    return rows // parts


__all__ = [
    "UnreadSizeError",
    "cls_transformer_fields",
    "residual_transformer_fields",
    "rows",
    "text_fields",
    "vision_fields",
]
