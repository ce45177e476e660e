# SPDX-License-Identifier: Apache-2.0
"""Subject prompting: a token that tells CLIP's image tower which person of a frame is meant (EmotionCLIP, section 3.3).

The mask travels as one more channel of the pixels, so that the tower runs as transformers wrote it: hidden states,
attentions, gradient checkpointing and every attention implementation work as in plain CLIP.
"""

from typing import Any, cast

import torch
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModel
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.clip.modeling_clip import CLIPAttention, CLIPVisionEmbeddings

from .attention_emoclip import attend


# The gate starts at sigmoid(-2) = 0.12, so that attention starts close to the pre-trained tower's.
INITIAL_GATE = -2.0


def patch_coverage(masks: torch.Tensor, patch_size: int, binary: bool = False) -> torch.Tensor:
    r"""Share of every patch that the subject covers.

    Source: EmotionCLIP `src/models/base.py`, average pooling with kernel and stride of one patch.

    Args:
        masks (`torch.Tensor` of shape `(num_frames, height, width)`):
            1 where the subject is, 0 elsewhere.
        patch_size (`int`):
            Side of a patch in pixels.
        binary (`bool`, *optional*, defaults to `False`):
            Count every patch that the subject touches in full, as the paper's set of patches reads.

    Returns:
        `torch.Tensor` of shape `(num_frames, num_patches)`, in [0, 1], patches row by row.
    """
    coverage = nn.functional.avg_pool2d(masks.unsqueeze(1), patch_size).flatten(1)
    return (coverage > 0).to(coverage.dtype) if binary else coverage


class EmoCLIPSubjectEmbeddings(CLIPVisionEmbeddings):
    """CLIP's patch embeddings with the subject token last.

    With `learned=False` (SAP) the token is the sum of the patches' position embeddings, weighted by coverage; it has no
    parameter and gets no position of its own. With `learned=True` (SAAM) it is a parameter.
    """

    def __init__(self, config: CLIPVisionConfig, *, learned: bool, binary: bool):
        super().__init__(config)
        self.binary = binary
        if learned:
            self.subject_token = nn.Parameter(torch.empty(config.hidden_size))

    def forward(self, pixel_values: torch.Tensor, interpolate_pos_encoding: bool | None = False) -> torch.Tensor:
        """(N, channels + 1, H, W), the mask last, to (N, 1 + patches + 1, width)."""
        pixels, masks = pixel_values[:, :-1], pixel_values[:, -1]
        embeddings = super().forward(pixels, interpolate_pos_encoding)
        if hasattr(self, "subject_token"):
            token = self.subject_token.to(embeddings.dtype).expand(embeddings.shape[0], -1)
        else:
            # By a call, not by its weight: offloaded weights are there only while their module runs.
            positions = self.position_embedding(self.position_ids)
            if interpolate_pos_encoding:
                positions = self.interpolate_pos_encoding(embeddings, *pixels.shape[-2:])
            coverage = patch_coverage(masks, cast(int, self.patch_size), self.binary)
            token = coverage.to(positions.dtype) @ positions[0, 1:]
        return torch.cat([embeddings, token.unsqueeze(1).to(embeddings.dtype)], dim=1)


class EmoCLIPSubjectAttention(CLIPAttention):
    """Subject-aware attention masking (SAAM): every token sees the frame, and the subject through a masked attention.

    With S the softmax of the scores and U the softmax of the masked scores, the output is `[S * (1 - A) + (S * A) U] V`,
    where A is the sigmoid of one learned number per head. This is our reading of EmotionCLIP's equations 1 to 4, whose
    parameterisation the paper leaves open and for which no code was published; it is experimental.
    """

    def __init__(self, config: CLIPVisionConfig):
        super().__init__(config)
        self.subject_gate = nn.Parameter(torch.empty(self.num_heads))

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        subject_patches: torch.Tensor | None = None,
        output_attentions: bool | None = None,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(N, S, width) in and out, with S's weights; `subject_patches` (N, patches) is True where the subject is."""
        heads = (*hidden_states.shape[:-1], self.num_heads, self.head_dim)
        query, key, value = (
            project(hidden_states).view(heads).transpose(1, 2) for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        eager = bool(output_attentions) or self.config._attn_implementation == "eager"
        subject, _ = attend(query, key, value, subject_attention_mask(subject_patches), eager=eager)
        gate = self.subject_gate.sigmoid().to(value.dtype)[:, None, None]
        attended, weights = attend(query, key, value + gate * (subject - value), eager=eager)
        return self.out_proj(attended.transpose(1, 2).flatten(2)), weights


def subject_attention_mask(subject_patches: torch.Tensor | None) -> torch.Tensor | None:
    """Which token may see which in the subject's own attention (EmotionCLIP, equations 3 and 4).

    Tokens are CLS, patches, subject. Patches outside the subject do not see the subject's token, and that token sees
    itself and the subject's patches only; all else is free.

    Args:
        subject_patches: boolean (N, patches), True where the subject is; `None` hides nothing.

    Returns:
        Boolean (N, 1, S, S) with S = patches + 2, True where the row's token may see the column's.
    """
    if subject_patches is None:
        return None
    batch_size, num_patches = subject_patches.shape
    allowed = subject_patches.new_ones(batch_size, num_patches + 2, num_patches + 2)
    allowed[:, 1:-1, -1] = subject_patches
    allowed[:, -1, 1:-1] = subject_patches
    allowed[:, -1, 0] = False
    return allowed.unsqueeze(1)


class EmoCLIPSubjectVisionModel(CLIPVisionModel):
    """CLIP's image tower with subject prompting, `"sap"` or `"saam"`."""

    def __init__(self, config: CLIPVisionConfig, prompting: str, binary: bool = False):
        super().__init__(config)
        self.masks_attention = prompting == "saam"
        self.embeddings = EmoCLIPSubjectEmbeddings(config, learned=self.masks_attention, binary=binary)
        if self.masks_attention:
            for layer in self.encoder.layers:
                layer.self_attn = EmoCLIPSubjectAttention(config)
        self.post_init()

    @classmethod
    def is_custom_code(cls) -> bool:
        """Initialise as CLIP's own tower does, see `EmoCLIPPreTrainedModel.is_custom_code`."""
        return False

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, EmoCLIPSubjectAttention):
            nn.init.constant_(module.subject_gate, INITIAL_GATE)
        elif isinstance(module, EmoCLIPSubjectEmbeddings) and self.masks_attention:
            # As CLIP starts its class token.
            nn.init.normal_(module.subject_token, std=module.embed_dim**-0.5 * self.config.initializer_factor)

    def forward(
        self, pixel_values: torch.Tensor, subject_masks: torch.Tensor, **kwargs: Any
    ) -> BaseModelOutputWithPooling:
        """Encode frames (N, channels, H, W) with masks (N, H, W) of 0 and 1."""
        if self.masks_attention:
            patch_size = cast(int, self.config.patch_size)
            kwargs["subject_patches"] = patch_coverage(subject_masks.to(pixel_values.dtype), patch_size) > 0
        packed = torch.cat([pixel_values, subject_masks.unsqueeze(1).to(pixel_values.dtype)], dim=1)
        return super().forward(pixel_values=packed, **kwargs)


__all__ = ["EmoCLIPSubjectVisionModel", "patch_coverage", "subject_attention_mask"]
