# SPDX-License-Identifier: Apache-2.0
"""What tells the weights of a loaded model from others."""

from __future__ import annotations

import hashlib
from typing import Any

import torch


def weights_digest(model: torch.nn.Module) -> str:
    """Return a hash of all weights of a loaded model, bit by bit, wherever it came from."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def weights_version(model: Any) -> tuple:
    """Return what changes, within a process, when weights are replaced or written to."""
    return tuple(
        (parameter.data_ptr(), 0 if parameter.is_inference() else parameter._version)
        for parameter in model.parameters()
    )


__all__ = ["weights_digest", "weights_version"]
