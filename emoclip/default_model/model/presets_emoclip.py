# SPDX-License-Identifier: Apache-2.0
"""Sizes of the released models as plain data: CLIP's three towers and each method's own parts."""

from typing import Any

from .labels_emoclip import EMOCLIP_CLASS_DESCRIPTIONS


LOGIT_SCALE_OF_CLIP = 4.605170185988092  # ln 100, where OpenAI's training ended
IMAGE_SIZE = 224

# width, layers and heads of each tower; the MLP is four times as wide as the tower.
_CLIP_TOWERS: dict[str, dict[str, Any]] = {
    "ViT-B/32": {"patch_size": 32, "vision": (768, 12, 12), "text": (512, 12, 8), "projection_dim": 512},
    "ViT-B/16": {"patch_size": 16, "vision": (768, 12, 12), "text": (512, 12, 8), "projection_dim": 512},
    "ViT-L/14": {"patch_size": 14, "vision": (1024, 24, 16), "text": (768, 12, 12), "projection_dim": 768},
}
CLIP_BASES = tuple(_CLIP_TOWERS)
TEMPORAL_SIZES = ("released", "sane")


def emoclip_fields(base: str, temporal: str) -> dict[str, Any]:
    """Fields of EmoCLIP's configuration (EmoCLIP, section III; `architecture/video_clip.py`).

    Raises:
        ValueError: the base or the temporal sizes are not known.
    """
    fields = clip_fields(base, hidden_act="quick_gelu")
    if temporal not in TEMPORAL_SIZES:
        raise ValueError(f"`temporal` must be one of {', '.join(TEMPORAL_SIZES)}, got {temporal!r}.")
    width = fields["projection_dim"]
    # The original hands the MLP's width to the size of a head and the model's width to the MLP.
    released = {"head_dim": 2048, "intermediate_size": width}
    sane = {"head_dim": width // 8, "intermediate_size": 4 * width}
    return {
        **fields,
        "temporal_config": {
            "pooling": "cls_transformer",
            "num_hidden_layers": 2,
            "num_attention_heads": 8,
            "max_position_embeddings": 1024,
            **(released if temporal == "released" else sane),
        },
        "class_descriptions": dict(EMOCLIP_CLASS_DESCRIPTIONS),
    }


def emotionclip_fields(base: str) -> dict[str, Any]:
    """Fields of EmotionCLIP's configuration (EmotionCLIP, section 3; `src/models/base.py`).

    Raises:
        ValueError: the base is not known.
    """
    # LAION's weights were trained with the exact GELU.
    fields = clip_fields(base, hidden_act="gelu")
    width = fields["projection_dim"]
    return {
        **fields,
        "temporal_config": {
            "pooling": "residual_transformer",
            "num_hidden_layers": 6,
            "num_attention_heads": width // 64,
            "head_dim": 64,
            "intermediate_size": 2048,
            "max_position_embeddings": 8,
            "dropout": 0.1,
        },
        "subject_prompting": "sap",
    }


def expclip_fields(base: str) -> dict[str, Any]:
    """Fields of Exp-CLIP's configuration (Exp-CLIP, section 3; `models/Exp_CLIP.py`).

    Raises:
        ValueError: the base is not known.
    """
    return {
        **clip_fields(base, hidden_act="quick_gelu"),
        "temporal_config": {"pooling": "mean"},
        "expression_projection_dim": 4096,
    }


def clip_fields(base: str, hidden_act: str) -> dict[str, Any]:
    """Fields of CLIP's towers, with OpenAI's vocabulary.

    Raises:
        ValueError: the base is not known.
    """
    if base not in _CLIP_TOWERS:
        raise ValueError(
            f"`base` must be one of {', '.join(CLIP_BASES)}, got {base!r}; for other towers use `EmoCLIPModel.from_clip`."
        )
    sizes = _CLIP_TOWERS[base]
    vision = _tower(sizes["vision"], hidden_act)
    text = _tower(sizes["text"], hidden_act)
    return {
        "vision_config": {**vision, "patch_size": sizes["patch_size"], "image_size": IMAGE_SIZE},
        "text_config": {
            **text,
            "vocab_size": 49408,
            "max_position_embeddings": 77,
            "bos_token_id": 49406,
            "eos_token_id": 49407,
            "pad_token_id": 49407,
        },
        "projection_dim": sizes["projection_dim"],
        "logit_scale_init_value": LOGIT_SCALE_OF_CLIP,
    }


def _tower(sizes: tuple[int, int, int], hidden_act: str) -> dict[str, Any]:
    width, num_layers, num_heads = sizes
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": num_layers,
        "num_attention_heads": num_heads,
        "hidden_act": hidden_act,
    }


__all__ = [
    "CLIP_BASES",
    "LOGIT_SCALE_OF_CLIP",
    "TEMPORAL_SIZES",
    "clip_fields",
    "emoclip_fields",
    "emotionclip_fields",
    "expclip_fields",
]
