# SPDX-License-Identifier: Apache-2.0
"""Writing of state dicts in the forms that the original repositories read."""

from __future__ import annotations

import uuid
from pathlib import Path

import torch
from safetensors.torch import save_file

from .rename import Tensors


FORMATS = (".pth", ".pt", ".safetensors")


def check_format(path: Path) -> None:
    """Check the ending of a file to write.

    Raises:
        ValueError: It is no format that can be written.
    """
    if path.suffix not in FORMATS:
        raise ValueError(f"The output must end in one of {', '.join(FORMATS)}, got {path.name}.")


def save_state_dict(state: Tensors, path: Path) -> Path:
    """Write tensors under a temporary name, rename the file and return its path.

    Raises:
        ValueError: The ending is no format that can be written.
    """
    check_format(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        if path.suffix == ".safetensors":
            save_file(state, partial)
        else:
            torch.save(state, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


__all__ = ["FORMATS", "check_format", "save_state_dict"]
