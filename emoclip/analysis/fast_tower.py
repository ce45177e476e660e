# SPDX-License-Identifier: Apache-2.0
"""CLIP's image tower in bfloat16 as oneDNN computes it fastest on a CPU; the same numbers as the model's own, but for rounding.

What it does beyond the model's own code:
- weights are laid out for the matrix products once, not at every call;
- activation and residual are part of the matrix products: no pass over memory of their own. The quick GELU x * sigmoid(1.702 x)
  is SiLU(1.702 x) / 1.702, so 1.702 moves into the weights before it and out of those after it;
- grey levels enter as they are, which bfloat16 holds exactly; mean and deviation move into the weights of the patches;
- query, key and value are one product, attention over few tokens is two plain ones, and in the last layer only the class token goes
  on, for only it is read.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F

from emoclip.precision import cpu_computes_bfloat16


# Rows of a matrix product that fill the cores and stay in the cache.
ROWS = 1600
# Up to so many tokens plain matrix products take half the time of PyTorch's fused attention (50 of ViT-B/32, 145 tried); at 197
# both take the same, at 257 and 577 (ViT-L/14) the fused one takes two thirds.
FEW_TOKENS = 160
QUICK = 1.702
ACTIVATIONS = ("quick_gelu", "gelu")
# Below this cosine to the model's own embedding something is wrong with this computer's kernels.
MIN_COSINE = 0.998
Pair = tuple[torch.Tensor, torch.Tensor]


class FastImageTower:
    """Frame embeddings (frames, dim) from grey levels (frames, 3, height, width).

    Args:
        model: An `EmoCLIPModel` on the CPU for which `is_usable` holds; its weights are copied.
        video_processor: Of the model; says how grey levels are normalised.
    """

    def __init__(self, model: Any, video_processor: Any):
        vision, config = model.vision_model, model.config.vision_config
        self.patch_size, self.num_heads, self.width = config.patch_size, config.num_attention_heads, config.hidden_size
        self.eps = config.layer_norm_eps
        self.num_tokens = (config.image_size // config.patch_size) ** 2 + 1
        self.batch_size = max(1, ROWS // self.num_tokens)
        self.activation = ("swish", "") if config.hidden_act == "quick_gelu" else ("gelu", "none")
        embeddings = vision.embeddings
        positions = embeddings.position_embedding.weight.detach().float()
        self.patches = _patches(embeddings.patch_embedding.weight, video_processor)
        self.class_token = (embeddings.class_embedding.detach().float() + positions[0]).bfloat16()
        self.positions = positions[1:].bfloat16()
        self.first_norm = _norm(vision.pre_layrnorm)
        self.last_norm = _norm(vision.post_layernorm)
        self.projection = model.visual_projection.weight.detach().bfloat16()
        factor = QUICK if config.hidden_act == "quick_gelu" else 1.0
        layers = list(vision.encoder.layers)
        self.layers = [_Layer(layer, factor) for layer in layers[:-1]]
        self.last = _LastLayer(layers[-1], factor)

    def __call__(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the embeddings of frames of any number, uint8 or float grey levels, in bfloat16."""
        return torch.cat([self._run(part) for part in frames.split(self.batch_size)])

    def _run(self, frames: torch.Tensor) -> torch.Tensor:
        count, tokens, width = len(frames), self.num_tokens, self.width
        hidden = torch.empty(count, tokens, width, dtype=torch.bfloat16)
        hidden[:, 0] = self.class_token
        patches = _linear(self._cut(frames), self.patches).view(count, tokens - 1, width)
        torch.add(patches, self.positions, out=hidden[:, 1:])
        hidden = F.layer_norm(hidden, (width,), *self.first_norm, self.eps).view(-1, width)
        for layer in self.layers:
            attended = self._attend(_linear(self._norm(hidden, layer.norm1), layer.qkv), count)
            hidden = _linear_add(attended, hidden, layer.out)
            expanded = _linear(self._norm(hidden, layer.norm2), layer.fc1, *self.activation)
            hidden = _linear_add(expanded, hidden, layer.fc2)
        return F.linear(self._norm(self._last_layer(hidden, count), self.last_norm), self.projection)

    def _last_layer(self, hidden: torch.Tensor, count: int) -> torch.Tensor:
        """The class tokens after the last layer, (frames, width)."""
        layer, heads = self.last, self.num_heads
        normed = self._norm(hidden, layer.norm1)
        key, value = _linear(normed, layer.key_value).view(count, self.num_tokens, 2, heads, -1).permute(2, 0, 3, 1, 4)
        query = F.linear(normed.view(count, self.num_tokens, -1)[:, 0], *layer.query).view(count, heads, 1, -1)
        attended = F.scaled_dot_product_attention(query, key, value).reshape(count, -1)
        classes = hidden.view(count, self.num_tokens, -1)[:, 0].contiguous()
        classes = _linear_add(attended, classes, layer.out)
        expanded = _linear(self._norm(classes, layer.norm2), layer.fc1, *self.activation)
        return _linear_add(expanded, classes, layer.fc2)

    def _cut(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames as rows of patches, (frames * patches, 3 * patch * patch), in bfloat16."""
        count, side = len(frames), self.patch_size
        rows, columns = frames.shape[-2] // side, frames.shape[-1] // side
        cut = frames.view(count, 3, rows, side, columns, side).permute(0, 2, 4, 1, 3, 5)
        return cut.reshape(count * rows * columns, 3 * side * side).bfloat16()

    def _norm(self, hidden: torch.Tensor, norm: Pair) -> torch.Tensor:
        return F.layer_norm(hidden, (self.width,), *norm, self.eps)

    def _attend(self, fused: torch.Tensor, count: int) -> torch.Tensor:
        heads, tokens = self.num_heads, self.num_tokens
        split = fused.view(count, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)
        if tokens > FEW_TOKENS:
            attended = F.scaled_dot_product_attention(split[0], split[1], split[2], scale=1.0)
        else:
            attended = _plain_attention(split.reshape(3, count * heads, tokens, -1)).view(count, heads, tokens, -1)
        return attended.transpose(1, 2).reshape(count * tokens, self.width)


class _Layer:
    """The weights of a layer; the queries are scaled as attention wants them."""

    def __init__(self, layer: Any, factor: float):
        attention = layer.self_attn
        parts = ((attention.q_proj, attention.head_dim**-0.5), (attention.k_proj, 1.0), (attention.v_proj, 1.0))
        self.norm1, self.norm2 = _norm(layer.layer_norm1), _norm(layer.layer_norm2)
        weights, biases = ([getattr(part, kind) * scale for part, scale in parts] for kind in ("weight", "bias"))
        self.qkv = _packed(torch.cat(weights), torch.cat(biases))
        self.out = _packed(attention.out_proj.weight, attention.out_proj.bias)
        self.fc1 = _packed(layer.mlp.fc1.weight * factor, layer.mlp.fc1.bias * factor)
        self.fc2 = _packed(layer.mlp.fc2.weight / factor, layer.mlp.fc2.bias)


class _LastLayer:
    """The weights of the last layer, in which only the class token asks and goes on."""

    def __init__(self, layer: Any, factor: float):
        attention = layer.self_attn
        parts = (attention.k_proj, attention.v_proj)
        self.norm1, self.norm2 = _norm(layer.layer_norm1), _norm(layer.layer_norm2)
        self.query = (attention.q_proj.weight.detach().bfloat16(), attention.q_proj.bias.detach().bfloat16())
        self.key_value = _packed(torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts]))
        self.out = _packed(attention.out_proj.weight, attention.out_proj.bias)
        self.fc1 = _packed(layer.mlp.fc1.weight * factor, layer.mlp.fc1.bias * factor)
        self.fc2 = _packed(layer.mlp.fc2.weight / factor, layer.mlp.fc2.bias)


def is_usable(model: Any) -> bool:
    """Whether the fast tower computes what the model's own does, as far as its kind tells."""
    config = model.config.vision_config
    has_kernels = (
        torch.backends.mkldnn.is_available()
        and cpu_computes_bfloat16()
        and all(hasattr(torch.ops.mkldnn, name) for name in ("_linear_pointwise", "_reorder_linear_weight"))
    )
    plain = model.config.subject_prompting == "none" and config.hidden_act in ACTIVATIONS
    whole_patches = config.num_channels == 3 and config.image_size % config.patch_size == 0
    return has_kernels and plain and model.device.type == "cpu" and whole_patches and not is_adapted(model)


def is_adapted(model: Any) -> bool:
    """Whether layers of the image tower are wrapped, as PEFT does, so that their weights alone do not tell what they do."""
    return any(type(module).__module__.startswith("peft.") for module in model.vision_model.modules())


@torch.inference_mode()
def agrees(tower: FastImageTower, model: Any, video_processor: Any) -> bool:
    """Whether the fast tower and the model's own give the same for noise, on this computer."""
    side = model.config.vision_config.image_size
    noise = torch.randint(0, 256, (2, 3, side, side), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    own = model.get_frame_features(video_processor.normalize_frames(noise)[None].to(model.dtype))[0]
    return bool(F.cosine_similarity(own.float(), tower(noise).float(), dim=-1).min() > MIN_COSINE)


def _plain_attention(split: torch.Tensor) -> torch.Tensor:
    """Attention by plain matrix products over queries, keys and values (3, heads, tokens, width of a head)."""
    query, key, value = split.unbind()
    scores = torch.bmm(query, key.transpose(1, 2))
    # PyTorch's softmax is faster in float32 than in bfloat16, and exacter.
    return torch.bmm(torch.softmax(scores, dim=-1, dtype=torch.float32).bfloat16(), value)


def _patches(weight: torch.Tensor, video_processor: Any) -> Pair:
    """The patch embedding with the processor's normalisation inside."""
    weight = weight.detach().double()
    scale = video_processor.rescale_factor if video_processor.do_rescale else 1.0
    mean, std = torch.zeros(3).double(), torch.ones(3).double()
    if video_processor.do_normalize:
        mean, std = torch.tensor(video_processor.image_mean).double(), torch.tensor(video_processor.image_std).double()
    bias = -(weight * (mean / std)[None, :, None, None]).sum(dim=(1, 2, 3))
    return _packed((weight * (scale / std)[None, :, None, None]).flatten(1), bias)


def _norm(norm: Any) -> Pair:
    return norm.weight.detach().bfloat16(), norm.bias.detach().bfloat16()


def _packed(weight: torch.Tensor, bias: torch.Tensor) -> Pair:
    laid_out = torch.ops.mkldnn._reorder_linear_weight(weight.detach().bfloat16().contiguous(), ROWS)
    return laid_out, bias.detach().bfloat16()


def _linear(rows: torch.Tensor, weights: Pair, activation: str = "none", algorithm: str = "") -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise(rows, *weights, activation, [], algorithm)


def _linear_add(rows: torch.Tensor, residual: torch.Tensor, weights: Pair) -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise.binary(rows, residual, *weights, "add")


__all__ = ["FastImageTower", "agrees", "is_usable"]
