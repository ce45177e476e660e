# SPDX-License-Identifier: Apache-2.0
"""Exp-CLIP's projection heads: from CLIP's joint space to the space of an LLM's features.

The released heads are linear. The paper's Table 4 also tries MLPs of two and three layers and a transformer encoder, whose
sizes it does not give; those here are our reading.
"""

from itertools import pairwise
from typing import Any, cast

import torch
from torch import nn


EXPRESSION_PROJECTION_TYPES = ("linear", "mlp2", "mlp3", "transformer")


class EmoCLIPProjectionMLP(nn.Module):
    r"""Linear layers with GELU between them; the last has no bias, as the linear head has none."""

    def __init__(self, in_features: int, hidden_size: int, out_features: int, num_layers: int):
        super().__init__()
        widths = [in_features, *[hidden_size] * (num_layers - 1), out_features]
        self.layers = nn.ModuleList(
            nn.Linear(width, following, bias=place < num_layers - 1)
            for place, (width, following) in enumerate(pairwise(widths))
        )

    def forward(self, embeds: torch.Tensor) -> torch.Tensor:
        """(..., in_features) to (..., out_features)."""
        for layer in self.layers[:-1]:
            embeds = nn.functional.gelu(layer(embeds))
        return self.layers[-1](embeds)


class EmoCLIPProjectionTransformer(nn.Module):
    r"""A transformer encoder layer and a linear map, on the embedding as a sequence of one token.

    A single token attends to itself alone, with weight 1 whatever query and key are; so there are none, and the attention is
    its value and output maps.
    """

    def __init__(self, in_features: int, hidden_size: int, out_features: int):
        super().__init__()
        self.attention_norm = nn.LayerNorm(in_features)
        self.value = nn.Linear(in_features, in_features)
        self.output = nn.Linear(in_features, in_features)
        self.mlp_norm = nn.LayerNorm(in_features)
        self.fc1 = nn.Linear(in_features, hidden_size)
        self.fc2 = nn.Linear(hidden_size, in_features)
        self.final_norm = nn.LayerNorm(in_features)
        self.projection = nn.Linear(in_features, out_features, bias=False)

    def forward(self, embeds: torch.Tensor) -> torch.Tensor:
        """(..., in_features) to (..., out_features)."""
        embeds = embeds + self.output(self.value(self.attention_norm(embeds)))
        embeds = embeds + self.fc2(nn.functional.gelu(self.fc1(self.mlp_norm(embeds))))
        return self.projection(self.final_norm(embeds))


def build_expression_projection(config: Any) -> nn.Module:
    """The head that a configuration names, from `projection_dim` to `expression_projection_dim`."""
    width, out_features = config.projection_dim, cast(int, config.expression_projection_dim)
    kind = config.expression_projection_type
    if kind == "linear":
        return nn.Linear(width, out_features, bias=False)
    if kind == "transformer":
        return EmoCLIPProjectionTransformer(width, config.expression_projection_hidden_size or 4 * width, out_features)
    return EmoCLIPProjectionMLP(
        width, config.expression_projection_hidden_size or width, out_features, 2 if kind == "mlp2" else 3
    )


__all__ = [
    "EXPRESSION_PROJECTION_TYPES",
    "EmoCLIPProjectionMLP",
    "EmoCLIPProjectionTransformer",
    "build_expression_projection",
]
