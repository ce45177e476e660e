# SPDX-License-Identifier: Apache-2.0
"""EmoCLIP: CLIP's image tower frame by frame, a temporal part, and CLIP's text tower.

Source: Foteinopoulou and Patras, EmoCLIP (FG 2024), section III, and its repository's `architecture/video_clip.py`.
"""

import math
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from transformers import CLIPModel, CLIPTextModel, CLIPVisionModel, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.utils import ModelOutput

from .configuration_emoclip import EmoCLIPConfig
from .loss_emoclip import contrastive_loss
from .temporal_emoclip import EmoCLIPMeanPooling, EmoCLIPMiddleFramePooling, EmoCLIPTemporalTransformer


@dataclass
class EmoCLIPOutput(ModelOutput):
    r"""Output of [`EmoCLIPModel`].

    Args:
        loss (`torch.Tensor` of shape `()`, *optional*, returned when `return_loss` is `True`):
            Contrastive loss of the clips and texts, float32.
        logits_per_video (`torch.Tensor` of shape `(batch_size, num_texts)`):
            Cosines times the logit scale.
        logits_per_text (`torch.Tensor` of shape `(num_texts, batch_size)`):
            Its transpose.
        video_embeds (`torch.Tensor` of shape `(batch_size, dim)`):
            Clip embeddings, L2-normalised.
        text_embeds (`torch.Tensor` of shape `(num_texts, dim)`):
            Text embeddings, L2-normalised.
    """

    loss: torch.Tensor | None = None
    logits_per_video: torch.Tensor | None = None
    logits_per_text: torch.Tensor | None = None
    video_embeds: torch.Tensor | None = None
    text_embeds: torch.Tensor | None = None


class EmoCLIPPreTrainedModel(PreTrainedModel):
    r"""Initialisation and the settings that transformers reads from a model class."""

    config_class = EmoCLIPConfig
    base_model_prefix = "emoclip"
    main_input_name = "pixel_values_videos"
    input_modalities = ["video", "text"]  # noqa: RUF012 - the form transformers reads
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _no_split_modules = [  # noqa: RUF012 - the form transformers reads
        "CLIPTextEmbeddings",
        "CLIPEncoderLayer",
        "CLIPVisionEmbeddings",
        "EmoCLIPTemporalLayer",
    ]

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        # The towers are PreTrainedModels and initialise themselves; here are the parts that are ours.
        if isinstance(module, EmoCLIPTemporalTransformer):
            # N(0, 1) is large beside CLIP's features, but it is what the released model started from.
            nn.init.normal_(module.cls_token)
            nn.init.normal_(module.pos_embedding)
            for child in module.layers.modules():
                if isinstance(child, nn.Linear):
                    _init_linear_as_torch(child)
        elif isinstance(module, EmoCLIPModel):
            factor = self.config.initializer_factor
            for projection in (module.visual_projection, module.text_projection):
                nn.init.normal_(projection.weight, std=projection.in_features**-0.5 * factor)
            nn.init.constant_(module.logit_scale, self.config.logit_scale_init_value)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)


def _init_linear_as_torch(layer: nn.Linear) -> None:
    """PyTorch's own default for linear layers, which the original relies on."""
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5))
    if layer.bias is not None:
        bound = 1 / math.sqrt(layer.in_features)
        nn.init.uniform_(layer.bias, -bound, bound)


class EmoCLIPModel(EmoCLIPPreTrainedModel):
    r"""Clips and texts in one space: CLIP applied to each frame, pooled over time, against CLIP's text embeddings.

    Args:
        config ([`EmoCLIPConfig`]):
            The sizes of the towers and of the temporal part.
    """

    def __init__(self, config: EmoCLIPConfig):
        super().__init__(config)
        self.text_model = CLIPTextModel(config.text_config)
        self.vision_model = CLIPVisionModel(config.vision_config)
        self.visual_projection = nn.Linear(config.vision_config.hidden_size, config.projection_dim, bias=False)
        self.text_projection = nn.Linear(config.text_config.hidden_size, config.projection_dim, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(float(config.logit_scale_init_value)))
        self.temporal = _build_temporal(config)
        self.post_init()

    @classmethod
    def from_clip(cls, name_or_clip_model: "str | CLIPModel", **config_overrides: Any) -> "EmoCLIPModel":
        r"""A model whose towers, projections and logit scale come from a CLIP checkpoint; the temporal part is new.

        Args:
            name_or_clip_model (`str` or [`CLIPModel`]):
                A Hub id such as `"openai/clip-vit-base-patch32"`, a folder, or a CLIP model, whose weights are copied.
            config_overrides:
                Fields of [`EmoCLIPConfig`], for example `temporal_config={"pooling": "mean"}`.

        Returns:
            [`EmoCLIPModel`] in float32.

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
        model = cls(EmoCLIPConfig(**{**fields, **config_overrides}))
        temporal_keys = {key for key in model.state_dict() if key.startswith("temporal.")}
        missing, unexpected = model.load_state_dict(clip.state_dict(), strict=False)
        if unexpected or set(missing) != temporal_keys:
            raise ValueError(
                "The CLIP model's tensors must fit the towers exactly; missing: "
                f"{sorted(set(missing) - temporal_keys)}, unexpected: {sorted(unexpected)}."
            )
        return model.float()

    def get_input_embeddings(self) -> nn.Module:
        """The text tower's token embedding."""
        return self.text_model.embeddings.token_embedding

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the text tower's token embedding."""
        self.text_model.embeddings.token_embedding = cast(nn.Embedding, value)

    def get_frame_features(
        self, pixel_values_videos: torch.Tensor, subject_masks: torch.Tensor | None = None, **kwargs: Any
    ) -> torch.Tensor:
        r"""Embed every frame by itself.

        Args:
            pixel_values_videos (`torch.Tensor` of shape `(batch_size, num_frames, 3, height, width)`):
                Normalised frames; a still image is a clip of one frame.
            subject_masks (`torch.Tensor`, *optional*):
                An input of EmotionCLIP, which this version does not have; refused rather than ignored.

        Returns:
            `torch.Tensor` of shape `(batch_size, num_frames, projection_dim)`: in CLIP's space, not normalised.

        Raises:
            ValueError: the input is not of that rank or channel count.
        """
        _refuse(subject_masks=subject_masks)
        channels = self.config.vision_config.num_channels
        if pixel_values_videos.ndim != 5 or pixel_values_videos.shape[2] != channels:
            raise ValueError(
                f"`pixel_values_videos` must have the shape (batch, frames, {channels}, height, width), got "
                f"{tuple(pixel_values_videos.shape)}. Give one still image as a clip of one frame."
            )
        batch_size, num_frames = pixel_values_videos.shape[:2]
        outputs = self.vision_model(pixel_values=pixel_values_videos.flatten(0, 1), **kwargs)
        return self.visual_projection(outputs.pooler_output).view(batch_size, num_frames, -1)

    def get_video_features(
        self,
        pixel_values_videos: torch.Tensor | None = None,
        frame_embeds: torch.Tensor | None = None,
        frame_mask: torch.Tensor | None = None,
        subject_masks: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> BaseModelOutputWithPooling:
        r"""Embed clips, from pixels or from frame embeddings computed before.

        Args:
            pixel_values_videos (`torch.Tensor` of shape `(batch_size, num_frames, 3, height, width)`, *optional*):
                Normalised frames.
            frame_embeds (`torch.Tensor` of shape `(batch_size, num_frames, projection_dim)`, *optional*):
                The result of `get_frame_features`, instead of pixels.
            frame_mask (`torch.Tensor` of shape `(batch_size, num_frames)`, *optional*):
                True (or 1) where a frame counts.
            subject_masks (`torch.Tensor`, *optional*):
                Refused, see `get_frame_features`.

        Returns:
            [`BaseModelOutputWithPooling`] whose `pooler_output` is `(batch_size, projection_dim)`, not normalised.

        Raises:
            ValueError: both or neither input given, or a mask of another shape.
        """
        _refuse(subject_masks=subject_masks)
        if pixel_values_videos is not None and frame_embeds is None:
            frame_embeds = self.get_frame_features(pixel_values_videos, **kwargs)
        elif frame_embeds is None or pixel_values_videos is not None:
            given = "neither" if frame_embeds is None else "both"
            raise ValueError(f"Give either `pixel_values_videos` or `frame_embeds`, got {given}.")
        if frame_mask is not None and frame_mask.shape != frame_embeds.shape[:2]:
            raise ValueError(
                f"`frame_mask` must have the shape (batch, frames) = {tuple(frame_embeds.shape[:2])}, "
                f"got {tuple(frame_mask.shape)}."
            )
        hidden_states, pooled = self.temporal(frame_embeds, frame_mask)
        return BaseModelOutputWithPooling(last_hidden_state=hidden_states, pooler_output=pooled)

    def get_text_features(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **kwargs: Any
    ) -> BaseModelOutputWithPooling:
        r"""Embed texts at their first end-of-text token.

        Args:
            input_ids (`torch.Tensor` of shape `(num_texts, length)`):
                Token ids.
            attention_mask (`torch.Tensor` of shape `(num_texts, length)`, *optional*):
                1 where a token counts.

        Returns:
            [`BaseModelOutputWithPooling`] whose `pooler_output` is `(num_texts, projection_dim)`, not normalised.
        """
        outputs = self.text_model(input_ids=input_ids, attention_mask=attention_mask, **kwargs)
        outputs.pooler_output = self.text_projection(outputs.pooler_output)
        return outputs

    def forward(  # noqa: PLR0913 - the inputs of every method, as transformers passes them
        self,
        pixel_values_videos: torch.Tensor | None = None,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        frame_mask: torch.Tensor | None = None,
        subject_masks: torch.Tensor | None = None,
        sentiment_logits: torch.Tensor | None = None,
        frame_embeds: torch.Tensor | None = None,
        return_loss: bool | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> EmoCLIPOutput | tuple:
        r"""Compare clips with texts.

        Args:
            pixel_values_videos (`torch.Tensor` of shape `(batch_size, num_frames, 3, height, width)`):
                Normalised frames; may be left out where `frame_embeds` is given.
            input_ids (`torch.Tensor` of shape `(num_texts, length)`):
                Token ids of the texts.
            attention_mask (`torch.Tensor` of shape `(num_texts, length)`, *optional*):
                1 where a token counts.
            frame_mask (`torch.Tensor` of shape `(batch_size, num_frames)`, *optional*):
                True where a frame counts.
            subject_masks, sentiment_logits (`torch.Tensor`, *optional*):
                Inputs of EmotionCLIP, which this version does not have; refused rather than ignored.
            frame_embeds (`torch.Tensor` of shape `(batch_size, num_frames, projection_dim)`, *optional*):
                The result of `get_frame_features`, instead of pixels.
            return_loss (`bool`, *optional*):
                Compute the contrastive loss; text i must then belong to clip i.
            return_dict (`bool`, *optional*):
                `False` returns a tuple.

        Returns:
            [`EmoCLIPOutput`] or a tuple of its fields that are set.

        Raises:
            ValueError: `return_loss=True` without one text per clip, inputs of a wrong shape, or EmotionCLIP's inputs.
        """
        _refuse(subject_masks=subject_masks, sentiment_logits=sentiment_logits)
        if input_ids is None:
            raise ValueError("`input_ids` must be given, got None; for clips alone call `get_video_features`.")
        clips = pixel_values_videos if frame_embeds is None else frame_embeds
        if return_loss and clips is not None and len(input_ids) != len(clips):
            raise ValueError(
                f"`return_loss=True` needs one text per clip, got {len(clips)} clips and {len(input_ids)} texts."
            )
        video = _pooled(self.get_video_features(pixel_values_videos, frame_embeds, frame_mask, **kwargs))
        text = _pooled(self.get_text_features(input_ids, attention_mask, **kwargs))
        scale = self.logit_scale.exp()
        video_embeds = nn.functional.normalize(video, dim=-1)
        text_embeds = nn.functional.normalize(text, dim=-1)
        logits_per_video = scale * video_embeds @ text_embeds.T
        output = EmoCLIPOutput(
            loss=contrastive_loss(video, text, scale) if return_loss else None,
            logits_per_video=logits_per_video,
            logits_per_text=logits_per_video.T,
            video_embeds=video_embeds,
            text_embeds=text_embeds,
        )
        as_dict = self.config.return_dict if return_dict is None else return_dict
        return output if as_dict else output.to_tuple()


def _refuse(**inputs: torch.Tensor | None) -> None:
    """Say of inputs that this version does not have that they are not used, instead of scoring without them."""
    for name, value in inputs.items():
        if value is not None:
            raise ValueError(f"`{name}` must be None in this version, got {type(value).__name__}; leave it out.")


def _pooled(output: BaseModelOutputWithPooling) -> torch.Tensor:
    """The pooled embeddings, which transformers types as optional."""
    return cast(torch.Tensor, output.pooler_output)


def _build_temporal(config: EmoCLIPConfig) -> nn.Module:
    """The pooling that the configuration names."""
    temporal = config.temporal_config
    if temporal.pooling == "mean":
        return EmoCLIPMeanPooling()
    if temporal.pooling == "middle_frame":
        return EmoCLIPMiddleFramePooling()
    return EmoCLIPTemporalTransformer(
        hidden_size=config.projection_dim,
        num_layers=temporal.num_hidden_layers,
        num_heads=temporal.num_attention_heads,
        head_dim=temporal.head_dim,
        intermediate_size=temporal.intermediate_size,
        max_positions=temporal.max_position_embeddings,
        eps=temporal.layer_norm_eps,
    )


__all__ = ["EmoCLIPModel", "EmoCLIPOutput", "EmoCLIPPreTrainedModel"]
