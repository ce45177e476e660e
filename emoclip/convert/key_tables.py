# SPDX-License-Identifier: Apache-2.0
"""The rename tables of CLIP and of the three methods.

Sources: OpenAI CLIP `clip/model.py`; EmoCLIP `architecture/`; EmotionCLIP `src/models/base.py`; Exp-CLIP
`models/Exp_CLIP.py`.
"""

from __future__ import annotations

from .rename import Rule, copied


BOTH = ("weight", "bias")


def _tower(source: str, target: str) -> list[Rule]:
    """A tower's blocks; the original fuses query, key and value."""
    block, layer = f"{source}resblocks.{{i}}", f"{target}.encoder.layers.{{i}}"
    fused = [
        Rule(f"{block}.attn.in_proj_{leaf}", tuple(f"{layer}.self_attn.{part}_proj.{leaf}" for part in "qkv"))
        for leaf in BOTH
    ]
    return [
        *fused,
        *copied(f"{block}.attn.out_proj", f"{layer}.self_attn.out_proj", *BOTH),
        *copied(f"{block}.ln_1", f"{layer}.layer_norm1", *BOTH),
        *copied(f"{block}.ln_2", f"{layer}.layer_norm2", *BOTH),
        *copied(f"{block}.mlp.c_fc", f"{layer}.mlp.fc1", *BOTH),
        *copied(f"{block}.mlp.c_proj", f"{layer}.mlp.fc2", *BOTH),
    ]


VISION = [
    *copied("conv1.weight", "vision_model.embeddings.patch_embedding.weight"),
    *copied("class_embedding", "vision_model.embeddings.class_embedding"),
    *copied("positional_embedding", "vision_model.embeddings.position_embedding.weight"),
    *copied("ln_pre", "vision_model.pre_layrnorm", *BOTH),  # transformers' own spelling
    *_tower("transformer.", "vision_model"),
    *copied("ln_post", "vision_model.post_layernorm", *BOTH),
    Rule("proj", ("visual_projection.weight",), transpose=True),
]

TEXT = [
    *copied("token_embedding.weight", "text_model.embeddings.token_embedding.weight"),
    *copied("positional_embedding", "text_model.embeddings.position_embedding.weight"),
    *_tower("transformer.", "text_model"),
    *copied("ln_final", "text_model.final_layer_norm", *BOTH),
    Rule("text_projection", ("text_projection.weight",), transpose=True),
]

# Without the logit scale, which the methods treat differently.
CLIP_TOWERS = [*(rule.under("visual.") for rule in VISION), *TEXT]
CLIP = [*CLIP_TOWERS, *copied("logit_scale", "logit_scale")]

_LAYER = "temporal.temporal_transformer.layers.{i}"
EMOCLIP_TEMPORAL = [
    *copied("temporal.cls_token", "temporal.cls_token"),
    *copied("temporal.pos_embedding", "temporal.pos_embedding"),
    *copied(f"{_LAYER}.0.fn.norm", "temporal.layers.{i}.norm1", *BOTH),
    *copied(f"{_LAYER}.0.fn.fn.to_qkv.weight", "temporal.layers.{i}.attn.qkv.weight"),
    *copied(f"{_LAYER}.0.fn.fn.to_out.0", "temporal.layers.{i}.attn.out", *BOTH),
    *copied(f"{_LAYER}.1.fn.norm", "temporal.layers.{i}.norm2", *BOTH),
    *copied(f"{_LAYER}.1.fn.fn.net.0", "temporal.layers.{i}.mlp.fc1", *BOTH),
    *copied(f"{_LAYER}.1.fn.fn.net.3", "temporal.layers.{i}.mlp.fc2", *BOTH),
]

# Two logit scales: the model's own, which is used, and CLIP's, which is carried along.
EMOCLIP = [
    *(rule.under("backbone.") for rule in CLIP_TOWERS),
    *EMOCLIP_TEMPORAL,
    *copied("logit_scale", "logit_scale"),
    *copied("backbone.logit_scale", "clip_logit_scale"),
]

# The image side alone, with a head for classes or symptoms.
EMOCLIP_DOWNSTREAM = [
    *(rule.under("backbone.") for rule in VISION),
    *EMOCLIP_TEMPORAL,
    *copied("mlp.0", "classifier.fc1", *BOTH),
    *copied("mlp.2", "classifier.fc2", *BOTH),
]

_FUSION = "visual_head.fusion_layer.layers.{i}"
EMOTIONCLIP = [
    *(rule.under("backbone.") for rule in CLIP_TOWERS),
    *copied("logit_scale", "logit_scale"),
    *copied("visual_head.frame_position_embedding.weight", "temporal.position_embedding.weight"),
    *copied(f"{_FUSION}.self_attn.in_proj_weight", "temporal.layers.{i}.attn.in_proj.weight"),
    *copied(f"{_FUSION}.self_attn.in_proj_bias", "temporal.layers.{i}.attn.in_proj.bias"),
    *copied(f"{_FUSION}.self_attn.out_proj", "temporal.layers.{i}.attn.out_proj", *BOTH),
    *copied(f"{_FUSION}.linear1", "temporal.layers.{i}.fc1", *BOTH),
    *copied(f"{_FUSION}.linear2", "temporal.layers.{i}.fc2", *BOTH),
    *copied(f"{_FUSION}.norm1", "temporal.layers.{i}.norm1", *BOTH),
    *copied(f"{_FUSION}.norm2", "temporal.layers.{i}.norm2", *BOTH),
    *copied("visual_head.fusion_layer.norm", "temporal.final_norm", *BOTH),
]

EXPCLIP_HEAD = copied("mlp.weight", "expression_projection.weight")


__all__ = ["CLIP", "EMOCLIP", "EMOCLIP_DOWNSTREAM", "EMOTIONCLIP", "EXPCLIP_HEAD", "TEXT", "VISION"]
