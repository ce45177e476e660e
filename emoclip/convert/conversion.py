# SPDX-License-Identifier: Apache-2.0
"""Original state dicts to our models and back. Strict: every tensor is accounted for, both ways."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch

from modeling_emoclip import EmoCLIPConfig, EmoCLIPForVideoClassification, EmoCLIPModel
from modeling_emoclip.labels_emoclip import EMOCLIP_CLASS_DESCRIPTIONS
from modeling_emoclip.preprocessing_emoclip import preprocessing_preset
from modeling_emoclip.presets_emoclip import LOGIT_SCALE_OF_CLIP

from .key_tables import CLIP, EMOCLIP, EMOCLIP_DOWNSTREAM, EMOTIONCLIP, EXPCLIP_HEAD
from .rename import Rule, Tensors, is_covered, original_name, rename, rename_back
from .sizes import (
    UnreadSizeError,
    cls_transformer_fields,
    residual_transformer_fields,
    rows,
    text_fields,
    vision_fields,
)


LOG = logging.getLogger(__name__)
METHODS = ("emoclip", "emotionclip", "expclip")
# What OpenAI's archives carry beside the tensors of the model.
ARCHIVE_KEYS = ("input_resolution", "context_length", "vocab_size")
# Names in training code under which Exp-CLIP's parts stand in one state dict.
EXPCLIP_PREFIXES = {"head": "projection_head.", "clip": "clip_model."}


@dataclass(frozen=True)
class Options:
    """What the tensors do not tell; see `convert_original`."""

    vision_heads: int | None = None
    text_heads: int | None = None
    temporal_heads: int = 8
    eos_token_id: int | None = None
    hidden_act: str | None = None


def convert_original(
    state_dict: Mapping[str, torch.Tensor],
    method: str,
    *,
    base_state_dict: Mapping[str, torch.Tensor] | None = None,
    vision_heads: int | None = None,
    text_heads: int | None = None,
    temporal_heads: int = 8,
    eos_token_id: int | None = None,
    hidden_act: str | None = None,
) -> EmoCLIPModel:
    """Return the model of an original checkpoint, in float32, every parameter requiring a gradient.

    Args:
        state_dict: Tensors by the original's names, with or without `module.` before them.
        method: `"emoclip"`, `"emotionclip"` or `"expclip"`. EmoCLIP's downstream weights, which have no text tower, and
            Exp-CLIP's heads need `base_state_dict`.
        base_state_dict: Tensors of the CLIP model beneath, by OpenAI's names or by transformers'.
        vision_heads, text_heads: Attention heads of the towers, by default one for each 64 of their width.
        temporal_heads: Attention heads of the temporal part, which no tensor tells.
        eos_token_id: The end-of-text token, by default the last of the vocabulary.
        hidden_act: Activation inside the towers, by default `"quick_gelu"`, for EmotionCLIP `"gelu"`.

    Raises:
        ValueError: The method is not known, a tensor is missing, unexpected or of another shape (all are named), the base
            is missing or does not fit, or the heads do not divide a width.
    """
    _check_method(method)
    options = Options(vision_heads, text_heads, temporal_heads, eos_token_id, hidden_act)
    state = without_prefix(state_dict)
    found = detect_method(state)
    if found not in (None, method):
        raise ValueError(f"The checkpoint must be one of {method}, got one of {found} by the names of its tensors.")
    base = None if base_state_dict is None else without_prefix(base_state_dict)
    with _named_as_in([*_TABLES[method], *CLIP]):
        return _CONVERTERS[method](state, base, options)


def convert_downstream(
    state_dict: Mapping[str, torch.Tensor],
    *,
    vision_heads: int | None = None,
    temporal_heads: int = 8,
    hidden_act: str | None = None,
    problem_type: str | None = None,
) -> EmoCLIPForVideoClassification:
    """Return the model of EmoCLIP's downstream task, image side and head, in float32, the image tower frozen.

    Args:
        state_dict: Tensors of the original's `DownstreamTask`, head included.
        vision_heads, temporal_heads, hidden_act: See `convert_original`.
        problem_type: `"single_label_classification"`, `"multi_label_classification"` or `"regression"`, if known.

    Raises:
        ValueError: A tensor is missing, unexpected or of another shape, all of which are named.
    """
    state = without_prefix(state_dict)
    ours, unknown = rename(state, EMOCLIP_DOWNSTREAM)
    if "classifier.fc2.weight" not in ours:
        raise ValueError(
            "A downstream model must have a head, `mlp.0` and `mlp.2`, got none; convert weights without a head by "
            "`convert_original` with CLIP's as `base_state_dict`."
        )
    with _named_as_in(EMOCLIP_DOWNSTREAM):
        fields: dict[str, Any] = {
            "vision_config": vision_fields(ours, vision_heads, hidden_act or "quick_gelu"),
            "temporal_config": cls_transformer_fields(ours, temporal_heads),
            "projection_dim": rows(ours, "visual_projection.weight"),
            "classifier_hidden_size": rows(ours, "classifier.fc1.weight"),
            "num_labels": rows(ours, "classifier.fc2.weight"),
            "problem_type": problem_type,
        }
    # The published code trains the temporal part.
    config = EmoCLIPConfig(**fields, freeze_temporal=False)
    config.preprocessing = preprocessing_preset("emoclip", config.vision_config.image_size)
    model = _filled(EmoCLIPForVideoClassification(config), ours, unknown, EMOCLIP_DOWNSTREAM)
    model.set_frozen(vision=config.freeze_vision, temporal=config.freeze_temporal)
    return model


def to_original(model: EmoCLIPModel | EmoCLIPForVideoClassification, method: str) -> Tensors:
    """Return the original's state dict of a model, float32, without `module.`.

    For `"expclip"` it is the head alone, as released; a classification model gives EmoCLIP's downstream weights.

    Raises:
        ValueError: The method is not known, or the model is not built as the original is.
    """
    _check_method(method)
    has_head = isinstance(model, EmoCLIPForVideoClassification)
    _check_built_as(method, cast(EmoCLIPConfig, model.config), has_head)
    state = {name: tensor.detach().float().cpu() for name, tensor in model.state_dict().items()}
    rules = EMOCLIP_DOWNSTREAM if has_head else _TABLES[method]
    restored, left = rename_back(state, rules)
    if method == "expclip":
        left = []  # CLIP's towers, which the released head leaves out
    elif method == "emotionclip":
        restored |= _emotionclip_extras(restored)
    elif not has_head:
        # CLIP's own scale, which is not used but looked for; a model that was not converted has none.
        restored.setdefault("backbone.logit_scale", torch.tensor(LOGIT_SCALE_OF_CLIP))
    missing = [rule.source for rule in rules if not is_covered(rule, restored)]
    if left or missing:
        raise ValueError(
            f"A model of {method} must have exactly the parts of the original, got also {_listed(left)}, and not "
            f"{_listed(missing)}."
        )
    return {name: tensor.clone() for name, tensor in restored.items()}


def _check_built_as(method: str, config: EmoCLIPConfig, has_head: bool) -> None:
    """Refuse a model that the original's code would compute something else with, or could not load."""
    pooling, prompting, has_projection = _BUILT[method]
    width = config.expression_projection_dim
    wanted = {
        "temporal_config.pooling": (config.temporal_config.pooling, pooling),
        "subject_prompting": (config.subject_prompting, prompting),
        "subject_binary": (config.subject_prompting == "sap" and config.subject_binary, False),
        "expression_projection_dim": (width, (width or "a width") if has_projection else None),
        "expression_projection_type": (config.expression_projection_type if width else "linear", "linear"),
        "a head for classes": (has_head, has_head and method == "emoclip"),
    }
    wrong = [f"{name} {got!r} instead of {right!r}" for name, (got, right) in wanted.items() if got != right]
    if wrong:
        raise ValueError(f"Only a model built as {method} is can be written in its form, got {', '.join(wrong)}.")


def detect_method(state: Mapping[str, torch.Tensor]) -> str | None:
    """Return the method that the names of the tensors tell, `None` where they tell none."""
    marks = {
        "emoclip": "temporal.pos_embedding",
        "emotionclip": "visual_head.frame_position_embedding.weight",
        "expclip": "mlp.weight",
    }
    for method, mark in marks.items():
        if any(name in (mark, EXPCLIP_PREFIXES["head"] + mark) for name in state):
            return method
    return None


def without_prefix(state_dict: Mapping[str, torch.Tensor]) -> Tensors:
    """Return the tensors in float32 without the `module.` of data-parallel training; whole numbers stay as they are."""
    cleaned = {}
    for name, tensor in state_dict.items():
        if not isinstance(tensor, torch.Tensor):
            raise ValueError(f"A state dict must hold tensors, got {type(tensor).__name__} as `{name}`.")
        if name not in ARCHIVE_KEYS:
            plain = name.removeprefix("module.")
            if plain in cleaned:
                raise ValueError(f"A tensor must stand in the checkpoint once, got `{plain}` and `module.{plain}`.")
            cleaned[plain] = tensor.float() if tensor.is_floating_point() else tensor
    return cleaned


@contextmanager
def _named_as_in(rules: list[Rule]) -> Iterator[None]:
    """Within this block a tensor that tells no size is named as its owner can look for it."""
    try:
        yield
    except UnreadSizeError as error:
        raise UnreadSizeError(original_name(error.name, rules), error.rank, error.got) from None


def _convert_emoclip(state: Tensors, base: Tensors | None, options: Options) -> EmoCLIPModel:
    if "backbone.conv1.weight" in state:
        state = _whole_emoclip(state, base)
    elif base is not None:
        raise ValueError(
            "`base_state_dict` must be left out for a checkpoint of EmoCLIP that has a text tower of its own, got one (on "
            "the command line leave out --base and name the vocabulary by --tokenizer)."
        )
    ours, unknown = rename(state, EMOCLIP)
    fields = _clip_fields(ours, options, "quick_gelu")
    config = EmoCLIPConfig(
        **fields,
        temporal_config=cls_transformer_fields(ours, options.temporal_heads),
        keep_clip_logit_scale=True,
        class_descriptions=dict(EMOCLIP_CLASS_DESCRIPTIONS),
        preprocessing=preprocessing_preset("emoclip", fields["vision_config"]["image_size"]),
    )
    return _filled(EmoCLIPModel(config), ours, unknown, EMOCLIP)


def _whole_emoclip(state: Tensors, base: Tensors | None) -> Tensors:
    """Downstream weights completed by CLIP's text tower; a head is left out."""
    if base is None:
        raise ValueError(
            "EmoCLIP's downstream weights have no text tower; give CLIP's, with which it was trained, as "
            "`base_state_dict` (on the command line --base openai/clip-vit-base-patch32)."
        )
    LOG.warning("The checkpoint has no text tower: CLIP's own stands in, which EmoCLIP's training had changed.")
    text = {name: tensor for name, tensor in _openai_names(base).items() if not name.startswith("visual.")}
    whole = {f"backbone.{name}": tensor for name, tensor in text.items()}
    whole["logit_scale"] = text["logit_scale"].clone()
    for name, tensor in state.items():
        if not name.startswith("mlp."):
            whole[name.replace("backbone.", "backbone.visual.", 1)] = tensor
    return whole


def _convert_emotionclip(state: Tensors, base: Tensors | None, options: Options) -> EmoCLIPModel:
    _refuse_base("emotionclip", base)
    extras = _emotionclip_extras(state)
    for name, expected in extras.items():
        if name in state and not torch.equal(state[name], expected):
            raise ValueError(f"`{name}` must equal what it repeats, got {state[name]} instead of {expected}.")
    ours, unknown = rename({name: tensor for name, tensor in state.items() if name not in extras}, EMOTIONCLIP)
    fields = _clip_fields(ours, options, "gelu")
    config = EmoCLIPConfig(
        **fields,
        temporal_config=residual_transformer_fields(ours, options.temporal_heads),
        subject_prompting="sap",
        preprocessing=preprocessing_preset("emotionclip", fields["vision_config"]["image_size"]),
    )
    return _filled(EmoCLIPModel(config), ours, unknown, EMOTIONCLIP)


def _emotionclip_extras(state: Tensors) -> Tensors:
    """Tensors of the original that repeat others: the shared logit scale and the numbers of the positions."""
    extras = {}
    if "logit_scale" in state:
        extras["backbone.logit_scale"] = state["logit_scale"].clone()
    if (table := state.get("visual_head.frame_position_embedding.weight")) is not None:
        extras["visual_head.position_ids"] = torch.arange(len(table))
    return extras


def _convert_expclip(state: Tensors, base: Tensors | None, options: Options) -> EmoCLIPModel:
    head, inside = _expclip_parts(state)
    if inside and base is not None:
        raise ValueError("`base_state_dict` must be left out for a training state that holds CLIP itself, got one.")
    base = inside or base
    if base is None:
        raise ValueError(
            "Exp-CLIP's file holds the projection alone; give CLIP's weights as `base_state_dict` (on the command line "
            "--base). A head of width 512 does not say whether it belongs to ViT-B/32 or ViT-B/16."
        )
    ours, unknown = rename(_openai_names(base), CLIP)
    head_ours, head_unknown = rename(head, EXPCLIP_HEAD)
    weight = head_ours.get("expression_projection.weight")
    width = rows(ours, "visual_projection.weight")
    if weight is not None and (weight.ndim != 2 or weight.shape[1] != width):
        raise ValueError(
            f"The head must take CLIP's joint width, got `mlp.weight` {tuple(weight.shape)} for a base of width {width}; "
            "ViT-B has 512, ViT-L/14 has 768."
        )
    fields = _clip_fields(ours, options, "quick_gelu")
    config = EmoCLIPConfig(
        **fields,
        temporal_config={"pooling": "mean"},
        expression_projection_dim=1 if weight is None else weight.shape[0],
        preprocessing=preprocessing_preset("expclip", fields["vision_config"]["image_size"]),
    )
    return _filled(EmoCLIPModel(config), ours | head_ours, unknown + head_unknown, [*CLIP, *EXPCLIP_HEAD])


def _expclip_parts(state: Tensors) -> tuple[Tensors, Tensors | None]:
    """Head and, where the whole training model was saved, CLIP; the teacher's tensors beside them are left out."""
    if not any(name.startswith(EXPCLIP_PREFIXES["head"]) for name in state):
        return state, None
    parts = {
        part: {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
        for part, prefix in EXPCLIP_PREFIXES.items()
    }
    return parts["head"], parts["clip"] or None


def _openai_names(base: Tensors) -> Tensors:
    """CLIP's tensors by OpenAI's names, whichever names they have."""
    if "visual.conv1.weight" in base:
        return base
    if "vision_model.embeddings.patch_embedding.weight" not in base:
        raise ValueError(
            "The base must be a CLIP model by OpenAI's names (visual.conv1.weight, ...) or transformers' (vision_model"
            f".embeddings...), got {', '.join(sorted(base)[:3])}, ..."
        )
    restored, left = rename_back(base, CLIP)
    unexpected = [name for name in left if not name.endswith("position_ids")]
    if unexpected:
        raise ValueError(f"The base must be a CLIP model alone, got also {', '.join(unexpected)}.")
    return restored


def _clip_fields(ours: Tensors, options: Options, default_act: str) -> dict[str, Any]:
    act = options.hidden_act or default_act
    vision = vision_fields(ours, options.vision_heads, act)
    text = text_fields(ours, options.text_heads, act, options.eos_token_id)
    scale = ours.get("logit_scale")
    return {
        "vision_config": vision,
        "text_config": text,
        "projection_dim": rows(ours, "visual_projection.weight") if "visual_projection.weight" in ours else 1,
        "logit_scale_init_value": LOGIT_SCALE_OF_CLIP if scale is None else float(scale),
    }


def _filled(model: Any, ours: Tensors, unknown: list[str], rules: list[Rule]) -> Any:
    """The model with the tensors in it, once it is clear that every one has a place and every place one."""
    own = model.state_dict()
    # In the words of the original: its names are what the owner of the file can look for.
    expected, _ = rename_back(own, rules)
    given, _ = rename_back({name: tensor for name, tensor in ours.items() if name in own}, rules)
    missing = sorted(name for name in expected if name not in given)
    foreign = sorted([*unknown, *(original_name(name, rules) for name in ours if name not in own)])
    shapes = sorted(
        f"{name} {tuple(given[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in expected
        if name in given and given[name].shape != expected[name].shape
    )
    if missing or foreign or shapes:
        raise ValueError(
            "The checkpoint must hold exactly the tensors of the method; "
            f"missing: {_listed(missing)}; unexpected: {_listed(foreign)}; other shapes: {_listed(shapes)}."
        )
    model.load_state_dict(ours, strict=True)
    return model.float().requires_grad_(True).eval()


def _listed(names: list[str]) -> str:
    return ", ".join(names) if names else "none"


def _refuse_base(method: str, base: Tensors | None) -> None:
    if base is not None:
        raise ValueError(f"`base_state_dict` must be left out for {method}, whose checkpoints are complete, got one.")


def _check_method(method: str) -> None:
    if method not in METHODS:
        raise ValueError(f"`method` must be one of {', '.join(METHODS)}, got {method!r}.")


_TABLES = {"emoclip": EMOCLIP, "emotionclip": EMOTIONCLIP, "expclip": EXPCLIP_HEAD}
# Pooling, subject prompting, and whether there is an expression projection.
_BUILT = {
    "emoclip": ("cls_transformer", "none", False),
    "emotionclip": ("residual_transformer", "sap", False),
    "expclip": ("mean", "none", True),
}
_CONVERTERS: dict[str, Callable[[Tensors, Tensors | None, Options], EmoCLIPModel]] = {
    "emoclip": _convert_emoclip,
    "emotionclip": _convert_emotionclip,
    "expclip": _convert_expclip,
}


__all__ = ["METHODS", "convert_downstream", "convert_original", "detect_method", "to_original", "without_prefix"]
