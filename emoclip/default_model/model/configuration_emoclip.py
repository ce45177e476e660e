# SPDX-License-Identifier: Apache-2.0
"""Configuration of EmoCLIP: CLIP's two towers plus the part that pools frames over time."""

from collections.abc import Container, Iterable
from typing import Any, ClassVar

from transformers import CLIPTextConfig, CLIPVisionConfig, PreTrainedConfig


TEMPORAL_POOLINGS = ("cls_transformer", "mean", "middle_frame")

# Keys that transformers hands to every configuration class without having them as attributes.
_TRANSFORMERS_KEYS = {"torch_dtype", "auto_map", "attn_implementation", "output_attentions", "custom_pipelines"}


class EmoCLIPTemporalConfig(PreTrainedConfig):
    r"""How the frame embeddings of a clip become one video embedding.

    The defaults are the sizes of the released EmoCLIP model. Its width is that of CLIP's joint space
    (`EmoCLIPConfig.projection_dim`), so there is no `hidden_size` here.

    Args:
        pooling (`str`, *optional*, defaults to `"cls_transformer"`):
            `"cls_transformer"` (EmoCLIP), `"mean"` of the frames, or `"middle_frame"`.
        num_hidden_layers (`int`, *optional*, defaults to 2):
            Layers of the temporal transformer.
        num_attention_heads (`int`, *optional*, defaults to 8):
            Attention heads of each layer.
        head_dim (`int`, *optional*, defaults to 2048):
            Width of one head. The original hands its MLP width to the head-size argument, hence this unusual size.
        intermediate_size (`int`, *optional*, defaults to 512):
            Hidden width of each MLP.
        max_position_embeddings (`int`, *optional*, defaults to 1024):
            Length of the position table; a clip may have one frame fewer, because the CLS token takes position 0.
        layer_norm_eps (`float`, *optional*, defaults to 1e-5):
            Epsilon of the layer norms.
    """

    model_type = "emoclip_temporal"
    base_config_key = "temporal_config"

    pooling: str = "cls_transformer"
    num_hidden_layers: int = 2
    num_attention_heads: int = 8
    head_dim: int = 2048
    intermediate_size: int = 512
    max_position_embeddings: int = 1024
    layer_norm_eps: float = 1e-5

    def __post_init__(self, **kwargs: Any) -> None:
        _check_known("`temporal_config`", kwargs, ())
        super().__post_init__(**kwargs)
        if self.pooling not in TEMPORAL_POOLINGS:
            raise ValueError(f"`pooling` must be one of {', '.join(TEMPORAL_POOLINGS)}, got {self.pooling!r}.")
        for name in ("num_hidden_layers", "num_attention_heads", "head_dim", "intermediate_size"):
            _check_positive(name, getattr(self, name))
        _check_number("layer_norm_eps", self.layer_norm_eps)
        _check_positive("max_position_embeddings", self.max_position_embeddings)
        if self.max_position_embeddings < 2:
            raise ValueError(
                "`max_position_embeddings` must be at least 2 (the CLS token and one frame), "
                f"got {self.max_position_embeddings}."
            )


_PARTS: dict[str, Any] = {
    "text_config": CLIPTextConfig,
    "vision_config": CLIPVisionConfig,
    "temporal_config": EmoCLIPTemporalConfig,
}


class EmoCLIPConfig(PreTrainedConfig):
    r"""Configuration of [`EmoCLIPModel`].

    Args:
        text_config (`dict` or [`CLIPTextConfig`], *optional*):
            CLIP's text tower.
        vision_config (`dict` or [`CLIPVisionConfig`], *optional*):
            CLIP's image tower.
        temporal_config (`dict` or [`EmoCLIPTemporalConfig`], *optional*):
            Pooling of frames over time.
        projection_dim (`int`, *optional*, defaults to 512):
            Width of CLIP's joint space, in which cosines are taken.
        logit_scale_init_value (`float`, *optional*, defaults to 2.6592):
            Initial logarithm of the logit scale. The released checkpoints start from ln 100.
        class_descriptions (`dict[str, str]`, *optional*):
            Class name in lower case -> the text that stands for it before this model. Tools use it where a user types the
            name alone; models trained on captions know descriptions better than names.

    Example:
    ```python
    >>> from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel

    >>> config = EmoCLIPConfig(temporal_config={"pooling": "mean"})
    >>> model = EmoCLIPModel(config)
    ```
    """

    model_type = "emoclip"
    sub_configs_defaults: ClassVar[dict[str, Any]] = dict(_PARTS)

    # Given as a mapping, a configuration or nothing; `super().__post_init__` makes each a configuration.
    text_config: Any = None
    vision_config: Any = None
    temporal_config: Any = None
    projection_dim: int = 512
    logit_scale_init_value: float = 2.6592
    initializer_factor: float = 1.0
    class_descriptions: dict[str, str] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        _check_known("the configuration", kwargs, ())
        for name, kind in _PARTS.items():
            part = getattr(self, name)
            if isinstance(part, dict):
                _check_known(f"`{name}`", part, kind.__dataclass_fields__)
            elif part is not None and not isinstance(part, PreTrainedConfig):
                raise ValueError(f"`{name}` must be a mapping or a configuration, got {part!r}.")
        super().__post_init__(**kwargs)
        _check_positive("projection_dim", self.projection_dim)
        _check_number("logit_scale_init_value", self.logit_scale_init_value)
        if not isinstance(self.class_descriptions, dict | None):
            raise ValueError(f"`class_descriptions` must be a mapping or None, got {self.class_descriptions!r}.")
        for name, text in (self.class_descriptions or {}).items():
            if not isinstance(text, str) or not text.strip() or name != name.casefold():
                raise ValueError(
                    "`class_descriptions` must map names in lower case to texts that are not empty, got "
                    f"{name!r}: {text!r}."
                )


def _check_known(where: str, given: Iterable[str], fields: Container[str]) -> None:
    """Refuse what is neither a field nor a key of transformers' own: a silent typo would build the default instead."""
    unknown = sorted(key for key in given if key not in fields and not _is_of_transformers(key))
    if unknown:
        raise ValueError(f"{where} has no field {', '.join(unknown)}; check the spelling.")


def _check_number(name: str, value: float) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"`{name}` must be a number, got {value!r}.")


def _is_of_transformers(key: str) -> bool:
    return key.startswith("_") or key in _TRANSFORMERS_KEYS or hasattr(PreTrainedConfig, key)


def _check_positive(name: str, value: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"`{name}` must be an integer of at least 1, got {value!r}.")


__all__ = ["TEMPORAL_POOLINGS", "EmoCLIPConfig", "EmoCLIPTemporalConfig"]
