# SPDX-License-Identifier: Apache-2.0
"""A small BLIP-2 Flan-T5 whose image tower is one that CLIP's training has made; the rest has random weights, to be taught.

The real BLIP-2 is built so: its image tower is an EVA-CLIP's, frozen, and Q-Former and LLM learn from what it sees. A tower of random
weights would have to learn to see from captions alone, which at this size takes far longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from emoclip.synthetic.tiny_teacher import build_model, build_tokenizer


def save_seeing_teacher(
    folder: str | Path,
    tower: Any,
    mean: Sequence[float],
    std: Sequence[float],
    pixels: torch.Tensor,
    *,
    width: int = 128,
    seed: int = 0,
    more_words: Iterable[str] = (),
) -> Path:
    """Write model and tokenizer into a folder and return it.

    Args:
        folder: Made where it is not there.
        tower: CLIP's image tower, `CLIPVisionModel` or a model's `vision_model`.
        mean, std: Of the three colours, with which the tower was trained.
        pixels: (N, 3, side, side) in [0, 1], some pictures as the teacher will get them.
        width: Of the LLM, a multiple of 8.
        seed: Of the other weights.
        more_words: One token each, such as the words of captions that it is to learn.
    """
    config = tower.config
    fields = (
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "patch_size",
        "hidden_act",
    )
    vision = {name: getattr(config, name) for name in (*fields, "layer_norm_eps")}
    tokenizer = build_tokenizer(more_words)
    model = build_model(len(tokenizer), width, config.image_size, seed, vision)
    copy_image_tower(tower, model.vision_model, mean, std, pixels)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@torch.no_grad()
def copy_image_tower(
    source: Any, target: Any, mean: Sequence[float], std: Sequence[float], pixels: torch.Tensor
) -> None:
    """Give BLIP-2's image tower the weights of CLIP's, in place.

    BLIP-2 lacks two things. The colours' mean and deviation, which its teacher is not given, go into the first layer exactly. The norm
    before the first block does not: its scale is taken as a constant, the mean over `pixels` for the class token and for the patches.
    """
    theirs, mine, norm = source.embeddings, target.embeddings, source.pre_layrnorm
    middle, deviation = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]
    states = theirs((pixels - middle) / deviation)
    scales = (states.var(dim=-1, unbiased=False) + norm.eps).sqrt().mean(dim=0)
    token_gain, gain = norm.weight / scales[0], norm.weight / scales[1:].mean()
    kernel = theirs.patch_embedding.weight / deviation
    mine.patch_embedding.weight.copy_(_centered(kernel, 0) * gain[:, None, None, None])
    mine.patch_embedding.bias.copy_(-_centered((kernel * middle).sum(dim=(1, 2, 3)), 0) * gain)
    mine.class_embedding.copy_(_centered(theirs.class_embedding, 0) * token_gain)
    places = _centered(theirs.position_embedding.weight, 1)
    mine.position_embedding[0, 0] = places[0] * token_gain + norm.bias
    mine.position_embedding[0, 1:] = places[1:] * gain + norm.bias
    for theirs, mine in zip(source.encoder.layers, target.encoder.layers, strict=True):
        parts = [theirs.self_attn.q_proj, theirs.self_attn.k_proj, theirs.self_attn.v_proj]
        mine.self_attn.qkv.weight.copy_(torch.cat([part.weight for part in parts]))
        mine.self_attn.qkv.bias.copy_(torch.cat([part.bias for part in parts]))
        mine.self_attn.projection.load_state_dict(theirs.self_attn.out_proj.state_dict())
        for name in ("layer_norm1", "layer_norm2", "mlp"):
            getattr(mine, name).load_state_dict(getattr(theirs, name).state_dict())
    target.post_layernorm.load_state_dict(source.post_layernorm.state_dict())


def _centered(values: torch.Tensor, dim: int) -> torch.Tensor:
    return values - values.mean(dim=dim, keepdim=True)


__all__ = ["copy_image_tower", "save_seeing_teacher"]
