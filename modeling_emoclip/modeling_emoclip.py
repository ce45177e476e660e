# SPDX-License-Identifier: Apache-2.0
"""EmoCLIP's models: CLIP's image tower frame by frame, a temporal part, and CLIP's text tower or a head for classes.

One architecture for three methods: EmoCLIP (Foteinopoulou and Patras, FG 2024), EmotionCLIP (Zhang et al., CVPR 2023) and
Exp-CLIP (Zhao et al., WACV 2025).
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from transformers import CLIPModel, CLIPTextModel
from transformers.modeling_outputs import BaseModelOutputWithPooling, ImageClassifierOutput
from transformers.utils import ModelOutput

from .checks_emoclip import check_sentiment_logits, check_token_ids
from .configuration_emoclip import EmoCLIPConfig, merged_fields
from .lora_emoclip import LORA_TARGET_MODULES
from .loss_emoclip import contrastive_loss, sentiment_guided_contrastive_loss
from .video_encoder_emoclip import EmoCLIPPreTrainedModel, EmoCLIPVideoEncoder, init_linear_as_torch


@dataclass
class EmoCLIPOutput(ModelOutput):
    r"""Output of [`EmoCLIPModel`].

    Args:
        loss (`torch.Tensor` of shape `()`, *optional*, returned when `return_loss` is `True`):
            Loss of the clips and texts, float32: contrastive, or sentiment-guided where `sentiment_logits` are given.
        logits_per_video (`torch.Tensor` of shape `(batch_size, num_texts)`):
            Cosines times the logit scale, float32 for models in half precision too.
        logits_per_text (`torch.Tensor` of shape `(num_texts, batch_size)`):
            Its transpose.
        video_embeds (`torch.Tensor` of shape `(batch_size, embed_dim)`):
            Clip embeddings, L2-normalised.
        text_embeds (`torch.Tensor` of shape `(num_texts, embed_dim)`):
            Text embeddings, L2-normalised.
        vision_model_output ([`BaseModelOutputWithPooling`], *optional*):
            Of the image tower, frames in the batch dimension, where hidden states or attentions are asked for.
        text_model_output ([`BaseModelOutputWithPooling`], *optional*):
            Of the text tower, likewise.
        temporal_model_output ([`BaseModelOutputWithPooling`], *optional*):
            Of the temporal part, likewise.
    """

    loss: torch.Tensor | None = None
    logits_per_video: torch.Tensor | None = None
    logits_per_text: torch.Tensor | None = None
    video_embeds: torch.Tensor | None = None
    text_embeds: torch.Tensor | None = None
    vision_model_output: BaseModelOutputWithPooling | None = None
    text_model_output: BaseModelOutputWithPooling | None = None
    temporal_model_output: BaseModelOutputWithPooling | None = None

    def to_tuple(self) -> tuple:
        """The fields that are set, outputs of the parts as tuples too."""
        return tuple(value.to_tuple() if isinstance(value, ModelOutput) else value for value in self.values())


class EmoCLIPModel(EmoCLIPVideoEncoder):
    r"""Clips and texts in one space: CLIP applied to each frame, pooled over time, against CLIP's text embeddings.

    PEFT's LoRA attaches to `lora_target_modules` where its configuration names none.

    Args:
        config ([`EmoCLIPConfig`]):
            The sizes of the towers and the parts between them.
    """

    lora_target_modules = tuple(LORA_TARGET_MODULES)

    def __init__(self, config: EmoCLIPConfig):
        super().__init__(config)
        # The order decides which random numbers a new part gets, and with them whether a recorded run can be repeated.
        self.text_model = CLIPTextModel(config.text_config)
        self._add_image_tower()
        self.text_projection = nn.Linear(config.text_config.hidden_size, config.projection_dim, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(float(config.logit_scale_init_value)))
        self._add_pooling()
        if config.keep_clip_logit_scale:
            self.register_buffer("clip_logit_scale", torch.tensor(float(config.logit_scale_init_value)))
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, EmoCLIPModel):
            std = module.text_projection.in_features**-0.5 * self.config.initializer_factor
            nn.init.normal_(module.text_projection.weight, std=std)
            nn.init.constant_(module.logit_scale, self.config.logit_scale_init_value)
            if self.config.keep_clip_logit_scale:
                nn.init.constant_(cast(torch.Tensor, module.clip_logit_scale), self.config.logit_scale_init_value)

    @classmethod
    def from_clip(cls, name_or_clip_model: "str | CLIPModel", **config_overrides: Any) -> "EmoCLIPModel":
        r"""A model whose towers, projections and logit scale come from a CLIP checkpoint; the other parts are new.

        Args:
            name_or_clip_model (`str` or [`CLIPModel`]):
                A Hub id such as `"openai/clip-vit-base-patch32"`, a folder, or a CLIP model, whose weights are copied.
            config_overrides:
                Fields of [`EmoCLIPConfig`], for example `temporal_config={"pooling": "mean"}`. A mapping for `text_config`
                or `vision_config` changes single fields of CLIP's tower.

        Returns:
            [`EmoCLIPModel`] in float32.

        Raises:
            ValueError: an override gives a tower or projection another shape than the checkpoint's.

        Example:
        ```python
        >>> model = EmoCLIPModel.from_clip("openai/clip-vit-base-patch32", temporal_config={"head_dim": 64})
        ```
        """
        clip = name_or_clip_model
        if not isinstance(clip, CLIPModel):
            clip = CLIPModel.from_pretrained(clip)
        clip_config = clip.config.to_dict()
        fields = {
            "text_config": clip_config["text_config"],
            "vision_config": clip_config["vision_config"],
            "projection_dim": clip_config["projection_dim"],
            "logit_scale_init_value": float(clip.logit_scale.detach()),
        }
        model = cls(EmoCLIPConfig(**merged_fields(fields, config_overrides)))
        state = clip.state_dict()
        _check_fits(state, model.state_dict())
        model.load_state_dict(state, strict=False)
        return model.float()

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        r"""As in transformers; weights without a text tower, such as a classification model's, are refused.

        Raises:
            ValueError: no tensor of the text tower is there.
        """
        with_info = kwargs.pop("output_loading_info", False)
        model, info = super().from_pretrained(pretrained_model_name_or_path, *args, output_loading_info=True, **kwargs)
        own = {name for name in model.state_dict() if name.startswith("text_model.")}
        if own and own <= set(info["missing_keys"]):
            raise ValueError(
                f"`EmoCLIPModel` needs a text tower, got none in {pretrained_model_name_or_path}; load a classification "
                "model by `EmoCLIPForVideoClassification.from_pretrained`, and score words by another model."
            )
        return (model, info) if with_info else model

    def get_input_embeddings(self) -> nn.Module:
        """The text tower's token embedding."""
        return self.text_model.embeddings.token_embedding

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the text tower's token embedding."""
        self.text_model.embeddings.token_embedding = cast(nn.Embedding, value)

    def get_text_features(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> BaseModelOutputWithPooling:
        r"""Embed texts at their first end-of-text token.

        Args:
            input_ids (`torch.Tensor` of shape `(num_texts, length)`):
                Token ids.
            attention_mask (`torch.Tensor` of shape `(num_texts, length)`, *optional*):
                1 where a token counts.
            return_dict (`bool`, *optional*):
                `False` returns a tuple.

        Returns:
            [`BaseModelOutputWithPooling`] whose `pooler_output` is `(num_texts, embed_dim)`, not normalised.

        Raises:
            ValueError: a shape is wrong, an id is outside the vocabulary, or a keyword is not known.
        """
        asked = self._asked_for(kwargs)
        self._check_texts(input_ids, attention_mask, None, None)
        outputs = self.text_model(input_ids=input_ids, attention_mask=attention_mask, return_dict=True, **asked)
        outputs.pooler_output = self._project_expression(self.text_projection(outputs.pooler_output))
        return cast(Any, outputs.to_tuple()) if return_dict is False else outputs

    def get_prototype_logits(self, video_features: torch.Tensor, prototypes: torch.Tensor) -> torch.Tensor:
        r"""Compare clips with class prototypes.

        Args:
            video_features (`torch.Tensor` of shape `(batch_size, embed_dim)`):
                The `pooler_output` of `get_video_features`.
            prototypes (`torch.Tensor` of shape `(num_classes, embed_dim)`):
                The result of `PrototypeEncoder.encode`; used as they are, not normalised.

        Returns:
            `torch.Tensor` of shape `(batch_size, num_classes)`, float32 for models in half precision too.

        Raises:
            ValueError: the two are of different widths.
        """
        if video_features.shape[-1] != prototypes.shape[-1]:
            raise ValueError(
                f"Videos and prototypes must have one width, got {video_features.shape[-1]} and {prototypes.shape[-1]}; "
                "make the prototypes with this model."
            )
        return self._logits(_directions(video_features), prototypes)

    def get_logit_multiplier(self) -> torch.Tensor:
        """The multiplier of the cosines, exp(logit_scale), shape (), at least float32."""
        hook = getattr(self, "_hf_hook", None)
        if hook is None or not self.logit_scale.is_meta:
            return _widened(self.logit_scale).exp()
        # Offloaded weights that are the model's own are there only while its `forward` runs.
        hook.pre_forward(self)
        try:
            return _widened(self.logit_scale).exp()
        finally:
            hook.post_forward(self, None)

    def _logits(self, video_embeds: torch.Tensor, text_embeds: torch.Tensor) -> torch.Tensor:
        """Scaled products, at least float32: at a scale of 100, half precision makes close classes tie."""
        with _outside_autocast(video_embeds.device.type):
            return self.get_logit_multiplier() * _widened(video_embeds) @ _widened(text_embeds).T

    def forward(  # noqa: PLR0913 - the inputs of every method, as transformers passes them
        self,
        pixel_values_videos: torch.Tensor | None = None,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        frame_mask: torch.Tensor | None = None,
        subject_masks: torch.Tensor | None = None,
        sentiment_logits: torch.Tensor | None = None,
        return_loss: bool | None = None,
        frame_embeds: torch.Tensor | None = None,
        interpolate_pos_encoding: bool = False,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> EmoCLIPOutput | tuple:
        r"""Compare clips with texts.

        Args:
            pixel_values_videos (`torch.Tensor` of shape `(batch_size, num_frames, 3, height, width)`):
                Frames from the processor; may be left out where `frame_embeds` is given.
            input_ids (`torch.Tensor` of shape `(num_texts, length)`):
                Token ids of the texts.
            attention_mask (`torch.Tensor` of shape `(num_texts, length)`, *optional*):
                1 where a token counts.
            frame_mask (`torch.Tensor` of shape `(batch_size, num_frames)`, *optional*):
                True where a frame counts.
            subject_masks (`torch.Tensor` of shape `(batch_size, num_frames, height, width)`, *optional*):
                1 where the subject is; needed by a model with subject prompting.
            sentiment_logits (`torch.Tensor` of shape `(num_texts, num_sentiments)`, *optional*):
                What a sentiment classifier says of each text; makes the loss the sentiment-guided one.
            return_loss (`bool`, *optional*):
                Compute the loss; text i must then belong to clip i.
            frame_embeds (`torch.Tensor` of shape `(batch_size, num_frames, projection_dim)`, *optional*):
                The result of `get_frame_features`, instead of pixels.
            interpolate_pos_encoding (`bool`, *optional*, defaults to `False`):
                Stretch the position table to frames of another size.
            return_dict (`bool`, *optional*):
                `False` returns a tuple.

        Returns:
            [`EmoCLIPOutput`] or a tuple of its fields that are set.

        Raises:
            ValueError: `return_loss=True` without one text per clip, an input of a wrong shape, or a keyword that is not
                known.
        """
        asked = self._asked_for(kwargs)
        self._check_video(pixel_values_videos, frame_embeds, frame_mask, subject_masks, interpolate_pos_encoding)
        clips = cast(torch.Tensor, pixel_values_videos if frame_embeds is None else frame_embeds)
        input_ids = self._check_texts(
            input_ids, attention_mask, sentiment_logits, clips.shape[0] if return_loss else None
        )
        vision = None
        if frame_embeds is None:
            vision = self._run_vision_tower(clips, subject_masks, interpolate_pos_encoding, **asked)
            frame_embeds = self._project_frames(vision, clips)
        else:
            frame_embeds = self._in_own_type(frame_embeds)
        video = self._pool_frames(frame_embeds, frame_mask, **asked)
        text = self.get_text_features(input_ids, attention_mask, **asked)
        loss = self._loss(video, text, sentiment_logits) if return_loss else None
        # What is inside holds the memory of every frame, so it is kept only where somebody asked for it.
        output = self._compare(video, text, loss, vision, keep_parts=any(asked.values()))
        as_dict = self.config.return_dict if return_dict is None else return_dict
        return output if as_dict else output.to_tuple()

    def _check_texts(
        self,
        input_ids: torch.Tensor | None,
        attention_mask: torch.Tensor | None,
        sentiment_logits: torch.Tensor | None,
        num_pairs: int | None,
    ) -> torch.Tensor:
        if input_ids is None:
            raise ValueError("`input_ids` must be given, got None; for clips alone call `get_video_features`.")
        text = self.config.text_config
        check_token_ids(input_ids, attention_mask, text.vocab_size, text.max_position_embeddings)
        num_texts = input_ids.shape[0]  # `len` would fix the number in an exported graph
        if num_pairs is not None and num_texts != num_pairs:
            raise ValueError(
                f"`return_loss=True` needs one text per clip, got {num_pairs} clips and {num_texts} texts."
            )
        check_sentiment_logits(sentiment_logits, num_texts, self.config.num_sentiments)
        return input_ids

    def _loss(
        self,
        video: BaseModelOutputWithPooling,
        text: BaseModelOutputWithPooling,
        sentiment_logits: torch.Tensor | None,
    ) -> torch.Tensor:
        multiplier = self.get_logit_multiplier()
        pair = (cast(torch.Tensor, video.pooler_output), cast(torch.Tensor, text.pooler_output), multiplier)
        if sentiment_logits is None:
            return contrastive_loss(*pair)
        config = self.config
        return sentiment_guided_contrastive_loss(
            *pair, sentiment_logits, config.sentiment_beta, config.sentiment_kl_direction
        )

    def _compare(
        self,
        video: BaseModelOutputWithPooling,
        text: BaseModelOutputWithPooling,
        loss: torch.Tensor | None,
        vision: BaseModelOutputWithPooling | None,
        keep_parts: bool,
    ) -> EmoCLIPOutput:
        video_features, text_features = cast(torch.Tensor, video.pooler_output), cast(torch.Tensor, text.pooler_output)
        video_embeds, text_embeds = _directions(video_features), _directions(text_features)
        logits_per_video = self._logits(video_embeds, text_embeds)
        return EmoCLIPOutput(
            loss=loss,
            logits_per_video=logits_per_video,
            logits_per_text=logits_per_video.T,
            video_embeds=video_embeds.to(video_features.dtype),
            text_embeds=text_embeds.to(text_features.dtype),
            vision_model_output=vision if keep_parts else None,
            text_model_output=text if keep_parts else None,
            temporal_model_output=video if keep_parts else None,
        )


class EmoCLIPClassificationHead(nn.Module):
    """Two linear layers with a ReLU between them (EmoCLIP `architecture/downstream.py`)."""

    def __init__(self, embed_dim: int, hidden_size: int, num_labels: int):
        super().__init__()
        self.fc1 = nn.Linear(embed_dim, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_labels)

    def forward(self, embeds: torch.Tensor) -> torch.Tensor:
        """(B, embed_dim) to (B, num_labels)."""
        return self.fc2(nn.functional.relu(self.fc1(embeds)))


class EmoCLIPForVideoClassification(EmoCLIPVideoEncoder):
    r"""The video side with a head for classes, several labels at once, or numbers such as symptom scores.

    The head reads the clip embedding before normalisation. `config.problem_type` is `"single_label_classification"`,
    `"multi_label_classification"` or `"regression"`; where it is not set, one output means regression, whole-number labels
    classes, and other labels several at once. It has no text tower, and loads the folder of an [`EmoCLIPModel`] with a new
    head.

    Args:
        config ([`EmoCLIPConfig`]):
            Also gives `num_labels`, `classifier_hidden_size`, `freeze_vision` and `freeze_temporal`.

    Example:
    ```python
    >>> model = EmoCLIPForVideoClassification.from_pretrained("folder", num_labels=7)
    ```
    """

    _keys_to_ignore_on_load_unexpected = [  # noqa: RUF012 - the form transformers reads
        r"^text_model\.",
        r"^text_projection\.",
        r"^(clip_)?logit_scale$",
    ]

    def __init__(self, config: EmoCLIPConfig):
        super().__init__(config)
        self._add_image_tower()
        self._add_pooling()
        self.classifier = EmoCLIPClassificationHead(
            self.embed_dim, config.classifier_hidden_size, cast(int, config.num_labels)
        )
        self.post_init()
        self.set_frozen(vision=config.freeze_vision, temporal=config.freeze_temporal)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, EmoCLIPClassificationHead):
            init_linear_as_torch(module.fc1)
            init_linear_as_torch(module.fc2)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        r"""As in transformers; what was frozen when the model was saved is frozen again."""
        loaded = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        # Loading puts new parameters, which all train, in the place of the frozen ones.
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        model.set_frozen(vision=model.config.freeze_vision, temporal=model.config.freeze_temporal)
        return loaded

    def set_frozen(self, *, vision: bool, temporal: bool) -> None:
        """Set which parts training leaves as they are; the head always trains."""
        self.config.freeze_vision, self.config.freeze_temporal = vision, temporal
        for frozen, modules in self._parts():
            for module in modules:
                module.requires_grad_(not frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> "EmoCLIPForVideoClassification":
        """As in PyTorch, but frozen parts stay in evaluation mode, without dropout."""
        super().train(mode)
        for frozen, modules in self._parts():
            for module in modules:
                module.train(mode and not frozen)
        return self

    def _parts(self) -> list[tuple[bool, list[nn.Module]]]:
        temporal = [self.temporal]
        if self.config.expression_projection_dim is not None:
            temporal.append(self.expression_projection)
        return [
            (self.config.freeze_vision, [self.vision_model, self.visual_projection]),
            (self.config.freeze_temporal, temporal),
        ]

    def forward(
        self,
        pixel_values_videos: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        frame_mask: torch.Tensor | None = None,
        subject_masks: torch.Tensor | None = None,
        frame_embeds: torch.Tensor | None = None,
        interpolate_pos_encoding: bool = False,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> ImageClassifierOutput | tuple:
        r"""Classify clips.

        Args:
            pixel_values_videos (`torch.Tensor` of shape `(batch_size, num_frames, 3, height, width)`):
                Frames from the processor; may be left out where `frame_embeds` is given.
            labels (`torch.Tensor`, *optional*):
                `(batch_size,)` class ids, `(batch_size, num_labels)` of 0 and 1, or `(batch_size, num_labels)` numbers
                (`(batch_size,)` for one output).
            frame_mask, subject_masks, frame_embeds, interpolate_pos_encoding:
                See [`EmoCLIPModel.forward`].
            return_dict (`bool`, *optional*):
                `False` returns a tuple.

        Returns:
            [`ImageClassifierOutput`] with `loss`, `logits` `(batch_size, num_labels)` and, where asked for, the temporal
            part's `hidden_states` and `attentions`.

        Raises:
            ValueError: an input or the labels have a wrong shape, or a class id is out of its range.
        """
        video = self.get_video_features(
            pixel_values_videos, frame_embeds, frame_mask, subject_masks, interpolate_pos_encoding, **kwargs
        )
        logits = self.classifier(video.pooler_output)
        output = ImageClassifierOutput(
            loss=None if labels is None else self._loss(logits, labels),
            logits=logits,
            hidden_states=video.hidden_states,
            attentions=video.attentions,
        )
        as_dict = self.config.return_dict if return_dict is None else return_dict
        return output if as_dict else output.to_tuple()

    def _loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        num_labels = logits.shape[-1]
        problem = self.config.problem_type or _problem_type(labels, num_labels)
        if problem == "regression" and num_labels == 1:
            labels = labels.view(-1, 1)
        expected = logits.shape[:1] if problem == "single_label_classification" else logits.shape
        if labels.shape != expected:
            raise ValueError(
                f"`labels` for {problem} must have the shape {tuple(expected)}, got {tuple(labels.shape)}."
            )
        if problem == "regression":
            return nn.functional.mse_loss(logits.float(), labels.float())
        if problem == "multi_label_classification":
            return nn.functional.binary_cross_entropy_with_logits(logits.float(), labels.float())
        if not torch.compiler.is_compiling() and ((labels < 0) | (labels >= num_labels)).any():
            raise ValueError(f"`labels` must be class ids in [0, {num_labels}), got {labels.tolist()}.")
        return nn.functional.cross_entropy(logits.float(), labels.long())


def _widened(tensor: torch.Tensor) -> torch.Tensor:
    """In float32, or in its own type where that is wider."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _directions(features: torch.Tensor) -> torch.Tensor:
    """Rows of norm 1, at least float32."""
    return nn.functional.normalize(_widened(features), dim=-1)


def _outside_autocast(device_type: str) -> AbstractContextManager:
    """A block in which products keep their type; nothing where there is no autocast, so that exported graphs stay plain."""
    if device_type == "meta" or not torch.is_autocast_enabled(device_type):
        return nullcontext()
    return torch.autocast(device_type=device_type, enabled=False)


def _problem_type(labels: torch.Tensor, num_labels: int) -> str:
    """What the labels say of the problem, as transformers reads them."""
    if num_labels == 1:
        return "regression"
    return "multi_label_classification" if labels.is_floating_point() else "single_label_classification"


def _check_fits(clip_state: dict[str, torch.Tensor], own_state: dict[str, torch.Tensor]) -> None:
    """Raise unless every tensor of CLIP has a place of its own shape, and what is left over is new by design."""
    wrong = sorted(
        f"{key} {tuple(tensor.shape)} for {tuple(own_state[key].shape) if key in own_state else 'nothing'}"
        for key, tensor in clip_state.items()
        if key not in own_state or own_state[key].shape != tensor.shape
    )
    missing = sorted(key for key in own_state if key not in clip_state and not _is_new(key))
    if wrong or missing:
        raise ValueError(
            f"The CLIP model's tensors must fit the towers exactly; other shapes: {wrong}, missing: {missing}. Overrides "
            "of `text_config`, `vision_config` and `projection_dim` must leave CLIP's sizes as they are."
        )


def _is_new(key: str) -> bool:
    return key.startswith(("temporal.", "expression_projection.", "clip_logit_scale")) or ".subject_" in key


__all__ = ["EmoCLIPForVideoClassification", "EmoCLIPModel", "EmoCLIPOutput", "EmoCLIPPreTrainedModel"]
