# SPDX-License-Identifier: Apache-2.0
"""Configuration of EmoCLIP: CLIP's two towers plus the parts of the three methods."""

import math
from collections.abc import Container, Iterable
from typing import Any, ClassVar

from transformers import CLIPTextConfig, CLIPVisionConfig, PreTrainedConfig
from transformers.activations import ACT2FN

from .expression_emoclip import EXPRESSION_PROJECTION_TYPES
from .preprocessing_emoclip import preprocessing_preset
from .presets_emoclip import emoclip_fields, emotionclip_fields, expclip_fields
from .video_fields_emoclip import EmoCLIPVideoProcessorKwargs


TEMPORAL_POOLINGS = ("cls_transformer", "residual_transformer", "mean", "middle_frame")
SUBJECT_PROMPTINGS = ("none", "sap", "saam")
PROBLEM_TYPES = ("single_label_classification", "multi_label_classification", "regression")
SENTIMENT_KL_DIRECTIONS = ("released", "paper")

# Keys that transformers hands to every configuration class without having them as attributes.
_TRANSFORMERS_KEYS = {"torch_dtype", "auto_map", "attn_implementation", "output_attentions", "custom_pipelines"}


class EmoCLIPTemporalConfig(PreTrainedConfig):
    r"""How the frame embeddings of a clip become one video embedding.

    The defaults are the sizes of the released EmoCLIP model. Its width is that of CLIP's joint space
    (`EmoCLIPConfig.projection_dim`), so there is no `hidden_size` here.

    Args:
        pooling (`str`, *optional*, defaults to `"cls_transformer"`):
            `"cls_transformer"` (EmoCLIP), `"residual_transformer"` (EmotionCLIP), `"mean"` of the frames (Exp-CLIP), or
            `"middle_frame"`.
        num_hidden_layers (`int`, *optional*, defaults to 2):
            Layers of the temporal transformer.
        num_attention_heads (`int`, *optional*, defaults to 8):
            Attention heads of each layer.
        head_dim (`int`, *optional*, defaults to 2048):
            Width of one head. The original hands its MLP width to the head-size argument, hence this unusual size.
        intermediate_size (`int`, *optional*, defaults to 512):
            Hidden width of each MLP.
        max_position_embeddings (`int`, *optional*, defaults to 1024):
            Length of the position table. With `"cls_transformer"` a clip may have one frame fewer, because the CLS token
            takes position 0.
        layer_norm_eps (`float`, *optional*, defaults to 1e-5):
            Epsilon of the layer norms.
        dropout (`float`, *optional*, defaults to 0.0):
            Probability in training, 0.1 in EmotionCLIP.
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
    dropout: float = 0.0

    def __post_init__(self, **kwargs: Any) -> None:
        _check_known("`temporal_config`", kwargs, ())
        super().__post_init__(**kwargs)
        _check_choice("pooling", self.pooling, TEMPORAL_POOLINGS)
        for name in ("num_hidden_layers", "num_attention_heads", "head_dim", "intermediate_size"):
            _check_positive(name, getattr(self, name))
        _check_number("layer_norm_eps", self.layer_norm_eps)
        if not 0 < self.layer_norm_eps < math.inf:
            raise ValueError(f"`layer_norm_eps` must be a finite number greater than 0, got {self.layer_norm_eps!r}.")
        _check_number("dropout", self.dropout)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"`dropout` must be in [0, 1), got {self.dropout!r}.")
        _check_positive("max_position_embeddings", self.max_position_embeddings)
        if self.pooling == "cls_transformer" and self.max_position_embeddings < 2:
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
    r"""Configuration of [`EmoCLIPModel`] and [`EmoCLIPForVideoClassification`].

    [`EmoCLIPConfig.emoclip`], [`EmoCLIPConfig.emotionclip`] and [`EmoCLIPConfig.expclip`] are the released models; their
    parts combine freely.

    Args:
        text_config (`dict` or [`CLIPTextConfig`], *optional*):
            CLIP's text tower.
        vision_config (`dict` or [`CLIPVisionConfig`], *optional*):
            CLIP's image tower.
        temporal_config (`dict` or [`EmoCLIPTemporalConfig`], *optional*):
            Pooling of frames over time.
        projection_dim (`int`, *optional*, defaults to 512):
            Width of CLIP's joint space.
        logit_scale_init_value (`float`, *optional*, defaults to 2.6592):
            Initial logarithm of the logit scale. The released checkpoints start from ln 100.
        class_descriptions (`dict[str, str]`, *optional*):
            Class name in lower case -> the text that stands for it before this model. Tools use it where a user types the
            name alone; models trained on captions know descriptions better than names.
        subject_prompting (`str`, *optional*, defaults to `"none"`):
            `"sap"`: a token of the subject's position beside the patches (EmotionCLIP). `"saam"`: a learned token and
            masked attention by the paper's equations, experimental, for no code was published.
        subject_binary (`bool`, *optional*, defaults to `False`):
            With `"sap"`: count every patch that the subject touches in full instead of by its area.
        expression_projection_dim (`int`, *optional*):
            Width of Exp-CLIP's projection behind both towers, 4096 in the released heads; cosines are then taken there.
        expression_projection_type (`str`, *optional*, defaults to `"linear"`):
            `"linear"`, without bias, as in the released heads, or a head of the paper's Table 4, whose sizes were not
            published: `"mlp2"`, `"mlp3"` or `"transformer"`.
        expression_projection_hidden_size (`int`, *optional*):
            Hidden width of these heads; by default `projection_dim`, and four times that for `"transformer"`.
        sentiment_beta (`float`, *optional*, defaults to 10.0):
            Strength of the sentiment-guided loss.
        sentiment_kl_direction (`str`, *optional*, defaults to `"released"`):
            `"released"` or `"paper"`, see `sentiment_weights`.
        num_sentiments (`int`, *optional*, defaults to 7):
            Classes of the sentiment classifier.
        keep_clip_logit_scale (`bool`, *optional*, defaults to `False`):
            Keep CLIP's own, unused logit scale as the buffer `clip_logit_scale`, as EmoCLIP's checkpoints do.
        classifier_hidden_size (`int`, *optional*, defaults to 256):
            Hidden width of the head of [`EmoCLIPForVideoClassification`].
        freeze_vision (`bool`, *optional*, defaults to `True`):
            Whether that model leaves the image tower as it is.
        freeze_temporal (`bool`, *optional*, defaults to `True`):
            Whether it leaves the temporal part as it is, as the paper says (the published code trains it).
        preprocessing (`dict`, *optional*):
            Arguments of `EmoCLIPVideoProcessor` that belong to the weights.

    Example:
    ```python
    >>> from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel

    >>> config = EmoCLIPConfig.emoclip("ViT-B/16", temporal="sane", subject_prompting="sap")
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
    subject_prompting: str = "none"
    subject_binary: bool = False
    expression_projection_dim: int | None = None
    expression_projection_type: str = "linear"
    expression_projection_hidden_size: int | None = None
    sentiment_beta: float = 10.0
    sentiment_kl_direction: str = "released"
    num_sentiments: int = 7
    keep_clip_logit_scale: bool = False
    classifier_hidden_size: int = 256
    freeze_vision: bool = True
    freeze_temporal: bool = True
    preprocessing: dict[str, Any] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        _check_known("the configuration", kwargs, ())
        for name, kind in _PARTS.items():
            part = getattr(self, name)
            if isinstance(part, dict):
                _check_known(f"`{name}`", part, kind.__dataclass_fields__)
            elif part is not None and not isinstance(part, PreTrainedConfig):
                raise ValueError(f"`{name}` must be a mapping or a configuration, got {part!r}.")
        if kwargs.get("num_labels") is not None:
            _check_positive("num_labels", kwargs["num_labels"])
        super().__post_init__(**kwargs)
        for name in ("text_config", "vision_config"):
            _check_choice(f"{name}.hidden_act", getattr(self, name).hidden_act, tuple(ACT2FN))
        self._check_numbers()
        _check_choice("subject_prompting", self.subject_prompting, SUBJECT_PROMPTINGS)
        _check_choice("expression_projection_type", self.expression_projection_type, EXPRESSION_PROJECTION_TYPES)
        _check_choice("sentiment_kl_direction", self.sentiment_kl_direction, SENTIMENT_KL_DIRECTIONS)
        _check_descriptions(self.class_descriptions)
        if not isinstance(self.preprocessing, dict | None):
            raise ValueError(f"`preprocessing` must be a mapping or None, got {self.preprocessing!r}.")
        unknown = sorted(map(str, set(self.preprocessing or {}) - set(EmoCLIPVideoProcessorKwargs.__annotations__)))
        if unknown:
            raise ValueError(
                f"`preprocessing` must hold arguments of EmoCLIPVideoProcessor, got {', '.join(unknown)}."
            )
        if self.problem_type is not None:
            _check_choice("problem_type", self.problem_type, PROBLEM_TYPES)

    def _check_numbers(self) -> None:
        for name in ("projection_dim", "num_sentiments", "classifier_hidden_size"):
            _check_positive(name, getattr(self, name))
        for name in ("expression_projection_dim", "expression_projection_hidden_size"):
            if getattr(self, name) is not None:
                _check_positive(name, getattr(self, name))
        _check_number("logit_scale_init_value", self.logit_scale_init_value)
        if not math.isfinite(self.logit_scale_init_value):
            raise ValueError(f"`logit_scale_init_value` must be finite, got {self.logit_scale_init_value!r}.")
        _check_number("sentiment_beta", self.sentiment_beta)
        if not 0 <= self.sentiment_beta < float("inf"):
            raise ValueError(f"`sentiment_beta` must be a finite number of at least 0, got {self.sentiment_beta!r}.")
        for name in ("subject_binary", "keep_clip_logit_scale", "freeze_vision", "freeze_temporal"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"`{name}` must be True or False, got {getattr(self, name)!r}.")

    @classmethod
    def emoclip(cls, base: str = "ViT-B/32", *, temporal: str = "released", **overrides: Any) -> "EmoCLIPConfig":
        r"""The released EmoCLIP, on `"ViT-B/32"`, `"ViT-B/16"` or `"ViT-L/14"`.

        `temporal="sane"` gives the temporal transformer heads of width / 8 and an MLP four times as wide as the model, a
        tenth of the released parameters. Overrides of `text_config`, `vision_config` and `temporal_config` are
        merged into the preset's; the preparation of frames follows the size of the image tower.

        Raises:
            ValueError: a name is not known.
        """
        return cls._of_method("emoclip", emoclip_fields(base, temporal), overrides)

    @classmethod
    def emotionclip(cls, base: str = "ViT-B/32", **overrides: Any) -> "EmoCLIPConfig":
        r"""The released EmotionCLIP (exact GELU, subject token, residual transformer over 8 frames); see `emoclip`."""
        return cls._of_method("emotionclip", emotionclip_fields(base), overrides)

    @classmethod
    def expclip(cls, base: str = "ViT-B/32", **overrides: Any) -> "EmoCLIPConfig":
        r"""The released Exp-CLIP (mean of the frames, projection of width 4096); see `emoclip`."""
        return cls._of_method("expclip", expclip_fields(base), overrides)

    @classmethod
    def _of_method(cls, method: str, fields: dict[str, Any], overrides: dict[str, Any]) -> "EmoCLIPConfig":
        """The preset with the overrides; its preparation of frames follows the size that results."""
        config = cls(**merged_fields(fields, overrides))
        if "preprocessing" not in overrides:
            config.preprocessing = preprocessing_preset(method, config.vision_config.image_size)
        return config

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> "EmoCLIPConfig":
        r"""As in transformers, but a configuration of plain CLIP is refused with the way to use it.

        Raises:
            ValueError: the configuration is that of another kind of model.
        """
        kind = config_dict.get("model_type")
        if kind == "clip":
            raise ValueError(
                'This is a plain CLIP model (model_type "clip"), which has no temporal part; load it by '
                "`EmoCLIPModel.from_clip(...)`, which starts a new one on its towers."
            )
        if kind not in (None, cls.model_type):
            raise ValueError(f'The configuration must have model_type "{cls.model_type}", got {kind!r}.')
        return super().from_dict(config_dict, **kwargs)


def merged_fields(fields: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Fields with overrides; a mapping for a part changes the part's fields, not the part as a whole."""
    merged = {**fields, **overrides}
    for name in _PARTS:
        if isinstance(overrides.get(name), dict):
            merged[name] = {**fields.get(name, {}), **overrides[name]}
    return merged


def _check_known(where: str, given: Iterable[str], fields: Container[str]) -> None:
    """Refuse what is neither a field nor a key of transformers' own: a silent typo would build the default instead."""
    unknown = sorted(key for key in given if key not in fields and not _is_of_transformers(key))
    if unknown:
        raise ValueError(f"{where} has no field {', '.join(unknown)}; check the spelling.")


def _is_of_transformers(key: str) -> bool:
    return key.startswith("_") or key in _TRANSFORMERS_KEYS or hasattr(PreTrainedConfig, key)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {', '.join(choices)}, got {value!r}.")


def _check_number(name: str, value: float) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"`{name}` must be a number, got {value!r}.")


def _check_positive(name: str, value: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"`{name}` must be an integer of at least 1, got {value!r}.")


def _check_descriptions(descriptions: dict[str, str] | None) -> None:
    if not isinstance(descriptions, dict | None):
        raise ValueError(f"`class_descriptions` must be a mapping or None, got {descriptions!r}.")
    for name, text in (descriptions or {}).items():
        if not isinstance(text, str) or not text.strip() or name != name.casefold():
            raise ValueError(
                "`class_descriptions` must map names in lower case to texts that are not empty, got "
                f"{name!r}: {text!r}."
            )


__all__ = ["SUBJECT_PROMPTINGS", "TEMPORAL_POOLINGS", "EmoCLIPConfig", "EmoCLIPTemporalConfig", "merged_fields"]
