# SPDX-License-Identifier: Apache-2.0
"""What every EmoCLIP model shares: initialisation, and the way from frames to one embedding per clip."""

import math
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import CLIPVisionModel, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

from .checks_emoclip import check_frame_embeds, check_frame_mask, check_pixels, check_subject_masks
from .configuration_emoclip import EmoCLIPConfig
from .expression_emoclip import build_expression_projection
from .hub_emoclip import complete_folder, open_to_others
from .subject_emoclip import EmoCLIPSubjectVisionModel
from .temporal_emoclip import (
    EmoCLIPMeanPooling,
    EmoCLIPMiddleFramePooling,
    EmoCLIPResidualAttention,
    EmoCLIPResidualTransformer,
    EmoCLIPTemporalTransformer,
)


try:
    from safetensors import SafetensorError
except ImportError:  # then transformers itself cannot read such files
    SafetensorError = RuntimeError  # type: ignore[assignment, misc]

# What a call of `save_pretrained` may say of the repository that it pushes to.
HUB_ARGUMENTS = (
    "repo_id",
    "commit_message",
    "commit_description",
    "private",
    "create_pr",
    "revision",
    "tags",
    "token",
)


# What a call may ask for beside its inputs and `return_dict`.
INSIDE = ("output_hidden_states", "output_attentions")


class EmoCLIPPreTrainedModel(PreTrainedModel):
    r"""Initialisation and the settings that transformers reads from a model class."""

    config_class = EmoCLIPConfig
    base_model_prefix = "emoclip"
    main_input_name = "pixel_values_videos"
    input_modalities = ["video", "text"]  # noqa: RUF012 - the form transformers reads
    supports_gradient_checkpointing = True
    # The losses are means over their own batch. By the keywords of `forward` alone the Trainer would believe that they are
    # divided by the items of all accumulated batches, and would not divide them itself.
    accepts_loss_kwargs = False
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _no_split_modules = [  # noqa: RUF012 - the form transformers reads
        "CLIPTextEmbeddings",
        "CLIPEncoderLayer",
        "CLIPVisionEmbeddings",
        "EmoCLIPSubjectEmbeddings",
        "EmoCLIPTemporalLayer",
        "EmoCLIPResidualLayer",
    ]

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        r"""As in transformers; a damaged weight file is named with the remedy.

        Raises:
            ValueError: the weights cannot be read, or the folder holds another kind of model.
            OSError: there is no such folder or repository.
        """
        try:
            return super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        except SafetensorError as error:
            raise ValueError(
                f"The weights of {pretrained_model_name_or_path} cannot be read ({error}); the file is damaged or cut "
                "short, download it again."
            ) from error

    def save_pretrained(  # type: ignore[override]
        self,
        save_directory: Any,
        is_main_process: bool = True,
        state_dict: dict | None = None,
        push_to_hub: bool = False,
        **kwargs: Any,
    ) -> None:
        r"""As in transformers; the folder also gets the code and the whole map of classes, so that it opens anywhere."""
        hub = {name: kwargs.pop(name) for name in HUB_ARGUMENTS if name in kwargs and push_to_hub}
        super().save_pretrained(save_directory, is_main_process, state_dict, **kwargs)
        if is_main_process:
            complete_folder(save_directory)
            if (Path(save_directory) / "config.json").is_file():  # an adapter is saved without
                open_to_others(save_directory)
        if push_to_hub:
            model: Any = self
            model.push_to_hub(hub.pop("repo_id", None) or Path(save_directory).name, **hub)

    @classmethod
    def is_custom_code(cls) -> bool:
        """Whether transformers must guard against initialisation that overwrites loaded weights: ours does not.

        The guard skips every module without parameters of its own, so that parts missing from a checkpoint would stay
        uninitialised memory.
        """
        return False

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        # The towers are PreTrainedModels and initialise themselves; here are the parts that are ours.
        if isinstance(module, EmoCLIPTemporalTransformer):
            # N(0, 1) is large beside CLIP's features, but it is what the released model started from.
            nn.init.normal_(module.cls_token)
            nn.init.normal_(module.pos_embedding)
            _init_linears_as_torch(module)
        elif isinstance(module, EmoCLIPResidualTransformer):
            nn.init.normal_(module.position_embedding.weight)
            _init_linears_as_torch(module)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)


class EmoCLIPVideoEncoder(EmoCLIPPreTrainedModel):
    r"""Base of the models: the image tower, CLIP's projection, the temporal part and the expression projection.

    A model calls `_add_image_tower` and `_add_pooling` in its constructor.
    """

    def _add_image_tower(self) -> None:
        config = cast(EmoCLIPConfig, self.config)
        self.vision_model = _build_vision_tower(config)
        self.visual_projection = nn.Linear(config.vision_config.hidden_size, config.projection_dim, bias=False)

    def _add_pooling(self) -> None:
        config = cast(EmoCLIPConfig, self.config)
        self.temporal = _build_temporal(config)
        if config.expression_projection_dim is not None:
            self.expression_projection = build_expression_projection(config)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, EmoCLIPVideoEncoder):
            factor = self.config.initializer_factor
            nn.init.normal_(module.visual_projection.weight, std=module.visual_projection.in_features**-0.5 * factor)
            if self.config.expression_projection_dim is not None:
                _init_linears_as_torch(module.expression_projection)

    @property
    def embed_dim(self) -> int:
        """Width of the space in which cosines are taken."""
        return self.config.expression_projection_dim or self.config.projection_dim

    def get_frame_features(
        self,
        pixel_values_videos: torch.Tensor,
        subject_masks: torch.Tensor | None = None,
        interpolate_pos_encoding: bool = False,
        **kwargs: Any,
    ) -> torch.Tensor:
        r"""Embed every frame by itself.

        Args:
            pixel_values_videos (`torch.Tensor` of shape `(batch_size, num_frames, 3, height, width)`):
                Frames from the processor; a still image is a clip of one frame.
            subject_masks (`torch.Tensor` of shape `(batch_size, num_frames, height, width)`, *optional*):
                1 where the subject is; needed by a model with subject prompting, refused by one without.
            interpolate_pos_encoding (`bool`, *optional*, defaults to `False`):
                Stretch the position table to frames of another size.

        Returns:
            `torch.Tensor` of shape `(batch_size, num_frames, projection_dim)`: in CLIP's space, not normalised.

        Raises:
            ValueError: an input has not the shape above.
        """
        kwargs.pop("return_dict", None)  # a tensor either way
        self._check_pixels(pixel_values_videos, subject_masks, interpolate_pos_encoding)
        outputs = self._run_vision_tower(
            pixel_values_videos, subject_masks, interpolate_pos_encoding, **self._asked_for(kwargs)
        )
        return self._project_frames(outputs, pixel_values_videos)

    def get_video_features(
        self,
        pixel_values_videos: torch.Tensor | None = None,
        frame_embeds: torch.Tensor | None = None,
        frame_mask: torch.Tensor | None = None,
        subject_masks: torch.Tensor | None = None,
        interpolate_pos_encoding: bool = False,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> BaseModelOutputWithPooling:
        r"""Embed clips, from pixels or from frame embeddings computed before.

        Args:
            pixel_values_videos (`torch.Tensor` of shape `(batch_size, num_frames, 3, height, width)`, *optional*):
                Frames from the processor.
            frame_embeds (`torch.Tensor` of shape `(batch_size, num_frames, projection_dim)`, *optional*):
                The result of `get_frame_features`, instead of pixels.
            frame_mask (`torch.Tensor` of shape `(batch_size, num_frames)`, *optional*):
                True (or 1) where a frame counts.
            subject_masks (`torch.Tensor` of shape `(batch_size, num_frames, height, width)`, *optional*):
                See `get_frame_features`.
            interpolate_pos_encoding (`bool`, *optional*, defaults to `False`):
                See `get_frame_features`.
            return_dict (`bool`, *optional*):
                `False` returns a tuple.

        Returns:
            [`BaseModelOutputWithPooling`] whose `pooler_output` is `(batch_size, embed_dim)`, not normalised. With
            `output_hidden_states` or `output_attentions` it carries those of the temporal part.

        Raises:
            ValueError: both or neither input given, one of another shape, a clip without a frame that counts, or a keyword
                that is not known.
        """
        asked = self._asked_for(kwargs)
        self._check_video(pixel_values_videos, frame_embeds, frame_mask, subject_masks, interpolate_pos_encoding)
        if frame_embeds is None:
            pixels = cast(torch.Tensor, pixel_values_videos)
            vision = self._run_vision_tower(pixels, subject_masks, interpolate_pos_encoding, **asked)
            frame_embeds = self._project_frames(vision, pixels)
        else:
            frame_embeds = self._in_own_type(frame_embeds)
        output = self._pool_frames(frame_embeds, frame_mask, **asked)
        return cast(Any, output.to_tuple()) if return_dict is False else output

    def _asked_for(self, kwargs: dict[str, Any]) -> dict[str, bool]:
        """Whether hidden states and attentions are to come out, by the call or else by the configuration.

        Raises:
            ValueError: there is any other keyword. A misspelt input would otherwise count for nothing.
        """
        unknown = sorted(name for name, value in kwargs.items() if name not in INSIDE and value is not None)
        if unknown:
            raise ValueError(
                f"{type(self).__name__} knows no {', '.join(unknown)}; beside the inputs in its documentation a call may "
                f"have {', '.join(INSIDE)}."
            )
        chosen = {name: kwargs.get(name) for name in INSIDE}
        return {name: bool(getattr(self.config, name) if on is None else on) for name, on in chosen.items()}

    def _check_video(
        self,
        pixel_values_videos: torch.Tensor | None,
        frame_embeds: torch.Tensor | None,
        frame_mask: torch.Tensor | None,
        subject_masks: torch.Tensor | None,
        interpolate_pos_encoding: bool,
    ) -> None:
        """Raise ValueError for what cannot be computed, before the image tower has run for a minute."""
        if (pixel_values_videos is None) == (frame_embeds is None):
            given = "neither" if frame_embeds is None else "both"
            raise ValueError(f"Give either `pixel_values_videos` or `frame_embeds`, got {given}.")
        longest = getattr(self.temporal, "max_frames", None)
        if frame_embeds is None:
            pixels = cast(torch.Tensor, pixel_values_videos)
            self._check_pixels(pixels, subject_masks, interpolate_pos_encoding)
            check_frame_mask(frame_mask, pixels, longest)
            return
        if subject_masks is not None:
            raise ValueError(
                "`subject_masks` belong to pixels, got `frame_embeds`; give them to `get_frame_features`."
            )
        check_frame_embeds(frame_embeds, self.config.projection_dim)
        check_frame_mask(frame_mask, frame_embeds, longest)

    def _check_pixels(
        self, pixels: torch.Tensor, subject_masks: torch.Tensor | None, interpolate_pos_encoding: bool
    ) -> None:
        vision = self.config.vision_config
        check_pixels(pixels, vision.num_channels, vision.image_size, interpolate_pos_encoding)
        check_subject_masks(subject_masks, pixels, self.config.subject_prompting)

    def _run_vision_tower(
        self,
        pixel_values_videos: torch.Tensor,
        subject_masks: torch.Tensor | None,
        interpolate_pos_encoding: bool = False,
        **asked: bool,
    ) -> BaseModelOutputWithPooling:
        inputs = {"pixel_values": pixel_values_videos.flatten(0, 1)}
        if subject_masks is not None:
            inputs["subject_masks"] = subject_masks.flatten(0, 1)
        return self.vision_model(
            **inputs, interpolate_pos_encoding=interpolate_pos_encoding, return_dict=True, **asked
        )

    def _project_frames(self, outputs: BaseModelOutputWithPooling, pixels: torch.Tensor) -> torch.Tensor:
        return self.visual_projection(outputs.pooler_output).view(*pixels.shape[:2], -1)

    def _in_own_type(self, frame_embeds: torch.Tensor) -> torch.Tensor:
        """Embeddings that were computed before may have been kept in another type than the weights'."""
        return frame_embeds.to(self.visual_projection.weight.dtype)

    def _pool_frames(
        self,
        frame_embeds: torch.Tensor,
        frame_mask: torch.Tensor | None,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
    ) -> BaseModelOutputWithPooling:
        # Heads as wide as the released ones fit no flash kernel, and a clip is short: what is not eager is SDPA here.
        eager = output_attentions or self.config.temporal_config._attn_implementation == "eager"
        output = self.temporal(frame_embeds, frame_mask, eager)
        return BaseModelOutputWithPooling(
            last_hidden_state=output.last_hidden_state,
            pooler_output=self._project_expression(output.pooled),
            hidden_states=output.hidden_states if output_hidden_states else None,
            attentions=output.attentions if output_attentions else None,
        )

    def _project_expression(self, embeds: torch.Tensor) -> torch.Tensor:
        """Exp-CLIP's projection where there is one; both towers share it."""
        if self.config.expression_projection_dim is None:
            return embeds
        return self.expression_projection(embeds)


def init_linear_as_torch(layer: nn.Linear) -> None:
    """PyTorch's own default for linear layers, which the originals rely on."""
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5))
    if layer.bias is not None:
        bound = 1 / math.sqrt(layer.in_features)
        nn.init.uniform_(layer.bias, -bound, bound)


def _init_linears_as_torch(transformer: nn.Module) -> None:
    for module in transformer.modules():
        if isinstance(module, nn.Linear):
            init_linear_as_torch(module)
    # PyTorch's multi-head attention departs from the default of linear layers.
    for module in transformer.modules():
        if isinstance(module, EmoCLIPResidualAttention):
            nn.init.xavier_uniform_(module.in_proj.weight)
            nn.init.zeros_(module.in_proj.bias)
            nn.init.zeros_(module.out_proj.bias)


def _build_vision_tower(config: EmoCLIPConfig) -> CLIPVisionModel:
    if config.subject_prompting == "none":
        return CLIPVisionModel(config.vision_config)
    return EmoCLIPSubjectVisionModel(config.vision_config, config.subject_prompting, config.subject_binary)


def _build_temporal(config: EmoCLIPConfig) -> nn.Module:
    """The pooling that the configuration names."""
    temporal = config.temporal_config
    if temporal.pooling == "mean":
        return EmoCLIPMeanPooling()
    if temporal.pooling == "middle_frame":
        return EmoCLIPMiddleFramePooling()
    kind = EmoCLIPTemporalTransformer if temporal.pooling == "cls_transformer" else EmoCLIPResidualTransformer
    return kind(
        hidden_size=config.projection_dim,
        num_layers=temporal.num_hidden_layers,
        num_heads=temporal.num_attention_heads,
        head_dim=temporal.head_dim,
        intermediate_size=temporal.intermediate_size,
        max_positions=temporal.max_position_embeddings,
        eps=temporal.layer_norm_eps,
        dropout=temporal.dropout,
    )


__all__ = ["EmoCLIPPreTrainedModel", "EmoCLIPVideoEncoder", "init_linear_as_torch"]
