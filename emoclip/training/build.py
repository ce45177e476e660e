# SPDX-License-Identifier: Apache-2.0
"""From a configuration to a model with its processor."""

import json
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, CLIPConfig, PreTrainedTokenizerBase

from emoclip.analysis.source_model import HUB_ID
from emoclip.evaluation.prompts import prompt_set_texts
from emoclip.training.config import ModelConfig
from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel, EmoCLIPProcessor, EmoCLIPVideoProcessor
from modeling_emoclip.configuration_emoclip import merged_fields


# What the configurations of `openai/clip-vit-*` say; see transformers pull request 24773.
LEGACY_EOS_TOKEN_ID = 2
WEIGHT_FILES = tuple(
    f"{name}{end}" for end in ("", ".index.json") for name in ("model.safetensors", "pytorch_model.bin")
)


def read_model(config: ModelConfig) -> EmoCLIPConfig:
    """The configuration that `build_model` builds by, without reading weights; tokenizer and processor are read as well.

    Raises:
        ValueError: a field does not fit, or the tokenizer does not fit the text tower.
        OSError: the model, its tokenizer or its processor cannot be found, or a folder has no weights.
    """
    name = _with_weights(str(config.name)) if config.name else ""
    fields: dict[str, Any] = {}
    if config.init == "clip":
        clip = CLIPConfig.from_pretrained(name).to_dict()
        towers = {key: clip[key] for key in ("text_config", "vision_config", "projection_dim")}
        fields = merged_fields(towers, config.config)
    elif config.init == "emoclip":
        fields = _changed_fields(EmoCLIPConfig.from_pretrained(name), config.config)
    tokenizer = AutoTokenizer.from_pretrained(config.tokenizer or config.name)
    if config.init == "scratch":
        fields = _with_token_ids(config.config, tokenizer)
    found = EmoCLIPConfig(**fields)
    _check_vocabulary(found, tokenizer)
    _build_video_processor(config, found)
    return found


def _with_weights(name: str) -> str:
    """The model itself, or the one that a folder with an adapter is for.

    Raises:
        OSError: It is a folder without weights, or no folder and no Hub id.
    """
    adapter = Path(name, "adapter_config.json")
    if adapter.is_file() and not Path(name, "config.json").is_file():
        return _with_weights(str(json.loads(adapter.read_text(encoding="utf-8"))["base_model_name_or_path"]))
    if Path(name).is_dir() and not any(Path(name, file).is_file() for file in WEIGHT_FILES):
        of_run = Path(name, "model")
        raise FileNotFoundError(
            f"A model's folder must hold its weights, {name} has no {' or '.join(WEIGHT_FILES[:2])}"
            f"{f'; that of this run is {of_run}' if of_run.is_dir() else ''}."
        )
    if not Path(name).exists() and not HUB_ID.fullmatch(name):
        raise FileNotFoundError(f"The model folder must exist, got {name}; check the path or give a Hub id.")
    return name


def build_model(config: ModelConfig) -> tuple[EmoCLIPModel, EmoCLIPProcessor]:
    """The model in float32, as the run starts with it, and the processor that belongs to it.

    Random parts take their values from PyTorch's global generator, which the caller seeds.

    Raises:
        ValueError: a field does not fit, or the tokenizer does not fit the text tower.
        OSError: the model or tokenizer cannot be found.
    """
    if config.init != "scratch":
        _with_weights(str(config.name))
    tokenizer = AutoTokenizer.from_pretrained(config.tokenizer or config.name)
    if config.init == "scratch":
        model = EmoCLIPModel(EmoCLIPConfig(**_with_token_ids(config.config, tokenizer)))
    elif config.init == "clip":
        model = EmoCLIPModel.from_clip(str(config.name), **config.config)
    else:
        model = load_earlier_run(str(config.name), config.config)
    _check_vocabulary(model.config, tokenizer)
    if config.identical_layers:
        _copy_first_layer(model)
    if config.class_descriptions is not None:
        model.config.class_descriptions = dict(prompt_set_texts(config.class_descriptions))
    if config.attention is not None:
        for tower in (model.text_model, model.vision_model):
            tower.set_attn_implementation(config.attention)
    return model.float(), EmoCLIPProcessor(_build_video_processor(config, model.config), tokenizer)


def _copy_first_layer(model: EmoCLIPModel) -> None:
    layers: Any = getattr(model.temporal, "layers", ())
    if not len(layers):
        pooling = model.config.temporal_config.pooling
        raise ValueError(f"`identical_layers` needs a temporal transformer, got pooling={pooling}; set it to false.")
    for layer in layers[1:]:
        layer.load_state_dict(layers[0].state_dict())


def load_earlier_run(name: str, overrides: dict[str, Any]) -> EmoCLIPModel:
    """An EmoCLIP folder or Hub id, with fields of its configuration changed.

    Weights are taken over by name. Only a temporal part that the earlier run did not have starts anew.

    Raises:
        ValueError: another part of the changed model has no weights, or weights of another shape.
    """
    earlier = EmoCLIPModel.from_pretrained(name)
    if not overrides:
        return earlier
    model = EmoCLIPModel(EmoCLIPConfig(**_changed_fields(earlier.config, overrides)))
    weights, wanted = earlier.state_dict(), model.state_dict()
    fresh = {key for key in wanted if key.startswith("temporal.") and key not in weights}
    unfit = [
        key for key in wanted if key not in fresh and (key not in weights or weights[key].shape != wanted[key].shape)
    ]
    if unfit:
        raise ValueError(
            f"`config` may change the temporal part of an earlier run only, got changes that {unfit[0]} of {name} does not fit."
        )
    model.load_state_dict({key: weights[key] for key in wanted if key not in fresh}, strict=False)
    return model


def _changed_fields(config: Any, overrides: dict[str, Any]) -> dict[str, Any]:
    """Fields of a configuration with overrides; a mapping changes single fields of a part."""
    fields = config.to_dict()
    for key, value in overrides.items():
        is_part = isinstance(value, dict) and isinstance(fields.get(key), dict)
        fields[key] = {**fields[key], **value} if is_part else value
    return fields


def _with_token_ids(fields: dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """The configuration's text part completed with what the tokenizer alone knows."""
    known = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": tokenizer.model_max_length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return {**fields, "text_config": {**known, **fields.get("text_config", {})}}


def _build_video_processor(config: ModelConfig, model_config: Any) -> EmoCLIPVideoProcessor:
    """Frames of the size that the image tower wants, unless the configuration says otherwise."""
    if config.init == "emoclip":
        saved = EmoCLIPVideoProcessor.from_pretrained(str(config.name))
        return EmoCLIPVideoProcessor.from_dict({**saved.to_dict(), **config.processor})
    side = model_config.vision_config.image_size
    fields = {"size": {"shortest_edge": side}, "crop_size": {"height": side, "width": side}}
    return EmoCLIPVideoProcessor(**{**fields, **config.processor})


def _check_vocabulary(config: Any, tokenizer: PreTrainedTokenizerBase) -> None:
    text = config.text_config
    if len(tokenizer) > text.vocab_size:
        raise ValueError(
            f"The tokenizer may have at most as many tokens as the text tower, {text.vocab_size}, got {len(tokenizer)}. "
            "Use the tokenizer that came with the weights."
        )
    if text.eos_token_id == LEGACY_EOS_TOKEN_ID and tokenizer.eos_token_id == len(tokenizer) - 1:
        # OpenAI's checkpoints carry a wrong id, by which CLIP's tower pools at the largest one: the same place.
        return
    if tokenizer.eos_token_id != text.eos_token_id:
        raise ValueError(
            f"The text tower pools at the token {text.eos_token_id}, but the tokenizer ends texts with "
            f"{tokenizer.eos_token_id}. Use the tokenizer that came with the weights."
        )


__all__ = ["build_model", "load_earlier_run", "read_model"]
